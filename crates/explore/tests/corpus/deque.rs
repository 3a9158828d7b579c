//! A deque whose owner and thief take the last element both.
//! David Chase and Yossi Lev, *Dynamic circular work-stealing deque*, SPAA 2005.

use threadbook_explore::std;

use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst};
use std::thread;

struct Deque {
    top: AtomicIsize,
    bottom: AtomicIsize,
    races: bool,
}

impl Deque {
    /// The owner's end.
    fn pop(&self) -> Option<isize> {
        let bottom = self.bottom.load(SeqCst) - 1;
        self.bottom.store(bottom, SeqCst);
        let top = self.top.load(SeqCst);
        if top < bottom {
            return Some(bottom);
        }
        let mut taken = top == bottom;
        if taken && self.races {
            taken = self.top.compare_exchange(top, top + 1, SeqCst, SeqCst).is_ok();
        }
        self.bottom.store(bottom + 1, SeqCst);
        taken.then_some(bottom)
    }

    /// The thief's end.
    fn steal(&self) -> Option<isize> {
        let top = self.top.load(SeqCst);
        let bottom = self.bottom.load(SeqCst);
        (top < bottom && self.top.compare_exchange(top, top + 1, SeqCst, SeqCst).is_ok()).then_some(top)
    }
}

fn run(races: bool) {
    let deque = Deque { top: AtomicIsize::new(0), bottom: AtomicIsize::new(2), races };
    let taken = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let note = |task: Option<isize>| {
        if let Some(task) = task {
            assert_eq!(taken[task as usize].fetch_add(1, SeqCst), 0, "a task runs twice");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| note(deque.steal()));
        note(deque.pop());
        note(deque.pop());
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
