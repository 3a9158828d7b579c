//! A value of an `impl Trait` type lives in its cell; a boxed one is kept.
//@ cell
fn evens(limit: u32) -> impl Iterator<Item = u32> { (0..limit).filter(|n| n % 2 == 0) }
//@ cell => kept-not: numbers
let mut numbers = evens(10);
let first = numbers.nth(1);
//@ cell
let mut numbers: Box<dyn Iterator<Item = u32>> = Box::new(evens(10));
//@ cell
(first, numbers.by_ref().sum::<u32>())
//@ model
fn evens(limit: u32) -> impl Iterator<Item = u32> { (0..limit).filter(|n| n % 2 == 0) }
fn main() {
    let mut numbers = evens(10);
    let first = numbers.nth(1);
    let mut numbers: Box<dyn Iterator<Item = u32>> = Box::new(evens(10));
    println!("{:?}", (first, numbers.by_ref().sum::<u32>()));
}
//@ output
(Some(2), 20)
