//! `return` keeps the variables that its cell had declared before.
//@ cell
let r1 = 1; if r1 == 1 { return; }
//@ cell
r1
//@ model
fn main() {
    let r1 = 1;
    println!("{:?}", r1);
}
//@ output
1
