//! A static within a function, and within a method, keeps its value.
//@ cell
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
fn ticket() -> u32 { static NEXT: AtomicU32 = AtomicU32::new(1); NEXT.fetch_add(1, Relaxed) }
struct Printer;
impl Printer { fn page(&self) -> u32 { static N: AtomicU32 = AtomicU32::new(100); N.fetch_add(1, Relaxed) } }
//@ cell
ticket() + ticket()
//@ cell
let p = Printer;
(ticket(), p.page())
//@ cell
(ticket(), p.page())
//@ model
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
fn ticket() -> u32 { static NEXT: AtomicU32 = AtomicU32::new(1); NEXT.fetch_add(1, Relaxed) }
struct Printer;
impl Printer { fn page(&self) -> u32 { static N: AtomicU32 = AtomicU32::new(100); N.fetch_add(1, Relaxed) } }
fn main() {
    println!("{:?}", ticket() + ticket());
    let p = Printer;
    println!("{:?}", (ticket(), p.page()));
    println!("{:?}", (ticket(), p.page()));
}
//@ output
3
(3, 100)
(4, 101)
