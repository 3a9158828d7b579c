//! The state of a future, independent of the type of its value.
//!
//! # The protocol
//!
//! The state moves along one of these paths. It moves back from running to pending only if a worker returns a task that it
//! has not begun to the queue (`put_back`):
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
//! *No lost wake-ups:* a subscriber locks the listener list and sets [`AWAITED`] with `fetch_or`; if the returned state is
//! not final, it appends itself. The completer swaps in the final state and reads `AWAITED` from the old one; only if it
//! was set does it lock the list and drain it. A subscriber that comes later sees the final state.
//!
//! Wake-ups and callbacks happen after the lock is released, so a callback may use the future in any way.
//!
//! *After a fork:* a thread of the parent may hold a lock of a future for ever. So a child polls for the locks of the parent's
//! futures for at most [`LOCK_TIMEOUT`], and then declares the future lost.
//!
//! Nothing here depends on the type of the value, so that a notebook's cell does not compile it for each type.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use threadbook_base::fork::{self, Origin};
use threadbook_base::loom::{AtomicU8, AtomicUsize, Mutex, MutexGuard, Ordering};
use threadbook_trace::TaskLabel;

use crate::panics;
use crate::wait::{Inline, PoolId, Supplier, ThreadData, ThreadNumber};

const PENDING: u8 = 0;
const RUNNING: u8 = 1;
const CANCELLED: u8 = 2;
const FINISHED: u8 = 3;

/// Set in the state as soon as the listener list may have entries.
const AWAITED: u8 = 4;

/// The locks of a future are held for microseconds, or while a value is cloned.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// The task of a future, for error messages and for the deadlock detector.
pub struct Header {
    /// The task's number and name.
    pub label: TaskLabel,
    /// The pool in whose queue the task is until it runs; 0 if any thread may complete the future.
    pub pool: PoolId,
    /// The thread that runs the task, or that alone can; 0 as long as there is none.
    runner: AtomicU32,
    /// The fork generation of the task's last run, or of its creation: after a fork, tasks that ran in the parent are lost.
    generation: AtomicU32,
    /// The process in which the future was made.
    origin: Origin,
    /// Whether a fork loses the task also when no thread runs it.
    is_of_runtime: bool,
    /// A lock of the future is held by a thread that this process does not have.
    is_locked_for_ever: AtomicBool,
    /// The task in its queue, if a worker that waits for it may run it.
    inline: OnceLock<Arc<dyn Inline>>,
}

impl Header {
    /// Of a task that was submitted to a pool, or of no task, with pool 0.
    pub fn new(label: TaskLabel, pool: PoolId) -> Header {
        Header {
            label,
            pool,
            runner: AtomicU32::new(0),
            generation: AtomicU32::new(fork::generation()),
            origin: Origin::here(),
            is_of_runtime: false,
            is_locked_for_ever: AtomicBool::new(false),
            inline: OnceLock::new(),
        }
    }

    /// Of a task that an async runtime keeps while no thread runs it.
    pub fn of_runtime(label: TaskLabel) -> Header {
        Header { is_of_runtime: true, ..Header::new(label, 0) }
    }

    /// Sets the thread that runs the task; 0 for none.
    ///
    /// *Ordering:* it is read under the detector's lock, which the writer takes before it waits, so relaxed suffices.
    #[inline]
    pub fn set_runner(&self, thread: ThreadNumber) {
        self.runner.store(thread, Relaxed);
        self.generation.store(fork::generation(), Relaxed);
    }

    /// Allows workers that wait for the task to run it themselves. Called at most once, before another thread has the future.
    pub fn set_inline(&self, task: Arc<dyn Inline>) {
        let _ = self.inline.set(task);
    }

    /// The task, if it is in the queue of `pool`.
    pub(crate) fn next_inline(&self, pool: PoolId) -> Option<Arc<dyn Inline>> {
        if self.pool != pool {
            return None;
        }
        self.inline.get().filter(|task| task.is_queued()).cloned()
    }

