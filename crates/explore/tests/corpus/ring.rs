//! A ring buffer for one producer, which two use.
//! Leslie Lamport, *Specifying concurrent program modules*, ACM Transactions on Programming Languages and Systems 5(2),
//! 1983.

use threadbook_explore::std;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

#[derive(Default)]
struct Ring {
    slots: [AtomicUsize; 4],
    tail: AtomicUsize,
    producers: Mutex<()>,
}

impl Ring {
    fn push(&self, n: usize) {
        let tail = self.tail.load(SeqCst);
        self.slots[tail % 4].store(n, SeqCst);
        self.tail.store(tail + 1, SeqCst);
    }

    fn push_locked(&self, n: usize) {
        let _producer = self.producers.lock().unwrap();
        self.push(n);
    }
}

fn run(push: fn(&Ring, usize)) {
    let ring = Ring::default();
    thread::scope(|scope| {
        scope.spawn(|| push(&ring, 1));
        push(&ring, 2);
    });
    let sum: usize = (0..ring.tail.load(SeqCst)).map(|n| ring.slots[n].load(SeqCst)).sum();
    assert_eq!(sum, 3, "an element is lost");
}

pub fn bug() {
    run(Ring::push);
}

pub fn fixed() {
    run(Ring::push_locked);
}
