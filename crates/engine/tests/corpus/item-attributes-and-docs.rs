//! Attributes, doc comments, inner attributes and a test module are part of a cell as of a file.
//@ cell
#![allow(dead_code, unused_variables)]
/// Adds one.
///
/// ```
/// assert_eq!(next(1), 2);
/// ```
#[inline]
#[must_use = "the sum"]
pub fn next(n: u32) -> u32 { n + 1 }
#[cfg(test)]
mod tests {
    use super::*;
    #[test] fn adds() { assert_eq!(next(1), 2); }
}
#[cfg(not(any()))] fn on() -> bool { true }
#[cfg(any())] fn on() -> bool { false }
//@ cell
#[allow(unused_mut)]
let mut n = next(1);
/** a block doc comment */
const TOP: u32 = 9;
//@ cell
(n, on(), TOP)
//@ model
#![allow(dead_code, unused_variables)]
/// Adds one.
#[inline]
#[must_use = "the sum"]
pub fn next(n: u32) -> u32 { n + 1 }
#[cfg(not(any()))] fn on() -> bool { true }
#[cfg(any())] fn on() -> bool { false }
/** a block doc comment */
const TOP: u32 = 9;
fn main() {
    #[allow(unused_mut)]
    let mut n = next(1);
    println!("{:?}", (n, on(), TOP));
}
//@ output
(2, true, 9)
