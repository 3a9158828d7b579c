//! A notification that comes before the wait: the condition is looked at outside of the lock.
//! Shan Lu and others, *Learning from mistakes: a comprehensive study on real world concurrency bug characteristics*,
//! ASPLOS 2008, on order violations.

use threadbook_explore::std;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Condvar, Mutex};
use std::thread;

pub fn bug() {
    let (is_done, lock, changed) = (AtomicBool::new(false), Mutex::new(()), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            is_done.store(true, SeqCst);
            changed.notify_one();
        });
        if !is_done.load(SeqCst) {
            drop(changed.wait(lock.lock().unwrap()).unwrap());
        }
    });
}

pub fn fixed() {
    let (is_done, changed) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            *is_done.lock().unwrap() = true;
            changed.notify_one();
        });
        drop(changed.wait_while(is_done.lock().unwrap(), |is_done| !*is_done).unwrap());
    });
}
