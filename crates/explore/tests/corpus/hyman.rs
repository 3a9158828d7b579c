//! A published algorithm for mutual exclusion that is none, and Peterson's in its place.
//! Harris Hyman, *Comments on a problem in concurrent programming control*, Communications of the ACM 9(1), 1966.

use threadbook_explore::std;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::{hint, thread};

pub fn bug() {
    let wants = [AtomicBool::new(false), AtomicBool::new(false)];
    let turn = AtomicUsize::new(0);
    let inside = AtomicUsize::new(0);
    let enter = |me: usize| {
        wants[me].store(true, SeqCst);
        while turn.load(SeqCst) != me {
            while wants[1 - me].load(SeqCst) {
                hint::spin_loop();
            }
            turn.store(me, SeqCst);
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

pub fn fixed() {
    super::peterson::fixed();
}
