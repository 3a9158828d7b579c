//! Integers are `i32` and floats are `f64` unless their cell says more.
//@ cell
let n = 7;
let x = 2.5;
let big = 1u64 << 40;
let byte = b'a';
let sum = n + 1_000_000;
//@ cell
let mean = (n as f64 + x) / 2.0;
let small: u8 = byte + 1;
//@ cell
fn size<T>(_: &T) -> usize { size_of::<T>() }
(size(&n), size(&x), size(&big), size(&byte), size(&sum), mean, small)
//@ model
fn size<T>(_: &T) -> usize { size_of::<T>() }
fn main() {
    let n = 7;
    let x = 2.5;
    let big = 1u64 << 40;
    let byte = b'a';
    let sum = n + 1_000_000;
    let mean = (n as f64 + x) / 2.0;
    let small: u8 = byte + 1;
    println!("{:?}", (size(&n), size(&x), size(&big), size(&byte), size(&sum), mean, small));
}
//@ output
(4, 8, 8, 1, 4, 4.75, 98)
