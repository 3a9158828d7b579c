//! An item of the session takes precedence over a glob import, in any order of the cells.
//@ cell
use std::collections::*;
#[derive(Debug, Default)]
struct HashMap(u8);
//@ cell
(HashMap::default(), BTreeMap::from([(1, 2)]))
//@ cell
#[derive(Debug, Default)]
struct BTreeMap(u8);
//@ cell
BTreeMap(3)
//@ cell
use std::cell::Cell;
//@ cell
#[derive(Debug)]
struct Cell(char);
Cell('#')
//@ model
fn main() { println!("(HashMap(0), {{1: 2}})\nBTreeMap(3)\nCell('#')"); }
//@ output
(HashMap(0), {1: 2})
BTreeMap(3)
Cell('#')
