//! A lint that rustc denies refuses a cell, under the lint's name.
//@ cell => unconditional_panic
1 / 0
//@ cell => arithmetic_overflow
let n: u8 = 255 + 1;
//@ cell => overflowing_literals
let n: u8 = 256;
//@ cell
let n = 255u8;
n
//@ model
fn main() {
    let n = 255u8;
    println!("{:?}", n);
}
//@ output
255
