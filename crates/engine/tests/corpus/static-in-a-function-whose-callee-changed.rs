//! A static within a function keeps its value when a function that it calls is redefined.
//@ cell
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
fn label() -> &'static str { "no" }
fn ticket() -> String { static NEXT: AtomicU32 = AtomicU32::new(1); format!("{} {}", label(), NEXT.fetch_add(1, Relaxed)) }
//@ cell
ticket()
//@ cell
fn label() -> &'static str { "number" }
//@ cell
ticket()
//@ model
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
fn ticket(label: &str) -> String { static NEXT: AtomicU32 = AtomicU32::new(1); format!("{} {}", label, NEXT.fetch_add(1, Relaxed)) }
fn main() {
    println!("{:?}", ticket("no"));
    println!("{:?}", ticket("number"));
}
//@ output
"no 1"
"number 2"