    fn supplier(&self) -> Supplier {
        match (self.runner.load(Relaxed), self.pool) {
            (0, 0) => Supplier::Anyone,
            (0, pool) => Supplier::AnyOf(pool),
            (thread, _) => Supplier::Thread(thread),
        }
    }

    /// Whether the thread that ran the task is missing in this process, which was forked from another.
    pub fn is_lost(&self) -> bool {
        let has_run_elsewhere = self.generation.load(Relaxed) != fork::generation()
            && (self.is_of_runtime || matches!(self.supplier(), Supplier::Thread(_)));
        has_run_elsewhere || self.is_locked_for_ever.load(Relaxed)
    }
}

enum Waiter {
    Thread(Arc<ThreadData>),
    Task { key: usize, waker: Waker },
    Sink { sink: Arc<dyn Sink>, slot: usize },
}

/// Collects futures that are done.
pub(crate) trait Sink: Send + Sync {
    /// The future that was watched as `slot` is done.
    fn is_done(&self, slot: usize);
}

type Callback = Box<dyn FnOnce() + Send>;

/// The state of a future, without its value.
pub struct FutureState {
    header: Header,
    step: AtomicU8,
    /// The number of `Future`s, to know the last one.
    handles: AtomicUsize,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    waiters: Vec<Waiter>,
    callbacks: Vec<Callback>,
    last_key: usize,
}

/// The result of adding a listener.
pub(crate) enum Listening<R> {
    Added(R),
    /// The future is done.
    Done,
    /// The future is lost in a fork.
    Lost,
}

impl FutureState {
    /// A pending state, for one handle.
    pub(crate) fn new(header: Header) -> FutureState {
        FutureState {
            header,
            step: AtomicU8::new(PENDING),
            handles: AtomicUsize::new(1),
            listeners: Mutex::new(Listeners::default()),
        }
    }

    /// The future's task.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The threads that can complete the future.
    pub fn supplier(&self) -> Supplier {
        if self.is_done() { Supplier::Anyone } else { self.header.supplier() }
    }

