//! A panic keeps the variables of earlier cells, with the changes made before it.
//@ cell
let mut v = vec![1];
let name = String::from("ada");
//@ cell => panic: out of coffee
v.push(2);
println!("{name}");
panic!("out of coffee")
//@ cell => panic: index out of bounds
v[v.len()]
//@ cell => panic: None
fn find(v: &[i32]) -> i32 { *v.iter().find(|n| **n > 5).unwrap() }
v.push(find(&v));
//@ cell => panic: nine: ParseIntError
v.push("9x".parse().expect("nine"));
//@ cell
(v, name)
//@ model
fn find(v: &[i32]) -> i32 { *v.iter().find(|n| **n > 5).unwrap() }
fn main() {
    let mut v = vec![1];
    let name = String::from("ada");
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        v.push(2);
        println!("{name}");
        panic!("out of coffee");
    }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        v[v.len()];
    }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        v.push(find(&v));
    }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        v.push("9x".parse().expect("nine"));
    }));
    println!("{:?}", (v, name));
}
//@ output
ada
([1, 2], "ada")
