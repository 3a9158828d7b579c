//! Threads that wait for one thing to change.
//!
//! A thread that changes the thing calls `wake_one` or `wake_all` afterwards. So that this is cheap without waiters, it first
//! reads a count without a lock.
//!
//! *Ordering:* a waiter increments the count before its last look at the thing, with a fence on either side: either the
//! waiter sees the change, or the other thread sees the waiter.
//!
//! A wake-up is a hint, and transfers nothing: the woken thread checks the thing again, and another thread may have been
//! faster. If a thread leaves the list, it passes the hint on, because it may be the only one that was woken for a change
//! that another waiter could use.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*, fence};

use threadbook_base::Mutex;
use threadbook_base::fork::Held;

use super::thread::ThreadData;

/// The waiters of one thing.
#[derive(Default)]
pub struct WaitList {
    count: AtomicUsize,
    threads: Mutex<VecDeque<Arc<ThreadData>>>,
}

impl WaitList {
    /// Adds a waiter.
    pub fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.threads.lock().push_back(Arc::clone(thread));
        self.count.fetch_add(1, SeqCst);
        fence(SeqCst);
    }

    /// Removes a waiter.
    pub fn unsubscribe(&self, thread: &ThreadData) {
        let mut threads = self.threads.lock();
        if let Some(at) = threads.iter().position(|other| other.id == thread.id) {
            threads.remove(at);
            self.count.fetch_sub(1, SeqCst);
        }
        if let Some(next) = threads.front() {
            next.wake();
        }
    }

    /// Wakes the thread that has waited longest.
    pub fn wake_one(&self) {
        if self.has_waiters()
            && let Some(first) = self.threads.lock().front()
        {
            first.wake();
        }
    }

    /// Wakes all waiters.
    pub fn wake_all(&self) {
        if self.has_waiters() {
            self.threads.lock().iter().for_each(|thread| thread.wake());
        }
    }

    /// Locks the list, which a fork must not find locked.
    pub fn hold(&self) -> impl Held + '_ {
        self.threads.lock()
    }

    fn has_waiters(&self) -> bool {
        fence(SeqCst);
        self.count.load(SeqCst) > 0
    }
}
