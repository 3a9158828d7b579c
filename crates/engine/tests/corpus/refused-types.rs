//! Type errors, unknown names, wrong arguments and missing parts are refused with the codes of rustc.
//@ cell
struct P { x: i32 }
fn one(n: i32) -> i32 { n }
let p = P { x: 1 };
//@ cell => E0308
let s: String = p.x;
//@ cell => E0425: undefined
undefined
//@ cell => E0061
one(1, 2)
//@ cell => E0609
p.y
//@ cell => E0599
p.show()
//@ cell => E0560
P { x: 1, z: 2 }
//@ cell => E0433
HashMapp::new()
//@ cell => E0432
use std::collections::HashMapp;
//@ cell => E0425: Missing
let q: Missing = 1;
//@ cell => E0004
match Some(1) { Some(n) => n }
//@ cell => E0023
let Some(a, b) = Some(1) else { return };
//@ cell => E0106
struct Q { name: &str }
//@ cell => E0133
unsafe fn risky() {} fn call() { risky() }
//@ cell
one(p.x)
//@ model
struct P { x: i32 }
fn one(n: i32) -> i32 { n }
fn main() {
    let p = P { x: 1 };
    println!("{:?}", one(p.x));
}
//@ output
1
