//! A function that returns a borrow of its own variable is refused, and so is a borrow that a thread would outlive.
//@ cell => E0106
fn name() -> &str { "ada" }
//@ cell => E0515
fn name() -> &'static str { let s = String::from("ada"); &s }
//@ cell
let v = vec![1, 2];
//@ cell => E0373
let h = std::thread::spawn(|| v.len());
//@ cell => E0597
let r;
{ let inner = 5; r = &inner; }
println!("{r}");
//@ cell
v
//@ model
fn main() {
    let v = vec![1, 2];
    println!("{:?}", v);
}
//@ output
[1, 2]
