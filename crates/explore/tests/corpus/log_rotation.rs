//! MySQL bug 791: a query is not logged, because the log is closed for a moment while it is rotated.
//! Shan Lu and others, *Learning from mistakes: a comprehensive study on real world concurrency bug characteristics*,
//! ASPLOS 2008, figure 4.

use threadbook_explore::std;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

fn run(locks: bool) {
    let (is_open, lock) = (AtomicBool::new(true), Mutex::new(()));
    let logged = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _rotation = locks.then(|| lock.lock().unwrap());
            is_open.store(false, SeqCst);
            is_open.store(true, SeqCst);
        });
        let _query = locks.then(|| lock.lock().unwrap());
        if is_open.load(SeqCst) {
            logged.fetch_add(1, SeqCst);
        }
    });
    assert_eq!(logged.load(SeqCst), 1, "a query is not in the log");
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
