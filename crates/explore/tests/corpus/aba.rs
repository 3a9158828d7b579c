//! A stack of nodes that are used again: the head is the same, and the node behind it is not (ABA).
//! R. Kent Treiber, *Systems programming: coping with parallelism*, IBM Research Report RJ 5118, 1986; the problem is
//! named in the System/370 *Principles of Operation*.

use threadbook_explore::std;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;

const NONE: usize = 9;

/// A stack of the nodes 0 and 1. The upper half of the head counts its changes, if it is to.
struct Stack {
    head: AtomicU64,
    next: [AtomicUsize; 2],
    counts: bool,
}

impl Stack {
    fn new(counts: bool) -> Stack {
        Stack { head: AtomicU64::new(0), next: [AtomicUsize::new(1), AtomicUsize::new(NONE)], counts }
    }

    fn swing(&self, head: u64, to: usize) -> bool {
        let count = if self.counts { (head >> 32) + 1 } else { 0 };
        self.head.compare_exchange(head, count << 32 | to as u64, SeqCst, SeqCst).is_ok()
    }

    fn pop(&self) -> Option<usize> {
        loop {
            let head = self.head.load(SeqCst);
            let node = (head & u64::from(u32::MAX)) as usize;
            if node == NONE {
                return None;
            }
            let next = self.next[node].load(SeqCst);
            if self.swing(head, next) {
                return Some(node);
            }
        }
    }

    fn push(&self, node: usize) {
        loop {
            let head = self.head.load(SeqCst);
            self.next[node].store((head & u64::from(u32::MAX)) as usize, SeqCst);
            if self.swing(head, node) {
                return;
            }
        }
    }
}

fn run(counts: bool) {
    let stack = Stack::new(counts);
    let taken = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let take = || {
        let node = stack.pop()?;
        assert_eq!(taken[node].fetch_add(1, SeqCst), 0, "two threads have one node");
        Some(node)
    };
    let give = |node: usize| {
        taken[node].fetch_sub(1, SeqCst);
        stack.push(node);
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let first = take();
            let _kept = take();
            first.into_iter().for_each(give);
        });
        take();
        take();
    });
}

pub fn bug() {
    run(false);
}

pub fn fixed() {
    run(true);
}
