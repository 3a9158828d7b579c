//! The state that the handles of a future and the one who completes it share.
//!
//! # The protocol
//!
//! The state moves along one of these paths and never back:
//!
//! ```text
//! pending ── start ──▶ running ── complete ──▶ finished
//!    │                                            ▲
//!    ├────────────────── complete ────────────────┘
//!    └── cancel ──▶ cancelled
//! ```
//!
//! Every step is one compare-and-swap on `state`, so of a `start` and a `cancel` that race exactly one
//! wins. The outcome is put into the cell, under the cell's lock, *before* the step to finished; a reader
//! that sees finished and then takes the lock therefore finds it.
//!
//! Nobody is forgotten: one who wants to be told takes the cell's lock, looks at the state and, if it is
//! not done, leaves a waiter. The one who finishes or cancels first changes the state and then, under
//! the same lock, takes all waiters out. If the waiter was left before, it is among those taken; if the
//! lock was taken later, the look at the state shows that it is done.
//!
//! Wake-ups and callbacks happen after the lock is released, so a callback may do with the future
//! whatever it likes.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use threadbook_trace::TaskLabel;

use crate::agent::{Agent, AgentId, PoolId};
use crate::backlog::Claimable;
use crate::error::TaskError;
use crate::future::Future;
use crate::sync::{AtomicU8, AtomicUsize, Mutex, Ordering};

const PENDING: u8 = 0;
const RUNNING: u8 = 1;
const CANCELLED: u8 = 2;
const FINISHED: u8 = 3;

/// What a future is for error messages and for deadlock detection.
pub(crate) struct Header {
    pub(crate) label: TaskLabel,
    /// The pool in whose queue the task stands until it runs; 0 if anybody may complete the future.
    pub(crate) pool: PoolId,
    /// The thread that runs the task, or that alone can; 0 as long as there is none.
    runner: AtomicU32,
    /// The process that the task was made in: after a fork, tasks that ran in the parent are lost.
    generation: u32,
    /// The place in a backlog from which a worker that waits for the task may take it.
    claimable: OnceLock<Weak<Claimable>>,
}

/// Whom one has to wait for to see a future completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// Somebody, somewhere: a promise.
    Anybody,
    /// Any worker of this pool.
    Queue(PoolId),
    /// This thread.
    Thread(AgentId),
}

impl Header {
    pub(crate) fn new(label: TaskLabel, pool: PoolId) -> Header {
        let generation = crate::fork::generation();
        Header { label, pool, runner: AtomicU32::new(0), generation, claimable: OnceLock::new() }
    }

    /// Written before the task starts and read under the detector's lock, which the writer takes before
    /// it waits: no stronger ordering is needed.
    #[inline]
    pub(crate) fn set_runner(&self, agent: AgentId) {
        self.runner.store(agent, Relaxed);
    }

    pub(crate) fn set_claimable(&self, claimable: &Arc<Claimable>) {
        // Set once, before anybody else knows the future.
        let _ = self.claimable.set(Arc::downgrade(claimable));
    }

    /// The task, if it stands in the backlog of `pool`.
    pub(crate) fn claim(&self, pool: PoolId) -> Option<Arc<Claimable>> {
        if self.pool != pool {
            return None;
        }
        self.claimable.get()?.upgrade().filter(|claimable| claimable.is_there())
    }

    pub(crate) fn maker(&self) -> Maker {
        match (self.runner.load(Relaxed), self.pool) {
            (0, 0) => Maker::Anybody,
            (0, pool) => Maker::Queue(pool),
            (agent, _) => Maker::Thread(agent),
        }
    }

    /// Whether the thread that ran the task stayed behind in the process that this one was forked from.
    pub(crate) fn is_lost(&self) -> bool {
        self.generation != crate::fork::generation() && matches!(self.maker(), Maker::Thread(_))
    }
}

/// A future whose type does not matter, as the detector sees it.
pub(crate) trait Tracked: Send + Sync {
    fn header(&self) -> &Header;
    fn is_done(&self) -> bool;
}

pub(crate) enum Waiter {
    Thread(Arc<Agent>),
    Task { key: usize, waker: Waker },
    Sink { sink: Arc<dyn Sink>, place: usize },
}

/// Collects futures that are done.
pub(crate) trait Sink: Send + Sync {
    /// The future that was watched as `place` is done.
    fn is_done(&self, place: usize);
}

type Callback<T> = Box<dyn FnOnce(Future<T>) + Send>;

pub(crate) struct Shared<T> {
    header: Header,
    state: AtomicU8,
    /// The number of `Future`s, to know which is the last.
    handles: AtomicUsize,
    cell: Mutex<Cell<T>>,
}

struct Cell<T> {
    outcome: Option<Result<T, TaskError>>,
    waiters: Vec<Waiter>,
    callbacks: Vec<Callback<T>>,
    last_key: usize,
}

