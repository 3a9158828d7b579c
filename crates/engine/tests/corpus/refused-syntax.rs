//! A cell that does not parse is refused, and the session goes on.
//@ cell
let n = 1;
//@ cell => syntax
let = = 3;
//@ cell => syntax
let n = 2
let m = 3;
//@ cell => syntax
println!("a")
println!("b")
//@ cell => syntax
let;
//@ cell => syntax
let gen = 5;
//@ cell => E0758
/* open
let n = 4;
//@ cell => E0765
let s = "open;
//@ cell => syntax
fn f() { let n = 5;
//@ cell => syntax
}
//@ cell
n
//@ model
fn main() {
    let n = 1;
    println!("{:?}", n);
}
//@ output
1
