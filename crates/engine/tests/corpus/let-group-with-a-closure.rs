//! The result of a closure and of a fold is kept although the closure is not.
//@ cell => kept-not: square
let square = |n: u32| n * n;
let squares: Vec<_> = (1..=4).map(square).collect();
let (even, odd): (Vec<_>, Vec<_>) = squares.iter().copied().partition(|n| n % 2 == 0);
let longest = ["to", "be", "or"].iter().fold("", |a, b| if b.len() > a.len() { b } else { a });
//@ cell
(even, odd, longest)
//@ model
fn main() {
    let square = |n: u32| n * n;
    let squares: Vec<_> = (1..=4).map(square).collect();
    let (even, odd): (Vec<_>, Vec<_>) = squares.iter().copied().partition(|n| n % 2 == 0);
    let longest = ["to", "be", "or"].iter().fold("", |a, b| if b.len() > a.len() { b } else { a });
    println!("{:?}", (even, odd, longest));
}
//@ output
([4, 16], [1, 9], "to")