impl<T> Shared<T> {
    /// A pending state and its first handle.
    pub(crate) fn new(header: Header) -> (Arc<Shared<T>>, Future<T>) {
        let cell = Cell { outcome: None, waiters: Vec::new(), callbacks: Vec::new(), last_key: 0 };
        let shared = Arc::new(Shared {
            header,
            state: AtomicU8::new(PENDING),
            handles: AtomicUsize::new(1),
            cell: Mutex::new(cell),
        });
        (Arc::clone(&shared), Future::from_counted(shared))
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// From pending to running; false if it was cancelled.
    pub(crate) fn start(&self) -> bool {
        self.step(PENDING, RUNNING)
    }

    /// From pending to cancelled; true also if it was cancelled before.
    pub(crate) fn cancel(self: &Arc<Self>) -> bool {
        if self.step(PENDING, CANCELLED) {
            self.announce();
            return true;
        }
        self.is_cancelled()
    }

    /// To finished, from pending or running; gives the outcome back if it was cancelled before. Returns
    /// whether there was nobody to tell.
    pub(crate) fn complete(
        self: &Arc<Self>,
        outcome: Result<T, TaskError>,
    ) -> Result<bool, Result<T, TaskError>> {
        let mut cell = self.cell.lock();
        if self.is_done() {
            return Err(outcome);
        }
        cell.outcome = Some(outcome);
        // Only a cancellation can come between; it does not take the lock first.
        if !self.step(RUNNING, FINISHED) && !self.step(PENDING, FINISHED) {
            return Err(cell.outcome.take().expect("the outcome was stored under this lock"));
        }
        let (waiters, callbacks) = (std::mem::take(&mut cell.waiters), std::mem::take(&mut cell.callbacks));
        drop(cell);
        let quiet = waiters.is_empty() && callbacks.is_empty();
        self.tell(waiters, callbacks);
        Ok(quiet)
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn announce(self: &Arc<Self>) {
        let mut cell = self.cell.lock();
        let (waiters, callbacks) = (std::mem::take(&mut cell.waiters), std::mem::take(&mut cell.callbacks));
        drop(cell);
        self.tell(waiters, callbacks);
    }

    fn tell(self: &Arc<Self>, waiters: Vec<Waiter>, callbacks: Vec<Callback<T>>) {
        for waiter in waiters {
            match waiter {
                Waiter::Thread(agent) => agent.wake(),
                Waiter::Task { waker, .. } => waker.wake(),
                Waiter::Sink { sink, place } => sink.is_done(place),
            }
        }
        for callback in callbacks {
            self.run_callback(callback);
        }
    }

    fn run_callback(self: &Arc<Self>, callback: Callback<T>) {
        let future = Future::new(Arc::clone(self));
        let label = self.header.label;
        if let Err(error) = crate::panics::catch(format_args!("a callback of {label}"), || callback(future)) {
            eprintln!("threadbook: {error}");
        }
    }

    /// Keeps `callback` until the future is done, or runs it now if it is.
    pub(crate) fn on_done(self: &Arc<Self>, callback: Callback<T>) {
        let mut cell = self.cell.lock();
        if self.is_done() {
            drop(cell);
            self.run_callback(callback);
        } else {
            cell.callbacks.push(callback);
        }
    }

    /// Arranges for `agent` to be woken when the future is done.
    pub(crate) fn subscribe(&self, agent: &Arc<Agent>) {
        let mut cell = self.cell.lock();
        if !self.is_done() {
            cell.waiters.push(Waiter::Thread(Arc::clone(agent)));
        }
    }

    /// Takes one subscription of `agent` back.
    pub(crate) fn unsubscribe(&self, agent: &Agent) {
        let mut cell = self.cell.lock();
        let mine = |waiter: &Waiter| matches!(waiter, Waiter::Thread(other) if other.id == agent.id);
        if let Some(at) = cell.waiters.iter().position(mine) {
            cell.waiters.swap_remove(at);
        }
    }

    /// Arranges for `sink` to hear when the future is done, at once if it is.
    pub(crate) fn watch(&self, sink: Arc<dyn Sink>, place: usize) {
        let mut cell = self.cell.lock();
        if self.is_done() {
            drop(cell);
            sink.is_done(place);
        } else {
            cell.waiters.push(Waiter::Sink { sink, place });
        }
    }

    /// Undoes [`Shared::watch`].
    pub(crate) fn unwatch(&self, sink: &Arc<dyn Sink>) {
        let mut cell = self.cell.lock();
        let same =
            |waiter: &Waiter| matches!(waiter, Waiter::Sink { sink: other, .. } if Arc::ptr_eq(other, sink));
        cell.waiters.retain(|waiter| !same(waiter));
    }

    /// Leaves a waker under `key` (0: a new key), in place of the one that was there. Gives the key, or
    /// nothing if the future is done.
    pub(crate) fn leave_waker(&self, key: usize, waker: &Waker) -> Option<usize> {
        let mut cell = self.cell.lock();
        if self.is_done() {
            return None;
        }
        for waiter in &mut cell.waiters {
            if let Waiter::Task { key: other, waker: old } = waiter
                && *other == key
            {
                old.clone_from(waker);
                return Some(key);
            }
        }
        cell.last_key += 1;
        let key = cell.last_key;
        cell.waiters.push(Waiter::Task { key, waker: waker.clone() });
        Some(key)
    }

    pub(crate) fn remove_waker(&self, key: usize) {
        let mut cell = self.cell.lock();
        cell.waiters.retain(|waiter| !matches!(waiter, Waiter::Task { key: other, .. } if *other == key));
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) >= CANCELLED
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state.load(Ordering::Acquire) == RUNNING
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Acquire) == CANCELLED
    }

    /// Shows the outcome to `look`. Must be done.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(Result<&T, &TaskError>) -> R) -> R {
        match self.cell.lock().outcome.as_ref() {
            Some(outcome) => look(outcome.as_ref()),
            None if self.is_cancelled() => look(Err(&TaskError::Cancelled)),
            None => look(Err(&TaskError::StillShared)),
        }
    }

    /// Moves the outcome out. Must be done, and the caller must hold the last handle.
    pub(crate) fn take(&self) -> Result<T, TaskError> {
        match self.cell.lock().outcome.take() {
            Some(outcome) => outcome,
            None if self.is_cancelled() => Err(TaskError::Cancelled),
            None => Err(TaskError::StillShared),
        }
    }

    pub(crate) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn drop_handle(&self) {
        self.handles.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn is_last_handle(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 1
    }
}

impl<T: Send> Tracked for Shared<T> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn is_done(&self) -> bool {
        Shared::is_done(self)
    }
}
