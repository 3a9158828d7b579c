//! A constant of a later cell is that of all functions and arrays.
//@ cell
const LIMIT: usize = 2;
fn allowed(n: usize) -> bool { n <= LIMIT }
//@ cell
(allowed(3), [0; LIMIT])
//@ cell
const LIMIT: usize = 3;
//@ cell
(allowed(3), [0; LIMIT])
//@ model
const LIMIT: usize = 3;
fn allowed(n: usize) -> bool { n <= LIMIT }
fn main() {
    println!("{:?}", (false, [0; 2]));
    println!("{:?}", (allowed(3), [0; LIMIT]));
}
//@ output
(false, [0, 0])
(true, [0, 0, 0])
