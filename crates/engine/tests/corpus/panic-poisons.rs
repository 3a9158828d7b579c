//! A panic with a lock held poisons it, as in a program.
//@ cell
use std::sync::{Arc, Mutex};
let m = Arc::new(Mutex::new(1));
//@ cell => panic: with the lock
let mut guard = m.lock().unwrap();
*guard += 1;
panic!("with the lock");
//@ cell
m.is_poisoned()
//@ cell => panic: PoisonError
*m.lock().unwrap()
//@ cell
*m.lock().unwrap_or_else(|e| e.into_inner())
//@ model
use std::sync::{Arc, Mutex};
fn main() {
    let m = Arc::new(Mutex::new(1));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut guard = m.lock().unwrap();
        *guard += 1;
        panic!("with the lock");
    }));
    println!("{:?}", m.is_poisoned());
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        *m.lock().unwrap();
    }));
    println!("{:?}", *m.lock().unwrap_or_else(|e| e.into_inner()));
}
//@ output
true
2
