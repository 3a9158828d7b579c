//! A pasted program is a cell that defines `main`, and a later cell may call it.
//@ cell
use std::collections::BTreeMap;

fn main() {
    let mut counts = BTreeMap::new();
    for word in "a b a".split_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    println!("{counts:?}");
}
//@ cell
main();
//@ cell
fn main() -> Result<(), std::num::ParseIntError> { println!("{}", "5".parse::<u8>()? + 1); Ok(()) }
main()?
//@ model
fn main() { println!("{{\"a\": 2, \"b\": 1}}\n6"); }
//@ output
{"a": 2, "b": 1}
6
