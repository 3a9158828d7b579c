//! A semaphore as a lock, which an early return does not release.
//! Allen B. Downey, *The Little Book of Semaphores*, second edition, 2016, section 3.4.

use threadbook_explore::std;

use std::sync::{Condvar, Mutex};
use std::thread;

struct Semaphore {
    count: Mutex<usize>,
    more: Condvar,
}

impl Semaphore {
    fn acquire(&self) {
        let mut count = self.more.wait_while(self.count.lock().unwrap(), |count| *count == 0).unwrap();
        *count -= 1;
    }

    fn release(&self) {
        *self.count.lock().unwrap() += 1;
        self.more.notify_one();
    }
}

fn run(work: fn(&Semaphore, u32) -> Result<(), ()>) {
    let semaphore = Semaphore { count: Mutex::new(1), more: Condvar::new() };
    thread::scope(|scope| {
        for n in 0..2 {
            let semaphore = &semaphore;
            scope.spawn(move || work(semaphore, n));
        }
    });
}

pub fn bug() {
    run(|semaphore, n| {
        semaphore.acquire();
        if n == 0 {
            return Err(());
        }
        semaphore.release();
        Ok(())
    });
}

pub fn fixed() {
    run(|semaphore, n| {
        semaphore.acquire();
        let result = if n == 0 { Err(()) } else { Ok(()) };
        semaphore.release();
        result
    });
}
