//! A lost update: two threads read a counter, and both write what they read plus one.
//! Allen B. Downey, *The Little Book of Semaphores*, second edition, 2016, section 1.5.2.

use threadbook_explore::std;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

pub fn bug() {
    let count = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| count.store(count.load(SeqCst) + 1, SeqCst));
        }
    });
    assert_eq!(count.load(SeqCst), 2);
}

pub fn fixed() {
    let count = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| count.fetch_add(1, SeqCst));
        }
    });
    assert_eq!(count.load(SeqCst), 2);
}
