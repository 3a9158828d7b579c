//! An iterator over a closure lives in its cell; the other variables of the cell are kept.
//@ cell => kept-not: evens
let limit = 7;
let mut evens = (1..limit).filter(|n| n % 2 == 0);
let first = evens.next();
//@ cell
(limit, first)
//@ cell => E0425: evens
evens.next()
//@ model
fn main() {
    let limit = 7;
    let mut evens = (1..limit).filter(|n| n % 2 == 0);
    let first = evens.next();
    println!("{:?}", (limit, first));
}
//@ output
(7, Some(2))