    /// Takes a lock of this future; none if its holder is missing in this process.
    #[inline]
    pub(crate) fn lock<'a, V>(&self, mutex: &'a Mutex<V>) -> Option<MutexGuard<'a, V>> {
        if self.header.origin.is_here() {
            return Some(mutex.lock());
        }
        let timeout = match self.header.is_locked_for_ever.load(Relaxed) {
            true => Duration::ZERO,
            false => LOCK_TIMEOUT,
        };
        let guard = mutex.lock_within(timeout);
        if guard.is_none() {
            self.header.is_locked_for_ever.store(true, Relaxed);
        }
        guard
    }

    /// From pending to running; false if it was cancelled.
    pub fn start(&self) -> bool {
        self.step_to(RUNNING, |step| step == PENDING).is_some()
    }

    /// From running back to pending: the task has not begun, and any worker may take it.
    pub fn put_back(&self) {
        self.header.set_runner(0);
        self.step_to(PENDING, |step| step == RUNNING);
    }

    /// From pending to cancelled; true also if it was cancelled before.
    pub fn cancel(&self) -> bool {
        match self.step_to(CANCELLED, |step| step == PENDING) {
            Some(is_awaited) => {
                self.notify(is_awaited);
                true
            }
            None => self.is_cancelled(),
        }
    }

    /// To finished, from pending or running. Returns whether listeners are to be notified, with
    /// [`FutureState::notify`]; none if it was done before.
    pub(crate) fn finish(&self) -> Option<bool> {
        self.step_to(FINISHED, |step| step < CANCELLED)
    }

    /// Moves to `next` if `is_allowed` holds of the present step. Returns whether the future was awaited.
    fn step_to(&self, next: u8, is_allowed: impl Fn(u8) -> bool) -> Option<bool> {
        let mut now = self.step.load(Ordering::Relaxed);
        while is_allowed(now & !AWAITED) {
            let awaited = now & AWAITED;
            match self.step.compare_exchange(now, next | awaited, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(awaited != 0),
                Err(other) => now = other,
            }
        }
        None
    }

    /// Notifies all listeners, after the step that makes the future done.
    pub(crate) fn notify(&self, is_awaited: bool) {
        if !is_awaited {
            return;
        }
        let Some(mut listeners) = self.lock(&self.listeners) else { return };
        let Listeners { waiters, callbacks, .. } = std::mem::take(&mut *listeners);
        drop(listeners);
        for waiter in waiters {
            match waiter {
                Waiter::Thread(thread) => thread.wake(),
                Waiter::Task { waker, .. } => waker.wake(),
                Waiter::Sink { sink, slot } => sink.is_done(slot),
            }
        }
        for callback in callbacks {
            self.run_callback(callback);
        }
    }

    fn run_callback(&self, callback: Callback) {
        let label = self.header.label;
        if let Err(error) = panics::catch(&format_args!("a callback of {label}"), callback) {
            eprintln!("threadbook: {error}");
        }
    }

    /// Lets `add` append a listener, unless the future is done.
    fn listen<R>(&self, add: impl FnOnce(&mut Listeners) -> R) -> Listening<R> {
        let Some(mut listeners) = self.lock(&self.listeners) else { return Listening::Lost };
        let before = self.step.fetch_or(AWAITED, Ordering::AcqRel);
        match before & !AWAITED < CANCELLED {
            true => Listening::Added(add(&mut listeners)),
            false => Listening::Done,
        }
    }

    /// Keeps `callback` until the future is done, or runs it now if it is.
    pub(crate) fn on_done(&self, callback: Callback) {
        let mut callback = Some(callback);
        let listening = self.listen(|listeners| listeners.callbacks.extend(callback.take()));
        if let (Listening::Done, Some(callback)) = (listening, callback) {
            self.run_callback(callback);
        }
    }

    /// Arranges for `thread` to be woken when the future is done.
    pub fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.listen(|listeners| listeners.waiters.push(Waiter::Thread(Arc::clone(thread))));
    }

    /// Removes one subscription of `thread`.
    pub fn unsubscribe(&self, thread: &ThreadData) {
        let Some(mut listeners) = self.lock(&self.listeners) else { return };
        let is_own = |waiter: &Waiter| matches!(waiter, Waiter::Thread(other) if other.id == thread.id);
        if let Some(at) = listeners.waiters.iter().position(is_own) {
            listeners.waiters.swap_remove(at);
        }
    }

    /// Arranges for `sink` to be notified when the future is done, at once if it is.
    pub(crate) fn watch(&self, sink: &Arc<dyn Sink>, slot: usize) {
        let waiter = Waiter::Sink { sink: Arc::clone(sink), slot };
        if let Listening::Done = self.listen(|listeners| listeners.waiters.push(waiter)) {
            sink.is_done(slot);
        }
    }

    /// Undoes [`FutureState::watch`].
    pub(crate) fn unwatch(&self, sink: &Arc<dyn Sink>) {
        let is_same =
            |waiter: &Waiter| matches!(waiter, Waiter::Sink { sink: other, .. } if Arc::ptr_eq(other, sink));
        if let Some(mut listeners) = self.lock(&self.listeners) {
            listeners.waiters.retain(|waiter| !is_same(waiter));
        }
    }

    /// Leaves a waker under `key` (0: a new key), in place of the one that was there, and returns the key.
    pub(crate) fn leave_waker(&self, key: usize, waker: &Waker) -> Listening<usize> {
        self.listen(|listeners| {
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
        })
    }

    pub(crate) fn remove_waker(&self, key: usize) {
        if let Some(mut listeners) = self.lock(&self.listeners) {
            let is_removed =
                |waiter: &Waiter| matches!(waiter, Waiter::Task { key: other, .. } if *other == key);
            listeners.waiters.retain(|waiter| !is_removed(waiter));
        }
    }

    fn step(&self) -> u8 {
        self.step.load(Ordering::Acquire) & !AWAITED
    }

    /// Whether the future has an outcome or was cancelled.
    pub fn is_done(&self) -> bool {
        self.step() >= CANCELLED
    }

    /// Whether its task runs.
    pub fn is_running(&self) -> bool {
        self.step() == RUNNING
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
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
