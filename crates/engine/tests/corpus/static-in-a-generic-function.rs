//! A static within a generic function is one for all its instances and cells.
//@ cell
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
fn count<T>(_: T) -> u32 { static CALLS: AtomicU32 = AtomicU32::new(0); CALLS.fetch_add(1, Relaxed) }
//@ cell
(count(1), count("a"))
//@ cell
(count(2), count(0.5))
//@ model
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
fn count<T>(_: T) -> u32 { static CALLS: AtomicU32 = AtomicU32::new(0); CALLS.fetch_add(1, Relaxed) }
fn main() {
    println!("{:?}", (count(1), count("a")));
    println!("{:?}", (count(2), count(0.5)));
}
//@ output
(0, 1)
(2, 3)
