//! A barrier that is used again: a fast thread passes it twice.
//! Allen B. Downey, *The Little Book of Semaphores*, second edition, 2016, section 3.6.

use threadbook_explore::std;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Barrier, Condvar, Mutex};
use std::thread;

/// A barrier for two threads that counts and never begins anew.
#[derive(Default)]
struct Once {
    count: Mutex<usize>,
    all: Condvar,
}

impl Once {
    fn wait(&self) {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        self.all.notify_all();
        drop(self.all.wait_while(count, |count| *count < 2).unwrap());
    }
}

fn run(wait: impl Fn() + Sync) {
    let rounds = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let work = |me: usize| {
        for round in 0..2 {
            rounds[me].store(round + 1, SeqCst);
            wait();
            assert!(rounds[1 - me].load(SeqCst) > round, "the other thread has not done its round");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| work(1));
        work(0);
    });
}

pub fn bug() {
    let barrier = Once::default();
    run(|| barrier.wait());
}

pub fn fixed() {
    let barrier = Barrier::new(2);
    run(|| {
        barrier.wait();
    });
}
