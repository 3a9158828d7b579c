//! A condition that is looked at once: another consumer takes the element between the notification and the lock.
//! Butler W. Lampson and David D. Redell, *Experience with processes and monitors in Mesa*, Communications of the ACM
//! 23(2), 1980.

use threadbook_explore::std;

use std::sync::{Condvar, Mutex};
use std::thread;

fn run(looks_again: bool) {
    let (queue, changed) = (Mutex::new(Vec::new()), Condvar::new());
    let take = || {
        let mut queue = queue.lock().unwrap();
        if looks_again {
            while queue.is_empty() {
                queue = changed.wait(queue).unwrap();
            }
        } else if queue.is_empty() {
            queue = changed.wait(queue).unwrap();
        }
        queue.pop().expect("an element")
    };
    thread::scope(|scope| {
        scope.spawn(take);
        scope.spawn(take);
        for n in 0..2 {
            queue.lock().unwrap().push(n);
            changed.notify_one();
        }
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
