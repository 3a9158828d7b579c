//! Agents that wait for one thing to change.
//!
//! The one who changes the thing calls `wake_one` or `wake_all` afterwards. So that this costs next to
//! nothing when nobody waits, it first reads a count without a lock. A waiter raises the count before its
//! last look at the thing; a fence on either side makes sure that either the waiter sees the change or
//! the changer sees the waiter.
//!
//! Waking one is a hint, not a gift: the woken agent looks again, and somebody else may have been
//! faster. If it leaves the list, it passes the hint on, because it may have been the only one woken for
//! a change that another waiter could use.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*, fence};

use threadbook_trace::sync::Mutex;

use crate::agent::Agent;

#[derive(Default)]
pub(crate) struct WaitList {
    count: AtomicUsize,
    agents: Mutex<VecDeque<Arc<Agent>>>,
}

impl WaitList {
    pub(crate) fn subscribe(&self, agent: &Arc<Agent>) {
        self.agents.lock().push_back(Arc::clone(agent));
        self.count.fetch_add(1, SeqCst);
        fence(SeqCst);
    }

    pub(crate) fn unsubscribe(&self, agent: &Agent) {
        let mut agents = self.agents.lock();
        if let Some(at) = agents.iter().position(|other| other.id == agent.id) {
            agents.remove(at);
            self.count.fetch_sub(1, SeqCst);
        }
        if let Some(next) = agents.front() {
            next.wake();
        }
    }

    pub(crate) fn wake_one(&self) {
        if self.has_waiters()
            && let Some(first) = self.agents.lock().front()
        {
            first.wake();
        }
    }

    pub(crate) fn wake_all(&self) {
        if self.has_waiters() {
            self.agents.lock().iter().for_each(|agent| agent.wake());
        }
    }

    fn has_waiters(&self) -> bool {
        fence(SeqCst);
        self.count.load(SeqCst) > 0
    }
}
