//! The executor on tokio's runtime, for async tasks and for blocking ones.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use threadbook_base::Mutex;
use threadbook_base::fork::{self, ForkHandler, Held};
use threadbook_future::producer::{Header, Shared, pending};
use threadbook_future::wait::{Running, ThreadData, thread};
use threadbook_future::{Future, TaskError, panics};
use threadbook_trace::{NameId, Outcome, TaskSpan, Ticks, Timeline};
use tokio::runtime::Runtime;

use crate::executor::{BuildError, default_workers};
use crate::foreign::{ForeignQueue, OpenTask, STACK_BYTES};
use crate::map::{BufferedResults, MapResults};
use crate::task;

/// Runs tasks on a [tokio](tokio) runtime of its own: async ones with [`TokioExecutor::spawn`], blocking
/// ones, in separate threads, with [`TokioExecutor::submit`].
///
/// Of each kind up to `max_workers` run at the same time; an async task that awaits something takes up no
/// worker. A blocking task that waits for one of this executor's blocking tasks which has not started runs
/// it itself, as on [`RayonExecutor`](crate::RayonExecutor).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadbook_executor::TokioExecutor;
///
/// let pool = TokioExecutor::new(2);
/// let slept = pool.spawn(async {
///     tokio::time::sleep(Duration::from_millis(10)).await;
///     "slept"
/// });
/// let worked = pool.submit(|| "worked");
/// assert_eq!(slept.result(), Ok("slept"));
/// assert_eq!(worked.result(), Ok("worked"));
/// ```
#[derive(Clone)]
pub struct TokioExecutor {
    handle: Arc<Handle>,
}

/// Its drop is the drop of the last handle.
struct Handle {
    pool: Arc<Pool>,
}

struct Pool {
    /// The blocking tasks.
    queue: Arc<ForeignQueue>,
    /// The workers for async tasks. Their tasks are in the runtime's queue: a task that blocks one of these workers holds up
    /// tasks that this crate does not know.
    workers: Arc<ForeignQueue>,
    runtime: Mutex<tokio::runtime::Handle>,
    owner: Mutex<Option<Runtime>>,
}

static EXECUTORS: AtomicUsize = AtomicUsize::new(0);

/// Tokio ends idle threads for blocking work after ten seconds; a timeline would show each new one as
/// another worker.
const KEEP_ALIVE: Duration = Duration::from_secs(24 * 60 * 60);

impl TokioExecutor {
    /// A runtime with `max_workers` threads for async tasks and up to as many for blocking ones.
    ///
    /// # Panics
    ///
    /// If `max_workers` is 0, or the threads cannot be started. [`TokioExecutor::try_new`] returns that
    /// as an error.
    pub fn new(max_workers: usize) -> TokioExecutor {
        TokioExecutor::try_new(max_workers).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A runtime with `max_workers` threads for async tasks and up to as many for blocking ones.
    ///
    /// # Errors
    ///
    /// If `max_workers` is 0, or the threads cannot be started.
    pub fn try_new(max_workers: usize) -> Result<TokioExecutor, BuildError> {
        if max_workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        panics::install_hook();
        let name = format!("TokioExecutor-{}", EXECUTORS.fetch_add(1, Relaxed));
        let runtime =
            start_runtime(&name, max_workers).map_err(|error| BuildError::NoThreads(error.to_string()))?;
        let pool = Arc::new(Pool {
            queue: ForeignQueue::new(name.clone(), max_workers, "blocking"),
            workers: ForeignQueue::new(format!("{name} (async)"), usize::MAX, "worker"),
            runtime: Mutex::new(runtime.handle().clone()),
            owner: Mutex::new(Some(runtime)),
        });
        fork::on_child(&pool);
        Ok(TokioExecutor { handle: Arc::new(Handle { pool }) })
    }

    fn submit_as<F, T>(&self, name: NameId, work: F) -> Future<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let pool = &self.handle.pool;
        pool.queue.submit(name, work, || pool.call())
    }

    /// Runs an async task and returns at once with the future of its result.
    ///
    /// The future can be cancelled until the task has been polled for the first time.
    pub fn spawn<F>(&self, work: F) -> Future<F::Output>
    where
        F: std::future::Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_as(NameId::NONE, work)
    }

    /// As [`TokioExecutor::spawn`], with a name for timelines and error messages.
    pub fn spawn_named<F>(&self, name: &str, work: F) -> Future<F::Output>
    where
        F: std::future::Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_as(NameId::new(name), work)
    }

    fn spawn_as<F>(&self, name: NameId, work: F) -> Future<F::Output>
    where
        F: std::future::Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let pool = &self.handle.pool;
        let label = pool.queue.next_label(name);
        match pool.queue.open() {
            Err(error) => task::refused(label, error),
            Ok(open) => {
                let (shared, future) = pending(Header::of_runtime(label));
                pool.runtime.lock().spawn(Spawned {
                    work: Some(Box::pin(work)),
                    shared,
                    workers: Arc::clone(&pool.workers),
                    submitted: Ticks::now(),
                    open: Some(open),
                });
                future
            }
        }
    }

    /// The runtime, for its other methods.
    pub fn runtime(&self) -> tokio::runtime::Handle {
        fork::catch_up();
        self.handle.pool.runtime.lock().clone()
    }

    fn queue(&self) -> &Arc<ForeignQueue> {
        &self.handle.pool.queue
    }

    /// What ran where and when: the workers for blocking tasks, then those for async ones. An async task
    /// has a bar for each time that it was polled.
    pub fn timeline(&self) -> Timeline {
        let pool = &self.handle.pool;
        pool.queue.recorder.timeline_with(&pool.workers.recorder)
    }
}

