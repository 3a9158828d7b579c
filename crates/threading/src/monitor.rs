//! Monitors: a value behind a lock, and threads that wait for changes of it.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadbook_base::Mutex;
use threadbook_future::WaitError;
use threadbook_future::wait::{Goal, Need, ThreadData, WaitList, block};
use threadbook_trace::{NameId, TaskLabel};

/// The base of semaphores, events, barriers and queues.
pub(crate) struct Monitor<S> {
    state: Mutex<S>,
    waiters: WaitList,
    kind: &'static str,
}

impl<S> Monitor<S> {
    pub(crate) fn new(kind: &'static str, state: S) -> Monitor<S> {
        Monitor { state: Mutex::new(state), waiters: WaitList::default(), kind }
    }

    /// Reads the state.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.state.lock())
    }

    /// Changes the state, and wakes all waiters.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.waiters.wake_all();
        result
    }

    /// Changes the state in a way that ends one wait.
    pub(crate) fn update_for_one<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.waiters.wake_one();
        result
    }

    /// Changes the state in a way that ends no wait, or does not change it.
    pub(crate) fn attempt<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        change(&mut self.state.lock())
    }

    /// Waits until `change` returns a value. It is called again whenever the state has changed.
    pub(crate) fn wait<R>(
        &self,
        timeout: Option<Duration>,
        change: impl FnMut(&mut S) -> Option<R>,
    ) -> Result<R, WaitError> {
        // A time-out beyond the range of the clock is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let goal = Changed { monitor: self, change: RefCell::new(change), result: RefCell::new(None) };
        let waited = block(&goal, deadline);
        // The last call may have succeeded just when the wait failed. Its change is not undone.
        match (goal.result.take(), waited) {
            (Some(result), _) => Ok(result),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(WaitError::Interrupted),
        }
    }
}

struct Changed<'a, S, R, F> {
    monitor: &'a Monitor<S>,
    change: RefCell<F>,
    result: RefCell<Option<R>>,
}

impl<S, R, F: FnMut(&mut S) -> Option<R>> Goal for Changed<'_, S, R, F> {
    fn is_reached(&self) -> bool {
        let mut result = self.result.borrow_mut();
        if result.is_none() {
            *result = (self.change.borrow_mut())(&mut self.monitor.state.lock());
        }
        result.is_some()
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.monitor.waiters.subscribe(thread);
    }

    fn unsubscribe(&self, thread: &Arc<ThreadData>) {
        self.monitor.waiters.unsubscribe(thread);
    }

    fn need(&self) -> Need {
        // Any thread may change the state.
        Need::Any(Vec::new())
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.monitor.kind) }
    }
}
