//! Threads that give way to each other for ever.
//! Edward A. Ashcroft, *Proving assertions about parallel programs*, Journal of Computer and System Sciences 10(1), 1975,
//! on freedom from livelock.

use threadbook_explore::std;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

fn run(has_order: bool) {
    let wants = [AtomicBool::new(false), AtomicBool::new(false)];
    let spoon = Mutex::new(0);
    let eat = |me: usize| {
        wants[me].store(true, SeqCst);
        while wants[1 - me].load(SeqCst) {
            if !has_order || me == 1 {
                // After you.
                wants[me].store(false, SeqCst);
                thread::yield_now();
                wants[me].store(true, SeqCst);
            } else {
                thread::yield_now();
            }
        }
        *spoon.lock().unwrap() += 1;
        wants[me].store(false, SeqCst);
    };
    thread::scope(|scope| {
        scope.spawn(|| eat(1));
        eat(0);
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
