//! A corrected `Drop` holds for the variables that exist; a redefined type is dropped by its old code.
//@ cell
struct Noisy(u8);
impl Drop for Noisy { fn drop(&mut self) { println!("first {}", self.0) } }
let a = Noisy(1);
let b = Noisy(2);
//@ cell
drop(a);
//@ cell
impl Drop for Noisy { fn drop(&mut self) { println!("second {}", self.0) } }
//@ cell
drop(b);
let c = Noisy(3);
//@ cell => dropped: c
struct Noisy { name: String }
impl Drop for Noisy { fn drop(&mut self) { println!("third {}", self.name) } }
println!("cell");
drop(Noisy { name: "d".into() });
//@ model
fn main() { println!("first 1\nsecond 2\nsecond 3\ncell\nthird d"); }
//@ output
first 1
second 2
second 3
cell
third d
