//! A value that threads wait on until it is as they want it.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadbook_trace::sync::Mutex;
use threadbook_trace::{NameId, TaskLabel};

use crate::agent::Agent;
use crate::block::{Goal, block};
use crate::detect::Need;
use crate::error::TaskError;
use crate::wait_list::WaitList;

/// What semaphores, events, barriers and queues are made of.
pub(super) struct Monitor<S> {
    state: Mutex<S>,
    waiters: WaitList,
    kind: &'static str,
}

impl<S> Monitor<S> {
    pub(super) fn new(kind: &'static str, state: S) -> Monitor<S> {
        Monitor { state: Mutex::new(state), waiters: WaitList::default(), kind }
    }

    /// Looks at the state.
    pub(super) fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.state.lock())
    }

    /// Changes the state in a way that anybody may have waited for.
    pub(super) fn update<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.waiters.wake_all();
        result
    }

    /// Changes the state in a way that is of use to one waiter.
    pub(super) fn update_for_one<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.waiters.wake_one();
        result
    }

    /// Changes the state in a way that nobody waits for, or not at all.
    pub(super) fn attempt<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        change(&mut self.state.lock())
    }

    /// Waits until `change` gives something. It is called again whenever the state has changed.
    pub(super) fn wait<R>(
        &self,
        timeout: Option<Duration>,
        change: impl FnMut(&mut S) -> Option<R>,
    ) -> Result<R, TaskError> {
        // A time-out beyond what the clock can count is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let goal = Changed { monitor: self, change: RefCell::new(change), result: RefCell::new(None) };
        let waited = block(&goal, deadline);
        // The last look may have succeeded just when the wait failed; what it took is not given back.
        match (goal.result.take(), waited) {
            (Some(result), _) => Ok(result),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(TaskError::Interrupted),
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

    fn subscribe(&self, agent: &Arc<Agent>) {
        self.monitor.waiters.subscribe(agent);
    }

    fn unsubscribe(&self, agent: &Arc<Agent>) {
        self.monitor.waiters.unsubscribe(agent);
    }

    fn need(&self) -> Need {
        // Anybody may change the state.
        Need::Any(Vec::new())
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.monitor.kind) }
    }
}
