//! `crate`, `self` and `super` name the root of the session.
//@ cell
fn root() -> &'static str { "root" }
mod a { pub fn up() -> String { super::root().to_uppercase() } pub mod b { pub fn up() -> usize { crate::a::up().len() + self::one() } fn one() -> usize { 1 } } }
//@ cell
use crate::a::b;
use self::a::up as a_up;
//@ cell
(crate::root(), a_up(), b::up())
//@ model
fn root() -> &'static str { "root" }
mod a { pub fn up() -> String { super::root().to_uppercase() } pub mod b { pub fn up() -> usize { crate::a::up().len() + self::one() } fn one() -> usize { 1 } } }
use crate::a::b;
use self::a::up as a_up;
fn main() { println!("{:?}", (crate::root(), a_up(), b::up())); }
//@ output
("root", "ROOT", 5)
