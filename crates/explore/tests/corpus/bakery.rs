//! The bakery algorithm without the flag that says that a thread is drawing its number.
//! Leslie Lamport, *A new solution of Dijkstra's concurrent programming problem*, Communications of the ACM 17(8), 1974.

use threadbook_explore::std;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::{hint, thread};

fn run(has_flag: bool) {
    let choosing = [AtomicBool::new(false), AtomicBool::new(false)];
    let number = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let inside = AtomicUsize::new(0);
    let enter = |me: usize| {
        let other = 1 - me;
        if has_flag {
            choosing[me].store(true, SeqCst);
        }
        number[me].store(1 + number[other].load(SeqCst), SeqCst);
        if has_flag {
            choosing[me].store(false, SeqCst);
            while choosing[other].load(SeqCst) {
                hint::spin_loop();
            }
        }
        loop {
            let theirs = number[other].load(SeqCst);
            if theirs == 0 || (number[me].load(SeqCst), me) < (theirs, other) {
                break;
            }
            hint::spin_loop();
        }
        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two threads are in the critical section");
        inside.fetch_sub(1, SeqCst);
        number[me].store(0, SeqCst);
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
