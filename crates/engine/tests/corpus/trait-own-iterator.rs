//! An own iterator has the adapters of std, in a `for` loop and across cells.
//@ cell
struct Fib { a: u64, b: u64 }
impl Iterator for Fib { type Item = u64; fn next(&mut self) -> Option<u64> { let n = self.a; (self.a, self.b) = (self.b, n + self.b); Some(n) } }
let mut fib = Fib { a: 0, b: 1 };
//@ cell
for n in fib.by_ref().take(5) { print!("{n} ") }
//@ cell
println!();
fib.next()
//@ cell
struct Deck(Vec<u8>);
impl<'a> IntoIterator for &'a Deck { type Item = &'a u8; type IntoIter = std::slice::Iter<'a, u8>; fn into_iter(self) -> Self::IntoIter { self.0.iter() } }
impl FromIterator<u8> for Deck { fn from_iter<I: IntoIterator<Item = u8>>(i: I) -> Deck { Deck(i.into_iter().collect()) } }
//@ cell
let deck: Deck = (1..=3).collect();
let mut sum = 0;
for card in &deck { sum += card }
(sum, fib.skip_while(|n| n % 10 != 0).next())
//@ model
struct Fib { a: u64, b: u64 }
impl Iterator for Fib { type Item = u64; fn next(&mut self) -> Option<u64> { let n = self.a; (self.a, self.b) = (self.b, n + self.b); Some(n) } }
fn main() {
    let mut fib = Fib { a: 0, b: 1 };
    for n in fib.by_ref().take(5) { print!("{n} ") }
    println!();
    println!("{:?}", fib.next());
    println!("{:?}", (6, fib.skip_while(|n| n % 10 != 0).next()));
}
//@ output
0 1 1 2 3 
Some(5)
(6, Some(610))
