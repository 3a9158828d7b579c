//! The queue of a pool of worker threads.
//!
//! # The protocol
//!
//! Everything is decided under one lock: the tasks, the number of workers, how many of those are
//! out of work, and how many of these look (spin) or sleep. A task is pushed and a worker goes to sleep
//! under the same lock, so a worker cannot fall asleep past a task. A push wakes a sleeper only if there
//! are more tasks than workers that look for one: each looker takes one, and the others need a sleeper.
//! A looker finds a task by reading `len` without the lock; the read is a hint, the lock decides.
//!
//! A worker may take more tasks than one ([`Queue::pop_if`]) and put back those that it has not begun. Until it
//! has done so, or calls [`Queue::keep`], no other worker leaves a closed queue, because these tasks may need it.
//!
//! *After a fork:* a task is in the queue, or has a runner: the callback `taken` runs under the lock. So a forked child knows
//! the tasks that are lost with their workers.

use std::collections::VecDeque;

use threadbook_base::fork::Held;
use threadbook_base::loom::{AtomicUsize, Condvar, Mutex, Ordering};

/// How often a worker looks for a task before it sleeps. Never in the model: for loom, a yield means that another thread
/// goes first, so it would not try the sleep.
const ROUNDS: u32 = if cfg!(feature = "models") { 0 } else { 100 };

pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    more: Condvar,
    /// The number of tasks, and a bit for closed, readable without the lock.
    hint: AtomicUsize,
}

struct State<J> {
    jobs: VecDeque<J>,
    workers: usize,
    max_workers: usize,
    looking: usize,
    sleeping: usize,
    closed: bool,
    /// Tasks that may be put back.
    lent: usize,
    /// The tasks were drained, so those that are put back are refused.
    drained: bool,
}

/// The next step of the thread that pushed a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// None: a worker will run the task.
    Queued,
    /// Start this worker, which is counted already.
    StartWorker(usize),
}

/// Set in the hint when the queue is closed.
const CLOSED: usize = 1 << (usize::BITS - 1);

impl<J> Queue<J> {
    /// An empty queue for up to `max_workers` workers.
    pub(crate) fn new(max_workers: usize) -> Queue<J> {
        let state = State {
            jobs: VecDeque::new(),
            workers: 0,
            max_workers,
            looking: 0,
            sleeping: 0,
            closed: false,
            lent: 0,
            drained: false,
        };
        Queue { state: Mutex::new(state), more: Condvar::new(), hint: AtomicUsize::new(0) }
    }

