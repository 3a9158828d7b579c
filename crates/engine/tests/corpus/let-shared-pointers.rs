//! `Rc`, `Arc`, `Weak`, `Cell`, `RefCell`, `Mutex` and `RwLock` are kept and shared between cells.
//@ cell
use std::{cell::{Cell, RefCell}, rc::Rc, sync::{Arc, Mutex, RwLock}};
let list = Rc::new(RefCell::new(vec![1]));
let other = Rc::clone(&list);
let weak = Rc::downgrade(&list);
let flag = Cell::new(false);
let total = Arc::new(Mutex::new(0.5));
let table = RwLock::new([0; 3]);
//@ cell
other.borrow_mut().push(2);
flag.set(true);
*total.lock().unwrap() += 1.0;
table.write().unwrap()[1] = 9;
//@ cell
(&list, flag.get(), *total.lock().unwrap(), *table.read().unwrap(), Rc::strong_count(&list))
//@ cell
drop((list, other));
weak.upgrade()
//@ model
use std::{cell::{Cell, RefCell}, rc::Rc, sync::{Arc, Mutex, RwLock}};
fn main() {
    let list = Rc::new(RefCell::new(vec![1]));
    let other = Rc::clone(&list);
    let weak = Rc::downgrade(&list);
    let flag = Cell::new(false);
    let total = Arc::new(Mutex::new(0.5));
    let table = RwLock::new([0; 3]);
    other.borrow_mut().push(2);
    flag.set(true);
    *total.lock().unwrap() += 1.0;
    table.write().unwrap()[1] = 9;
    println!("{:?}", (&list, flag.get(), *total.lock().unwrap(), *table.read().unwrap(), Rc::strong_count(&list)));
    drop((list, other));
    println!("{:?}", weak.upgrade());
}
//@ output
(RefCell { value: [1, 2] }, true, 1.5, [0, 9, 0], 2)
None
