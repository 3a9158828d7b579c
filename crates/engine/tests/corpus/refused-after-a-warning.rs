//! A warning of an earlier cell hides no error of a later one.
//@ cell
fn unused(n: u32, m: u32) -> u32 { n }
let mut never_changed = 5;
//@ cell => E0308
fn wrong(n: u32) -> String { n }
//@ cell => E0277
let n = 1 + 1.0;
//@ cell
unused(1, 2)
//@ model
fn unused(n: u32, m: u32) -> u32 { n }
fn main() { println!("{:?}", unused(1, 2)); }
//@ output
1