    /// Adds a task, or gives it back if the queue is closed.
    pub(crate) fn push(&self, job: J) -> Result<Pushed, J> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(job);
        }
        state.jobs.push_back(job);
        let waiting = state.jobs.len();
        self.hint.store(waiting, Ordering::Relaxed);
        if waiting > state.looking + state.sleeping && state.workers < state.max_workers {
            state.workers += 1;
            return Ok(Pushed::StartWorker(state.workers - 1));
        }
        if waiting > state.looking && state.sleeping > 0 {
            drop(state);
            self.more.notify_one();
        }
        Ok(Pushed::Queued)
    }

    /// Waits for a task and takes it. Calls `taken` with it under the lock, and before that `idle` if there was none at once.
    ///
    /// # Errors
    ///
    /// The number of the other workers, if the queue is closed and empty; this worker is not counted any more.
    pub(crate) fn pop(&self, idle: impl FnOnce(), taken: impl FnOnce(&J)) -> Result<J, usize> {
        let mut state = self.state.lock();
        if let Some(job) = self.take(&mut state) {
            taken(&job);
            return Ok(job);
        }
        idle();
        if !state.closed {
            state.looking += 1;
            drop(state);
            for round in 0..ROUNDS {
                if self.hint.load(Ordering::Relaxed) != 0 {
                    break;
                }
                look(round);
            }
            state = self.state.lock();
            state.looking -= 1;
        }
        loop {
            if let Some(job) = self.take(&mut state) {
                taken(&job);
                // A push may have relied on this worker for more than one task.
                if state.jobs.len() > state.looking && state.sleeping > 0 {
                    drop(state);
                    self.more.notify_one();
                }
                return Ok(job);
            }
            if state.closed && state.lent == 0 {
                state.workers -= 1;
                return Err(state.workers);
            }
            state.sleeping += 1;
            self.more.wait(&mut state);
            state.sleeping -= 1;
        }
    }

    fn take(&self, state: &mut State<J>) -> Option<J> {
        let job = state.jobs.pop_front()?;
        let closed = if state.closed { CLOSED } else { 0 };
        self.hint.store(state.jobs.len() | closed, Ordering::Relaxed);
        Some(job)
    }

    /// Takes the next task if `is_wanted` holds of it and of the number of tasks, without waiting.
    pub(crate) fn pop_if(
        &self,
        is_wanted: impl FnOnce(&J, usize) -> bool,
        taken: impl FnOnce(&J),
    ) -> Option<J> {
        let mut state = self.state.lock();
        let count = state.jobs.len();
        if !state.jobs.front().is_some_and(|job| is_wanted(job, count)) {
            return None;
        }
        state.lent += 1;
        let job = self.take(&mut state)?;
        taken(&job);
        Some(job)
    }

    /// Puts tasks of [`Queue::pop_if`] back, before all others, and calls `returned` with each under the lock. Returns them
    /// if the queue was drained.
    pub(crate) fn put_back(&self, jobs: Vec<J>, returned: impl Fn(&J)) -> Vec<J> {
        let mut state = self.state.lock();
        jobs.iter().for_each(returned);
        state.lent -= jobs.len();
        let refused = if state.drained {
            jobs
        } else {
            jobs.into_iter().rev().for_each(|job| state.jobs.push_front(job));
            Vec::new()
        };
        let closed = if state.closed { CLOSED } else { 0 };
        self.hint.store(state.jobs.len() | closed, Ordering::Relaxed);
        drop(state);
        self.more.notify_all();
        refused
    }

    /// Keeps this number of tasks of [`Queue::pop_if`] for good.
    pub(crate) fn keep(&self, count: usize) {
        let mut state = self.state.lock();
        state.lent -= count;
        if state.closed && state.lent == 0 {
            drop(state);
            self.more.notify_all();
        }
    }

    /// Closes the queue: it takes no more tasks, and the present ones will be run. Returns the number of workers.
    pub(crate) fn close(&self) -> usize {
        let mut state = self.state.lock();
        state.closed = true;
        self.hint.store(state.jobs.len() | CLOSED, Ordering::Relaxed);
        let workers = state.workers;
        drop(state);
        self.more.notify_all();
        workers
    }

    /// Takes out all tasks.
    pub(crate) fn drain(&self) -> VecDeque<J> {
        let mut state = self.state.lock();
        let closed = if state.closed { CLOSED } else { 0 };
        self.hint.store(closed, Ordering::Relaxed);
        state.drained = true;
        std::mem::take(&mut state.jobs)
    }

    /// Removes a worker that could not be started from the count, and limits the workers to the present ones, whose number it
    /// returns.
    pub(crate) fn worker_failed(&self) -> usize {
        let mut state = self.state.lock();
        state.workers -= 1;
        state.max_workers = state.workers.max(1);
        state.workers
    }

    /// Forgets the workers, in a forked child, and counts as many new ones as the tasks need. Returns the numbers of those,
    /// to be started.
    pub(crate) fn forget_workers(&self) -> std::ops::Range<usize> {
        let mut state = self.state.lock();
        (state.looking, state.sleeping, state.lent) = (0, 0, 0);
        state.workers = state.jobs.len().min(state.max_workers);
        0..state.workers
    }

    /// Locks the queue, which a fork must not find locked.
    pub(crate) fn hold(&self) -> impl Held + '_ {
        self.state.lock()
    }

    pub(crate) fn workers(&self) -> usize {
        self.state.lock().workers
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }
}

#[cfg(not(feature = "models"))]
fn look(round: u32) {
    if round < 8 {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

#[cfg(feature = "models")]
fn look(_round: u32) {
    loom::thread::yield_now();
}
