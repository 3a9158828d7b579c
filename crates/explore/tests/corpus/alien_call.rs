//! A listener that is called under the lock, and asks the object that calls it.
//! Joshua Bloch, *Effective Java*, third edition, 2018, item 79.

use threadbook_explore::std;

use std::sync::{Arc, Mutex};
use std::thread;

fn run(notify: fn(&Mutex<u32>, &dyn Fn(u32))) {
    let set = Arc::new(Mutex::new(0));
    let other = set.clone();
    let adder = thread::spawn(move || {
        *other.lock().unwrap() += 1;
        let seen = other.clone();
        notify(&other, &move |n| assert!(*seen.lock().unwrap() >= n));
    });
    *set.lock().unwrap() += 1;
    adder.join().unwrap();
}

pub fn bug() {
    run(|set, listener| {
        let guard = set.lock().unwrap();
        listener(*guard);
    });
}

pub fn fixed() {
    run(|set, listener| {
        let n = *set.lock().unwrap();
        listener(n);
    });
}
