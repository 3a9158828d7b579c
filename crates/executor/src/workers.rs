//! A crew: threads, a queue of tasks for them, and their common fate. What a thread does with a task is its
//! [`Craft`]: run it, or have it run in another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};
use std::thread::JoinHandle;

use threadbook_trace::sync::Mutex;
use threadbook_trace::{NameId, Recorder, TaskLabel};

use crate::agent::{Agent, PoolId};
use crate::block::{Goal, block};
use crate::detect::{self, Dependency, Need};
use crate::error::TaskError;
use crate::fork::{self, Survivor};
use crate::interrupt::is_interrupted;
use crate::queue::{Pushed, Queue};
use crate::task::Queued;

/// What the threads of a crew do.
pub(crate) trait Craft: Sized + Send + Sync + 'static {
    /// What stands in the queue.
    type Job: Queued + ?Sized;

    /// The life of the thread with this number: takes tasks from the queue until it is closed and empty.
    /// Returns how many threads are left then, as [`Queue::pop`] says.
    fn work(crew: &Arc<Crew<Self>>, number: usize) -> usize;

    /// The crew takes and runs no more tasks; those that run should end.
    fn abort(_crew: &Crew<Self>) {}

    /// This is a copy of the process in which the threads were.
    fn in_copy(&self) {}
}

pub(crate) struct Crew<C: Craft> {
    pub(crate) id: PoolId,
    pub(crate) most: usize,
    pub(crate) queue: Queue<Box<C::Job>>,
    pub(crate) recorder: Recorder,
    pub(crate) craft: C,
    /// Why no task can be run any more.
    broken: Mutex<Option<String>>,
    is_broken: AtomicBool,
    tasks: AtomicU64,
    generation: AtomicU32,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Agents that wait for the last worker to end.
    waiters: Mutex<Vec<Arc<Agent>>>,
}

/// Its drop is the drop of an executor's last handle.
pub(crate) struct Handle<C: Craft> {
    pub(crate) crew: Arc<Crew<C>>,
}

impl<C: Craft> Handle<C> {
    /// The first handle of a new crew.
    pub(crate) fn new(name: String, most: usize, craft: C) -> Arc<Handle<C>> {
        let crew = Crew {
            id: detect::add_pool(&name, most),
            most,
            queue: Queue::new(most),
            recorder: Recorder::new(name),
            craft,
            broken: Mutex::new(None),
            is_broken: AtomicBool::new(false),
            tasks: AtomicU64::new(0),
            generation: AtomicU32::new(fork::generation()),
            threads: Mutex::new(Vec::new()),
            waiters: Mutex::new(Vec::new()),
        };
        let crew = Arc::new(crew);
        fork::add(&crew);
        Arc::new(Handle { crew })
    }
}

impl<C: Craft> Crew<C> {
    pub(crate) fn next_label(&self, name: NameId) -> TaskLabel {
        TaskLabel { number: self.tasks.fetch_add(1, Relaxed) + 1, name }
    }

    pub(crate) fn enqueue(self: &Arc<Self>, job: Box<C::Job>) {
        fork::check();
        if self.is_broken() {
            return job.give_up(self.breakage());
        }
        match self.queue.push(job) {
            Ok(Pushed::Queued) => {}
            Ok(Pushed::StartWorker(number)) => self.start_worker(number),
            Err(job) => job.give_up(TaskError::ShutDown),
        }
        // The last worker may have broken the pool just before the push: then nobody else takes it out.
        if self.is_broken() {
            self.fail_queued();
        }
    }

    fn start_worker(self: &Arc<Self>, number: usize) {
        let crew = Arc::clone(self);
        let name = format!("{}_{number}", self.recorder.name());
        let started = std::thread::Builder::new().name(name).spawn(move || {
            if C::work(&crew, number) == 0 {
                crew.waiters.lock().drain(..).for_each(|agent| agent.wake());
            }
        });
        match started {
            Ok(thread) => self.threads.lock().push(thread),
            Err(error) => {
                let workers = self.queue.worker_failed();
                if workers == 0 {
                    self.break_up(format!("no thread could be started: {error}"));
                } else {
                    // Fewer workers than asked for do the work as well.
                    detect::limit_pool(self.id, workers);
                }
            }
        }
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    pub(crate) fn cancel_queued(&self) -> usize {
        self.queue.drain().into_iter().map(|job| usize::from(job.cancel())).sum()
    }

    fn fail_queued(&self) {
        for job in self.queue.drain() {
            job.give_up(self.breakage());
        }
    }

    /// From now on no task is run; the reason is in every future's error.
    pub(crate) fn break_up(&self, reason: String) {
        self.broken.lock().get_or_insert(reason);
        self.is_broken.store(true, Release);
        C::abort(self);
        self.fail_queued();
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Acquire)
    }

    pub(crate) fn breakage(&self) -> TaskError {
        TaskError::BrokenPool(self.broken.lock().clone().unwrap_or_default())
    }

    /// What is wrong with it, for its `Debug`.
    pub(crate) fn state(&self) -> &'static str {
        if self.is_broken() {
            ", broken"
        } else if self.queue.is_closed() {
            ", shut down"
        } else {
            ""
        }
    }

    /// Waits until the workers have ended. The queue must be closed. Returns false if the wait failed, or would be
    /// one for oneself.
    pub(crate) fn join(self: &Arc<Self>) -> bool {
        if Agent::current().pool() == self.id || block(&Ended { crew: self }, None).is_err() {
            return false;
        }
        if self.generation.load(Relaxed) == fork::generation() {
            let threads = std::mem::take(&mut *self.threads.lock());
            for thread in threads {
                // A worker catches every panic of a task, so its thread ends well.
                let _ = thread.join();
            }
        }
        true
    }
}

impl<C: Craft> Survivor for Crew<C> {
    /// Starts as many workers as the tasks in the queue need.
    fn in_copy(self: Arc<Self>) {
        self.generation.store(fork::generation(), Relaxed);
        // These handles belong to threads of the other process.
        std::mem::take(&mut *self.threads.lock()).into_iter().for_each(std::mem::forget);
        self.craft.in_copy();
        for number in self.queue.forget_workers() {
            self.start_worker(number);
        }
    }
}

/// The end of a crew's last worker.
struct Ended<'a, C: Craft> {
    crew: &'a Crew<C>,
}

impl<C: Craft> Goal for Ended<'_, C> {
    fn is_reached(&self) -> bool {
        self.crew.queue.workers() == 0 || self.crew.generation.load(Relaxed) != fork::generation()
    }

    fn subscribe(&self, agent: &Arc<Agent>) {
        self.crew.waiters.lock().push(Arc::clone(agent));
    }

    fn unsubscribe(&self, agent: &Arc<Agent>) {
        self.crew.waiters.lock().retain(|other| other.id != agent.id);
    }

    fn need(&self) -> Need {
        Need::All(vec![Dependency::Drained(self.crew.id)])
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.crew.recorder.name()) }
    }
}

impl<C: Craft> Drop for Handle<C> {
    fn drop(&mut self) {
        let crew = &self.crew;
        crew.close();
        if !crew.join() && is_interrupted() {
            crew.cancel_queued();
        }
    }
}

impl<C: Craft> Drop for Crew<C> {
    fn drop(&mut self) {
        detect::remove_pool(self.id);
    }
}
