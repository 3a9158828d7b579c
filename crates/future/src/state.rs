//! The state of a future, whatever its type.
//!
//! # The protocol
//!
//! The state moves along one of these paths, and only back from running to pending, if what was to run it has
//! not begun and leaves it to somebody else (`put_back`):
//!
//! ```text
//! pending ── start ──▶ running ── finish ──▶ finished
//!    │                                          ▲
//!    ├──────────────── finish ──────────────────┘
//!    └── cancel ──▶ cancelled
//! ```
//!
//! Every step is one compare-and-swap, so of a `start` and a `cancel` that race exactly one wins. The
//! outcome is stored, under its own lock, *before* the step to finished (see `shared`); a reader that sees
//! finished and then takes that lock therefore finds it.
//!
//! Nobody is forgotten: one who wants to be told takes the lock of the listeners, puts [`AWAITED`] into the
//! state in one step with a look at it and, if it is not done, is added. The one who finishes or cancels
//! changes the state first and sees in the same step whether it was awaited; if so, it takes the lock, waits
//! thereby for whoever is just being added, and takes all of them out. If it was not, then whoever comes later
//! sees that it is done.
//!
//! Wake-ups and callbacks happen after the lock is released, so a callback may do with the future
//! whatever it likes.
//!
//! Nothing here depends on the type of the value, so a notebook's cell does not have to compile it anew for
//! each.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use threadbook_trace::TaskLabel;

use crate::agent::{Agent, AgentId, PoolId};
use crate::backlog::Claimable;
use crate::sync::{AtomicU8, AtomicUsize, Mutex, Ordering};

const PENDING: u8 = 0;
const RUNNING: u8 = 1;
const CANCELLED: u8 = 2;
const FINISHED: u8 = 3;

/// Added to the state as soon as somebody wants to be told when it is done.
const AWAITED: u8 = 4;

/// What a future is for error messages and for deadlock detection.
pub(crate) struct Header {
    pub(crate) label: TaskLabel,
    /// The pool in whose queue the task stands until it runs; 0 if anybody may complete the future.
    pub(crate) pool: PoolId,
    /// The thread that runs the task, or that alone can; 0 as long as there is none.
    runner: AtomicU32,
    /// The process that the task was made or run in: after a fork, tasks that ran in the parent are lost.
    generation: AtomicU32,
    /// Whether it is lost in a fork also when no thread runs it.
    is_of_runtime: bool,
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
        let generation = AtomicU32::new(crate::fork::generation());
        let (runner, claimable) = (AtomicU32::new(0), OnceLock::new());
        Header { label, pool, runner, generation, is_of_runtime: false, claimable }
    }

    /// Of a task that an async runtime keeps while no thread runs it.
    pub(crate) fn of_runtime(label: TaskLabel) -> Header {
        Header { is_of_runtime: true, ..Header::new(label, 0) }
    }

    /// Written before the task starts and read under the detector's lock, which the writer takes before
    /// it waits: no stronger ordering is needed.
    #[inline]
    pub(crate) fn set_runner(&self, agent: AgentId) {
        self.runner.store(agent, Relaxed);
        self.generation.store(crate::fork::generation(), Relaxed);
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
        self.generation.load(Relaxed) != crate::fork::generation()
            && (self.is_of_runtime || matches!(self.maker(), Maker::Thread(_)))
    }
}

