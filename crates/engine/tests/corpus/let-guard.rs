//! A guard of a lock lives in its cell, so the lock is free in the next one.
//@ cell
use std::sync::Mutex;
let lock = Mutex::new(vec![1]);
//@ cell => kept-not: guard
let mut guard = lock.lock().unwrap();
guard.push(2);
//@ cell
lock.try_lock().is_ok()
//@ cell
lock.into_inner()
//@ model
use std::sync::Mutex;
fn main() {
    let lock = Mutex::new(vec![1]);
    {
        let mut guard = lock.lock().unwrap();
        guard.push(2);
    }
    println!("{:?}", lock.try_lock().is_ok());
    println!("{:?}", lock.into_inner());
}
//@ output
true
Ok([1, 2])
