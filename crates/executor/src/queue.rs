//! The queue between those who submit tasks and the workers of a thread pool.
//!
//! # The protocol
//!
//! Everything is decided under one lock: the tasks, how many workers there are, how many of those are
//! out of work, and how many of these look (spin) or sleep. A task is pushed and a worker goes to sleep
//! under the same lock, so a worker cannot fall asleep past a task. A push wakes a sleeper only if there
//! are more tasks than workers that look for one: each looker takes one, so the others need somebody.
//! A looker finds a task by reading `len` without the lock; the read is a hint, the lock decides.
//!
//! A worker may take more tasks than one ([`Queue::pop_if`]) and put back those that it has not begun. Until it
//! has done so, or says that it will not, no other worker leaves a closed queue: somebody has to be there.

use std::collections::VecDeque;

use crate::sync::{AtomicUsize, Condvar, Mutex, Ordering};

/// How often a worker looks for a task before it sleeps. Never in the model: loom takes a yield for a
/// promise that somebody else goes first, and would not try the sleep.
const ROUNDS: u32 = if cfg!(all(test, feature = "models")) { 0 } else { 100 };

pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    more: Condvar,
    /// The number of tasks, and a bit for closed, readable without the lock.
    hint: AtomicUsize,
}

struct State<J> {
    jobs: VecDeque<J>,
    workers: usize,
    most: usize,
    looking: usize,
    sleeping: usize,
    closed: bool,
    /// Tasks that may be put back.
    lent: usize,
    /// Nothing that is put back is wanted any more.
    drained: bool,
}

/// What the one who pushed has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Nothing: the task will be run.
    Queued,
    /// Start this worker, which is counted already.
    StartWorker(usize),
}

/// Set in the hint when the queue is closed.
const CLOSED: usize = 1 << (usize::BITS - 1);

impl<J> Queue<J> {
    /// An empty queue for up to `most` workers.
    pub(crate) fn new(most: usize) -> Queue<J> {
        let state = State {
            jobs: VecDeque::new(),
            workers: 0,
            most,
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
        if waiting > state.looking + state.sleeping && state.workers < state.most {
            state.workers += 1;
            return Ok(Pushed::StartWorker(state.workers - 1));
        }
        if waiting > state.looking && state.sleeping > 0 {
            drop(state);
            self.more.notify_one();
        }
        Ok(Pushed::Queued)
    }

    /// The next task, when there is one. `None` when the queue is closed and empty; then the worker is
    /// counted as gone, and the number of those that are left comes with it. Calls `idle` if there was
    /// not one at once.
    pub(crate) fn pop(&self, idle: impl FnOnce()) -> Result<J, usize> {
        let mut state = self.state.lock();
        if let Some(job) = self.take(&mut state) {
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
                // Whoever pushed may have counted on this worker for more than one task.
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

    /// The next task if `wanted` wants it, without waiting. It is told how many there are.
    pub(crate) fn pop_if(&self, wanted: impl FnOnce(&J, usize) -> bool) -> Option<J> {
        let mut state = self.state.lock();
        let count = state.jobs.len();
        if !state.jobs.front().is_some_and(|job| wanted(job, count)) {
            return None;
        }
        state.lent += 1;
        self.take(&mut state)
    }

    /// Puts tasks back that [`Queue::pop_if`] gave, before all others. Gives them back if everything was taken
    /// out since.
    pub(crate) fn put_back(&self, jobs: Vec<J>) -> Vec<J> {
        let mut state = self.state.lock();
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

    /// Says that so many tasks that [`Queue::pop_if`] gave will not be put back.
    pub(crate) fn keep(&self, count: usize) {
        let mut state = self.state.lock();
        state.lent -= count;
        if state.closed && state.lent == 0 {
            drop(state);
            self.more.notify_all();
        }
    }

    /// Takes no more tasks; those that are there will be run. Returns the number of workers.
    pub(crate) fn close(&self) -> usize {
        let mut state = self.state.lock();
        state.closed = true;
        self.hint.store(state.jobs.len() | CLOSED, Ordering::Relaxed);
        let workers = state.workers;
        drop(state);
        self.more.notify_all();
        workers
    }

    /// Takes out everything that has not been started.
    pub(crate) fn drain(&self) -> VecDeque<J> {
        let mut state = self.state.lock();
        let closed = if state.closed { CLOSED } else { 0 };
        self.hint.store(closed, Ordering::Relaxed);
        state.drained = true;
        std::mem::take(&mut state.jobs)
    }

    /// Undoes the counting of a worker that could not be started. From now on there will be no more
    /// than those that are; their number is returned.
    pub(crate) fn worker_failed(&self) -> usize {
        let mut state = self.state.lock();
        state.workers -= 1;
        state.most = state.workers.max(1);
        state.workers
    }

    /// Forgets the workers, in a process that was forked from theirs, and counts as many new ones as the
    /// tasks need. Returns the numbers of those, to be started.
    pub(crate) fn forget_workers(&self) -> std::ops::Range<usize> {
        let mut state = self.state.lock();
        (state.looking, state.sleeping, state.lent) = (0, 0, 0);
        state.workers = state.jobs.len().min(state.most);
        0..state.workers
    }

    pub(crate) fn workers(&self) -> usize {
        self.state.lock().workers
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }
}

#[cfg(not(all(test, feature = "models")))]
fn look(round: u32) {
    if round < 8 {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

#[cfg(all(test, feature = "models"))]
fn look(_round: u32) {
    loom::thread::yield_now();
}