/// A future whose type does not matter, as the detector sees it.
pub(crate) trait Tracked: Send + Sync {
    fn state(&self) -> &State;
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

type Callback = Box<dyn FnOnce() + Send>;

pub(crate) struct State {
    header: Header,
    step: AtomicU8,
    /// The number of `Future`s, to know which is the last.
    handles: AtomicUsize,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    waiters: Vec<Waiter>,
    callbacks: Vec<Callback>,
    last_key: usize,
}

impl State {
    /// A pending state, for one handle.
    pub(crate) fn new(header: Header) -> State {
        State {
            header,
            step: AtomicU8::new(PENDING),
            handles: AtomicUsize::new(1),
            listeners: Mutex::new(Listeners::default()),
        }
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// From pending to running; false if it was cancelled.
    pub(crate) fn start(&self) -> bool {
        self.go(|step| step == PENDING, RUNNING).is_some()
    }

    /// From running back to pending: nobody has begun with it, and anybody may.
    pub(crate) fn put_back(&self) {
        self.header.set_runner(0);
        self.go(|step| step == RUNNING, PENDING);
    }

    /// From pending to cancelled; true also if it was cancelled before.
    pub(crate) fn cancel(&self) -> bool {
        match self.go(|step| step == PENDING, CANCELLED) {
            Some(awaited) => {
                self.announce(awaited);
                true
            }
            None => self.is_cancelled(),
        }
    }

    /// To finished, from pending or running. Returns whether somebody is to be told, with
    /// [`State::announce`]; nothing if it was done before.
    pub(crate) fn finish(&self) -> Option<bool> {
        self.go(|step| step < CANCELLED, FINISHED)
    }

    /// Goes to `to` from a step that is `right`. Returns whether it was awaited.
    fn go(&self, right: impl Fn(u8) -> bool, to: u8) -> Option<bool> {
        let mut now = self.step.load(Ordering::Relaxed);
        while right(now & !AWAITED) {
            let awaited = now & AWAITED;
            match self.step.compare_exchange(now, to | awaited, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(awaited != 0),
                Err(other) => now = other,
            }
        }
        None
    }

    /// Tells all who wanted to be told, after the step that makes it done.
    pub(crate) fn announce(&self, awaited: bool) {
        if !awaited {
            return;
        }
        let mut listeners = self.listeners.lock();
        let Listeners { waiters, callbacks, .. } = std::mem::take(&mut *listeners);
        drop(listeners);
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

    fn run_callback(&self, callback: Callback) {
        let label = self.header.label;
        if let Err(error) = crate::panics::catch(&format_args!("a callback of {label}"), callback) {
            eprintln!("threadbook: {error}");
        }
    }

    /// Lets `add` leave a listener, unless it is done.
    fn listen<R>(&self, add: impl FnOnce(&mut Listeners) -> R) -> Option<R> {
        let mut listeners = self.listeners.lock();
        let before = self.step.fetch_or(AWAITED, Ordering::AcqRel);
        (before & !AWAITED < CANCELLED).then(|| add(&mut listeners))
    }

    /// Keeps `callback` until it is done, or runs it now if it is.
    pub(crate) fn on_done(&self, callback: Callback) {
        let mut callback = Some(callback);
        self.listen(|listeners| listeners.callbacks.extend(callback.take()));
        if let Some(callback) = callback {
            self.run_callback(callback);
        }
    }

    /// Arranges for `agent` to be woken when it is done.
    pub(crate) fn subscribe(&self, agent: &Arc<Agent>) {
        self.listen(|listeners| listeners.waiters.push(Waiter::Thread(Arc::clone(agent))));
    }

    /// Takes one subscription of `agent` back.
    pub(crate) fn unsubscribe(&self, agent: &Agent) {
        let waiters = &mut self.listeners.lock().waiters;
        let mine = |waiter: &Waiter| matches!(waiter, Waiter::Thread(other) if other.id == agent.id);
        if let Some(at) = waiters.iter().position(mine) {
            waiters.swap_remove(at);
        }
    }

    /// Arranges for `sink` to hear when it is done, at once if it is.
    pub(crate) fn watch(&self, sink: &Arc<dyn Sink>, place: usize) {
        let waiter = Waiter::Sink { sink: Arc::clone(sink), place };
        if self.listen(|listeners| listeners.waiters.push(waiter)).is_none() {
            sink.is_done(place);
        }
    }

    /// Undoes [`State::watch`].
    pub(crate) fn unwatch(&self, sink: &Arc<dyn Sink>) {
        let same =
            |waiter: &Waiter| matches!(waiter, Waiter::Sink { sink: other, .. } if Arc::ptr_eq(other, sink));
        self.listeners.lock().waiters.retain(|waiter| !same(waiter));
    }

    /// Leaves a waker under `key` (0: a new key), in place of the one that was there. Gives the key, or
    /// nothing if it is done.
    pub(crate) fn leave_waker(&self, key: usize, waker: &Waker) -> Option<usize> {
        let leave = |listeners: &mut Listeners| {
            for waiter in &mut listeners.waiters {
                if let Waiter::Task { key: other, waker: old } = waiter
                    && *other == key
                {
                    old.clone_from(waker);
                    return key;
                }
            }
            listeners.last_key += 1;
            listeners.waiters.push(Waiter::Task { key: listeners.last_key, waker: waker.clone() });
            listeners.last_key
        };
        self.listen(leave)
    }

    pub(crate) fn remove_waker(&self, key: usize) {
        let waiters = &mut self.listeners.lock().waiters;
        waiters.retain(|waiter| !matches!(waiter, Waiter::Task { key: other, .. } if *other == key));
    }

    fn step(&self) -> u8 {
        self.step.load(Ordering::Acquire) & !AWAITED
    }

    pub(crate) fn is_done(&self) -> bool {
        self.step() >= CANCELLED
    }

    pub(crate) fn is_running(&self) -> bool {
        self.step() == RUNNING
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.step() == CANCELLED
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
