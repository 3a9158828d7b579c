//! Check, then act: both withdrawals find enough money, each under the lock, and not under one.
//! Brian Goetz and others, *Java Concurrency in Practice*, 2006, section 2.2.1.

use threadbook_explore::std;

use std::sync::Mutex;
use std::thread;

pub fn bug() {
    let balance = Mutex::new(100);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let is_enough = *balance.lock().unwrap() >= 80;
                if is_enough {
                    *balance.lock().unwrap() -= 80;
                }
            });
        }
    });
    assert!(*balance.lock().unwrap() >= 0);
}

pub fn fixed() {
    let balance = Mutex::new(100);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut balance = balance.lock().unwrap();
                if *balance >= 80 {
                    *balance -= 80;
                }
            });
        }
    });
    assert!(*balance.lock().unwrap() >= 0);
}
