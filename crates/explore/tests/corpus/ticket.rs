//! A ticket lock whose tickets are drawn in two steps: two threads have one number.
//! John M. Mellor-Crummey and Michael L. Scott, *Algorithms for scalable synchronization on shared-memory
//! multiprocessors*, ACM Transactions on Computer Systems 9(1), 1991.

use threadbook_explore::std;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::{hint, thread};

fn run(draw: fn(&AtomicUsize) -> usize) {
    let (next, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let inside = AtomicUsize::new(0);
    let enter = || {
        let ticket = draw(&next);
        while served.load(SeqCst) != ticket {
            hint::spin_loop();
        }
        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two threads are in the critical section");
        inside.fetch_sub(1, SeqCst);
        served.fetch_add(1, SeqCst);
    };
    thread::scope(|scope| {
        scope.spawn(enter);
        enter();
    });
}

pub fn bug() {
    run(|next| {
        let ticket = next.load(SeqCst);
        next.store(ticket + 1, SeqCst);
        ticket
    });
}

pub fn fixed() {
    run(|next| next.fetch_add(1, SeqCst));
}
