//! The definition of a static executed again makes a new one, for the functions of earlier cells as well.
//@ cell
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//@ cell hits
static HITS: AtomicU32 = AtomicU32::new(0);
//@ cell
fn hit() -> u32 { HITS.fetch_add(1, Relaxed) + 1 }
hit();
//@ cell
hit()
//@ cell hits
static HITS: AtomicU32 = AtomicU32::new(0);
//@ cell
hit()
//@ cell hits
static HITS: AtomicU32 = AtomicU32::new(40);
//@ cell
(hit(), HITS.load(Relaxed))
//@ model
fn main() { println!("2\n1\n(41, 41)"); }
//@ output
2
1
(41, 41)
