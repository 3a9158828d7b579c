//! A variable moved into a boxed closure is used up; a copy is not.
//@ cell
let name = "ada".to_string();
let n = 3;
//@ cell
let greet: Box<dyn Fn() -> String> = Box::new(move || format!("{name} {n}"));
//@ cell
n
//@ cell
greet()
//@ cell => E0382: name
println!("{name}");
//@ model
fn main() {
    let name = "ada".to_string();
    let n = 3;
    let greet: Box<dyn Fn() -> String> = Box::new(move || format!("{name} {n}"));
    println!("{:?}", n);
    println!("{:?}", greet());
}
//@ output
3
"ada 3"
