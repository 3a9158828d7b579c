//! A static keeps its value from cell to cell (evcxr#55).
//@ cell
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
static COUNTER: AtomicUsize = AtomicUsize::new(0);
//@ cell
COUNTER.fetch_add(5, SeqCst);
//@ cell
fn bump() -> usize { COUNTER.fetch_add(1, SeqCst) + 1 }
bump();
//@ cell
(bump(), COUNTER.load(SeqCst))
//@ model
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
static COUNTER: AtomicUsize = AtomicUsize::new(0);
fn bump() -> usize { COUNTER.fetch_add(1, SeqCst) + 1 }
fn main() {
    COUNTER.fetch_add(5, SeqCst);
    bump();
    println!("{:?}", (bump(), COUNTER.load(SeqCst)));
}
//@ output
(7, 7)
