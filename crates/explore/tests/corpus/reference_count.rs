//! A reference count whose last owner is found out in two steps: the object is freed twice, or not at all.
//! Mara Bos, *Rust Atomics and Locks*, 2023, chapter 6.

use threadbook_explore::std;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

fn run(release: fn(&AtomicUsize) -> bool) {
    let (count, freed) = (AtomicUsize::new(2), AtomicUsize::new(0));
    let drop_one = || {
        if release(&count) {
            freed.fetch_add(1, SeqCst);
        }
    };
    thread::scope(|scope| {
        scope.spawn(drop_one);
        drop_one();
    });
    assert_eq!(freed.load(SeqCst), 1);
}

pub fn bug() {
    run(|count| {
        count.fetch_sub(1, SeqCst);
        count.load(SeqCst) == 0
    });
}

pub fn fixed() {
    run(|count| count.fetch_sub(1, SeqCst) == 1);
}
