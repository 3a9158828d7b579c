//! A bounded queue with one condition variable: the notification for a producer reaches another consumer.
//! Brian Goetz and others, *Java Concurrency in Practice*, 2006, section 14.2.4.

use threadbook_explore::std;

use std::sync::{Condvar, Mutex};
use std::thread;

fn run(notifies_all: bool) {
    let (slot, changed) = (Mutex::new(None), Condvar::new());
    let notify = || if notifies_all { changed.notify_all() } else { changed.notify_one() };
    let put = |n: u32| {
        let mut slot = changed.wait_while(slot.lock().unwrap(), |slot| slot.is_some()).unwrap();
        *slot = Some(n);
        notify();
    };
    let take = || {
        let mut slot = changed.wait_while(slot.lock().unwrap(), |slot| slot.is_none()).unwrap();
        *slot = None;
        notify();
    };
    thread::scope(|scope| {
        scope.spawn(take);
        scope.spawn(take);
        put(1);
        put(2);
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
