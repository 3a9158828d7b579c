//! Peterson's algorithm with its first two lines exchanged.
//! Gary L. Peterson, *Myths about the mutual exclusion problem*, Information Processing Letters 12(3), 1981.

use threadbook_explore::std;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::{hint, thread};

fn run(says_so_first: bool) {
    let wants = [AtomicBool::new(false), AtomicBool::new(false)];
    let turn = AtomicUsize::new(0);
    let inside = AtomicUsize::new(0);
    let enter = |me: usize| {
        if says_so_first {
            wants[me].store(true, SeqCst);
            turn.store(1 - me, SeqCst);
        } else {
            turn.store(1 - me, SeqCst);
            wants[me].store(true, SeqCst);
        }
        while wants[1 - me].load(SeqCst) && turn.load(SeqCst) == 1 - me {
            hint::spin_loop();
        }
        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two threads are in the critical section");
        inside.fetch_sub(1, SeqCst);
        wants[me].store(false, SeqCst);
    };
    thread::scope(|scope| {
        scope.spawn(|| enter(1));
        enter(0);
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
