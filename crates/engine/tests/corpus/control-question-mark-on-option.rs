//! `?` on an `Option` is refused in a cell of results, and works in a function.
//@ cell
fn second(s: &str) -> Option<char> { s.chars().nth(1)?.to_uppercase().next() }
//@ cell
(second("ab"), second("a"))
//@ cell => E0277
let c = second("ab")?;
//@ model
fn second(s: &str) -> Option<char> { s.chars().nth(1)?.to_uppercase().next() }
fn main() { println!("{:?}", (second("ab"), second("a"))); }
//@ output
(Some('B'), None)
