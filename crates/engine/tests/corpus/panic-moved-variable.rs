//! A variable that a cell moved before its panic is gone; the others are kept.
//@ cell
let a = String::from("a");
let b = String::from("b");
//@ cell => panic: full
drop(a);
if b.len() == 1 { panic!("full") }
//@ cell => E0382: a
a
//@ cell
b
//@ model => E0382
fn main() {
    let a = String::from("a");
    let b = String::from("b");
    drop(a);
    if b.len() == 1 { panic!("full") }
    println!("{a} {b}");
}
