//! A boxed iterator over a closure is kept.
//@ cell
let mut squares: Box<dyn Iterator<Item = u64>> = Box::new((1..).map(|n| n * n).filter(|n| n % 2 == 1));
//@ cell
squares.next()
//@ cell
squares.by_ref().take(3).collect::<Vec<_>>()
//@ model
fn main() {
    let mut squares: Box<dyn Iterator<Item = u64>> = Box::new((1..).map(|n| n * n).filter(|n| n % 2 == 1));
    println!("{:?}", squares.next());
    println!("{:?}", squares.by_ref().take(3).collect::<Vec<_>>());
}
//@ output
Some(1)
[9, 25, 49]
