//! An item that the new text of a cell does not define any more stays.
//@ cell helpers
fn one() -> i32 { 1 }
fn two() -> i32 { 2 }
const THREE: i32 = 3;
//@ cell helpers
fn one() -> i32 { 10 }
//@ cell
one() + two() + THREE
//@ model
fn one() -> i32 { 10 }
fn two() -> i32 { 2 }
const THREE: i32 = 3;
fn main() { println!("{:?}", one() + two() + THREE); }
//@ output
15
