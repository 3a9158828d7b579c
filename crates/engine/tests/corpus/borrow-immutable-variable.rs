//! A variable without `mut` is immutable in later cells.
//@ cell
let v = vec![1];
let n = 1;
//@ cell => E0596: v
v.push(2);
//@ cell => E0384: n
n = 2;
//@ cell => E0596: n
let r = &mut n;
//@ cell
let mut v = v;
v.push(n);
//@ cell
v
//@ model
fn main() {
    let v = vec![1];
    let n = 1;
    let mut v = v;
    v.push(n);
    println!("{:?}", v);
}
//@ output
[1, 1]
