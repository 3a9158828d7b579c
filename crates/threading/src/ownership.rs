//! Ownership of a lock: the holder, for the deadlock detector, and the threads that wait for it.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

use threadbook_future::wait::{
    Awaited, AwaitedNode, Goal, Need, Supplier, ThreadData, WaitList, block, thread,
};
use threadbook_future::{TaskError, WaitError};
use threadbook_trace::{NameId, TaskLabel};

/// The part that [`Lock`](crate::Lock) and [`RLock`](crate::RLock) share.
pub(crate) struct Ownership {
    id: Arc<LockId>,
    waiters: WaitList,
}

/// A lock, for the deadlock detector.
struct LockId {
    name: String,
    /// The thread that holds the lock, or 0.
    holder: AtomicU32,
}

impl Awaited for LockId {
    fn supplier(&self) -> Supplier {
        match self.holder.load(Relaxed) {
            0 => Supplier::Anyone,
            holder => Supplier::Thread(holder),
        }
    }

    fn node(&self) -> AwaitedNode<'_> {
        AwaitedNode::Lock(&self.name)
    }
}

impl Ownership {
    pub(crate) fn new(name: &str) -> Ownership {
        let id = LockId { name: name.to_owned(), holder: AtomicU32::new(0) };
        Ownership { id: Arc::new(id), waiters: WaitList::default() }
    }

    /// The lock's name in error messages.
    pub(crate) fn name(&self) -> &str {
        &self.id.name
    }

    /// Waits until `try_lock` returns a guard.
    pub(crate) fn wait_for<G>(
        &self,
        deadline: Option<Instant>,
        try_lock: impl Fn() -> Option<G>,
    ) -> Result<G, TaskError> {
        if let Some(guard) = try_lock() {
            return Ok(guard);
        }
        let goal = LockTaken { ownership: self, try_lock, guard: RefCell::new(None) };
        let waited = block(&goal, deadline);
        match (goal.guard.take(), waited) {
            // Another wait of the same deadlock failed first, and its thread released the lock. This wait is still part of
            // the deadlock, and releases the lock, too.
            (guard, Err(WaitError::Deadlock(graph))) => {
                drop(guard);
                self.waiters.wake_one();
                Err(TaskError::Deadlock(graph))
            }
            (Some(guard), _) => Ok(guard),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(TaskError::Interrupted),
        }
    }

    /// Makes the calling thread the holder. Only after its wait has ended: a holder that waits for its own lock would be a
    /// deadlock.
    pub(crate) fn take(&self) {
        self.id.holder.store(ThreadData::current_id(), Relaxed);
    }

    /// Counts a guard of the calling thread.
    pub(crate) fn add_guard(&self) {
        thread::lock_taken();
    }

    /// Releases a guard. If it is the `last`, the lock has no holder any more and a waiter is woken. The holder is removed
    /// before `guard` is dropped, so a free lock never has one.
    pub(crate) fn release<G>(&self, guard: Option<G>, last: bool) {
        if last {
            self.id.holder.store(0, Relaxed);
        }
        thread::lock_released();
        drop(guard);
        if last {
            self.waiters.wake_one();
        }
    }
}

struct LockTaken<'a, G, F> {
    ownership: &'a Ownership,
    try_lock: F,
    guard: RefCell<Option<G>>,
}

impl<G, F: Fn() -> Option<G>> Goal for LockTaken<'_, G, F> {
    fn is_reached(&self) -> bool {
        let mut guard = self.guard.borrow_mut();
        if guard.is_none() {
            *guard = (self.try_lock)();
        }
        guard.is_some()
    }

    fn allows_help(&self) -> bool {
        false
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.ownership.waiters.subscribe(thread);
    }

    fn unsubscribe(&self, thread: &Arc<ThreadData>) {
        self.ownership.waiters.unsubscribe(thread);
    }

    fn need(&self) -> Need {
        Need::All(vec![self.ownership.id.clone()])
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.ownership.name()) }
    }
}
