//! A reference to a static that is later redefined stays valid and sees the old one.
//@ cell
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
static N: AtomicU8 = AtomicU8::new(1);
let old = &N;
//@ cell
static N: AtomicU8 = AtomicU8::new(50);
//@ cell
old.fetch_add(1, Relaxed);
(old.load(Relaxed), N.load(Relaxed))
//@ model
fn main() { println!("(2, 50)"); }
//@ output
(2, 50)
