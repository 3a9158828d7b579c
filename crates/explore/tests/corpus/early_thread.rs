//! A Mozilla thread that reads the handle of itself before its creator has stored it.
//! Shan Lu and others, *Learning from mistakes: a comprehensive study on real world concurrency bug characteristics*,
//! ASPLOS 2008, figure 2.

use threadbook_explore::std;

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, Thread};

fn run(waits: bool) {
    let shared = Arc::new((Mutex::new(None::<Thread>), Condvar::new()));
    let own = shared.clone();
    let handle = thread::spawn(move || {
        let (slot, stored) = &*own;
        let mut slot = slot.lock().unwrap();
        if waits {
            slot = stored.wait_while(slot, |slot| slot.is_none()).unwrap();
        }
        assert!(slot.is_some(), "the thread does not know its own handle");
    });
    *shared.0.lock().unwrap() = Some(handle.thread().clone());
    shared.1.notify_one();
    handle.join().unwrap();
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
