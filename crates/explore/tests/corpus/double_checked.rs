//! Double-checked locking that publishes the object before it is initialised.
//! David Bacon and others, *The "Double-Checked Locking is Broken" Declaration*, 2000.

use threadbook_explore::std;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock};
use std::thread;

pub fn bug() {
    let (is_ready, lock, value) = (AtomicBool::new(false), Mutex::new(()), AtomicU32::new(0));
    let get = || {
        if !is_ready.load(SeqCst) {
            let _guard = lock.lock().unwrap();
            if !is_ready.load(SeqCst) {
                is_ready.store(true, SeqCst);
                value.store(42, SeqCst);
            }
        }
        value.load(SeqCst)
    };
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(get(), 42));
        assert_eq!(get(), 42);
    });
}

pub fn fixed() {
    let value = OnceLock::new();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(*value.get_or_init(|| 42), 42));
        assert_eq!(*value.get_or_init(|| 42), 42);
    });
}
