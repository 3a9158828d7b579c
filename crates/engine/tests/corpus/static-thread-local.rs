//! `thread_local!` at the end of a cell works, lasts, and is one a thread.
//@ cell
use std::cell::{Cell, RefCell};
thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LOG: RefCell<Vec<String>> = RefCell::new(vec![]);
}
//@ cell
DEPTH.set(DEPTH.get() + 2);
LOG.with_borrow_mut(|log| log.push("here".into()));
//@ cell
std::thread::spawn(|| { DEPTH.set(DEPTH.get() + 1); DEPTH.get() }).join().unwrap()
//@ cell
(DEPTH.get(), LOG.take())
//@ model
use std::cell::{Cell, RefCell};
thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LOG: RefCell<Vec<String>> = RefCell::new(vec![]);
}
fn main() {
    DEPTH.set(DEPTH.get() + 2);
    LOG.with_borrow_mut(|log| log.push("here".into()));
    println!("{:?}", std::thread::spawn(|| { DEPTH.set(DEPTH.get() + 1); DEPTH.get() }).join().unwrap());
    println!("{:?}", (DEPTH.get(), LOG.take()));
}
//@ output
1
(2, ["here"])
