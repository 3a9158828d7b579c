//! A `use` lasts: nested, renamed, glob, of variants, of a trait's methods, of functions and of own modules.
//@ cell
use std::{cmp::Ordering::{self, *}, collections::{BTreeMap as Map, btree_map::Entry}, fmt::Write as _, mem::swap};
mod deep { pub mod er { pub fn here() -> u8 { 1 } pub trait Half { fn half(&self) -> Self; } impl Half for f64 { fn half(&self) -> f64 { self / 2.0 } } } }
use deep::er::{self, *};
//@ cell
let mut m = Map::new();
if let Entry::Vacant(slot) = m.entry("k") { slot.insert(er::here() + here()); }
let (mut a, mut b) = (1, 2);
swap(&mut a, &mut b);
//@ cell
let mut text = String::new();
write!(text, "{}", 5.0.half())?;
let o: Ordering = if a > b { Greater } else { Less };
(m, text, o)
//@ model
use std::{cmp::Ordering::{self, *}, collections::{BTreeMap as Map, btree_map::Entry}, fmt::Write as _, mem::swap};
mod deep { pub mod er { pub fn here() -> u8 { 1 } pub trait Half { fn half(&self) -> Self; } impl Half for f64 { fn half(&self) -> f64 { self / 2.0 } } } }
use deep::er::{self, *};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut m = Map::new();
    if let Entry::Vacant(slot) = m.entry("k") { slot.insert(er::here() + here()); }
    let (mut a, mut b) = (1, 2);
    swap(&mut a, &mut b);
    let mut text = String::new();
    write!(text, "{}", 5.0.half())?;
    let o: Ordering = if a > b { Greater } else { Less };
    println!("{:?}", (m, text, o));
    Ok(())
}
//@ output
({"k": 2}, "2.5", Greater)