crate::executor::implement_submit!(TokioExecutor);
crate::executor::implement_life!(TokioExecutor, queue);
crate::executor::implement_executor!(TokioExecutor);

/// An async task, whose result completes a future.
struct Spawned<F: std::future::Future> {
    /// Gone when it has ended.
    work: Option<Pin<Box<F>>>,
    shared: Arc<Shared<F::Output>>,
    workers: Arc<ForeignQueue>,
    submitted: Ticks,
    /// Dropped when the task has ended.
    open: Option<OpenTask>,
}

impl<F> std::future::Future for Spawned<F>
where
    F: std::future::Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        let may_run = shared.is_running() || shared.start();
        let (submitted, worker) = (self.submitted, self.workers.worker());
        let Some(work) = self.work.as_mut().filter(|_| may_run) else {
            return Poll::Ready(());
        };
        let label = shared.header().label;
        let before = thread::set_running(Some(Running { label, pool: 0, is_thread: false }));
        // While it is polled, only this thread can complete it; afterwards any thread may wake it.
        shared.header().set_runner(worker.thread.id);
        let started = Ticks::now();
        worker.log.started(label, submitted, started);
        let result = panics::catch(&label, || work.as_mut().poll(context));
        let outcome = match &result {
            Ok(Poll::Pending) => Outcome::Suspended,
            Ok(Poll::Ready(_)) => Outcome::Returned,
            Err(_) => Outcome::Panicked,
        };
        let finished = Ticks::now();
        worker.log.finished(TaskSpan { task: label, submitted, started, finished, outcome });
        let result = match result {
            Ok(Poll::Pending) => {
                shared.header().set_runner(0);
                thread::set_running(before);
                return Poll::Pending;
            }
            Ok(Poll::Ready(value)) => Ok(value),
            Err(error) => Err(error),
        };
        task::discard(label, self.work.take());
        // It cannot be cancelled after `start`, and no other thread completes it.
        let _ = shared.complete(result);
        thread::set_running(before);
        self.open = None;
        Poll::Ready(())
    }
}

/// A task that its runtime drops has an error, so no thread waits for it for ever.
impl<F: std::future::Future> Drop for Spawned<F> {
    fn drop(&mut self) {
        task::discard(self.shared.header().label, self.work.take());
        let reason = "the runtime was shut down before the task was done".to_owned();
        // An error means that the future is done, as it should be.
        let _ = self.shared.complete(Err(TaskError::BrokenPool(reason)));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let pool = Arc::clone(&self.pool);
        pool.queue.close();
        let here = ThreadData::current().pool();
        if here == pool.queue.id || here == pool.workers.id {
            // A task cannot wait for itself, and the runtime drops what has not started: a thread waits.
            std::thread::spawn(move || pool.end());
            return;
        }
        pool.end();
    }
}

fn start_runtime(name: &str, max_workers: usize) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(max_workers)
        .max_blocking_threads(max_workers)
        .thread_keep_alive(KEEP_ALIVE)
        .thread_stack_size(STACK_BYTES)
        .thread_name(name)
        .enable_all()
        .build()
}

impl ForkHandler for Pool {
    fn hold<'a>(&'a self, held: &mut Vec<Box<dyn Held + 'a>>) {
        held.push(Box::new(self.owner.lock()));
        held.push(Box::new(self.runtime.lock()));
        self.queue.hold(held);
        self.workers.hold(held);
    }

    fn after_fork_in_child(self: Arc<Self>) {
        let mut owner = self.owner.lock();
        // It is being shut down, or no thread can be started: waits can be interrupted.
        let Some(lost) = &mut *owner else { return };
        let Ok(runtime) = start_runtime(self.queue.recorder.name(), self.queue.max_workers) else { return };
        *self.runtime.lock() = runtime.handle().clone();
        std::mem::forget(std::mem::replace(lost, runtime));
        self.workers.forget_workers();
        drop(owner);
        for _ in 0..self.queue.forget_workers() {
            self.call();
        }
    }
}

impl Pool {
    /// Has one of tokio's threads for blocking work run tasks of the queue.
    fn call(&self) {
        let queue = Arc::clone(&self.queue);
        self.runtime.lock().spawn_blocking(move || while queue.run_some() {});
    }

    /// Waits for the tasks and lets the runtime go, without waiting for its idle threads: that is
    /// allowed in async code, too.
    fn end(&self) {
        self.queue.finish();
        let runtime = self.owner.lock().take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

impl Default for TokioExecutor {
    /// As many workers as [`ThreadPoolExecutor::default`](crate::ThreadPoolExecutor::default).
    fn default() -> TokioExecutor {
        TokioExecutor::new(default_workers())
    }
}

impl fmt::Debug for TokioExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.queue().is_closed() { ", shut down" } else { "" };
        write!(f, "TokioExecutor({:?}, {} workers{state})", self.name(), self.max_workers())
    }
}
