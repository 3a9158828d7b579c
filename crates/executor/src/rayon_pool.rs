//! The executor on rayon's threads, whose waiting workers run other tasks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use threadbook_base::Mutex;
use threadbook_base::fork::{self, ForkHandler, Held};
use threadbook_future::{Future, panics};
use threadbook_trace::{NameId, Timeline};

use crate::executor::BuildError;
use crate::foreign::{ForeignQueue, STACK_BYTES};
use crate::map::{BufferedResults, MapResults};
use crate::task;

/// Runs tasks in a thread pool of [rayon](rayon), where a worker that waits for a task which has not
/// started runs that task itself.
///
/// So a task may wait for tasks of its own pool, a thousand deep, and a pool of one worker does not get
/// stuck on it. Two tasks that wait for each other are a deadlock here, too, and reported as one.
///
/// Parallel iterators that are used in a task run on this pool.
///
/// # Examples
///
/// ```
/// use threadbook_executor::RayonExecutor;
///
/// let pool = RayonExecutor::new(1);
/// let handle = pool.clone();
/// let outer = pool.submit(move || handle.submit(|| 5_u32.pow(2)).result().unwrap());
/// assert_eq!(outer.result(), Ok(25));
/// ```
#[derive(Clone)]
pub struct RayonExecutor {
    handle: Arc<Handle>,
}

fn start_threads(queue: &Arc<ForeignQueue>) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    let name = queue.recorder.name().to_owned();
    let of_worker = Arc::clone(queue);
    rayon::ThreadPoolBuilder::new()
        .num_threads(queue.max_workers)
        .stack_size(STACK_BYTES)
        .thread_name(move |number| format!("{name}_{number}"))
        .start_handler(move |_| {
            of_worker.add_worker();
        })
        .build()
}

impl Pool {
    /// Has one of rayon's threads run tasks of the queue.
    fn call(&self) {
        let queue = Arc::clone(&self.queue);
        self.threads.lock().spawn_fifo(move || run(queue));
    }
}

impl ForkHandler for Pool {
    fn hold<'a>(&'a self, held: &mut Vec<Box<dyn Held + 'a>>) {
        held.push(Box::new(self.threads.lock()));
        self.queue.hold(held);
    }

    fn after_fork_in_child(self: Arc<Self>) {
        // Without threads its tasks wait for ever, but can be interrupted.
        let Ok(threads) = start_threads(&self.queue) else { return };
        std::mem::forget(std::mem::replace(&mut *self.threads.lock(), Arc::new(threads)));
        for _ in 0..self.queue.forget_workers() {
            self.call();
        }
    }
}

fn run(queue: Arc<ForeignQueue>) {
    if queue.run_some() {
        rayon::spawn_fifo(move || run(queue));
    }
}

/// Its drop is the drop of the last handle.
struct Handle {
    pool: Arc<Pool>,
}

struct Pool {
    queue: Arc<ForeignQueue>,
    threads: Mutex<Arc<rayon::ThreadPool>>,
}

static EXECUTORS: AtomicUsize = AtomicUsize::new(0);

impl RayonExecutor {
    /// A pool of `max_workers` threads.
    ///
    /// # Panics
    ///
    /// If `max_workers` is 0, or the threads cannot be started. [`RayonExecutor::try_new`] returns that
    /// as an error.
    pub fn new(max_workers: usize) -> RayonExecutor {
        RayonExecutor::try_new(max_workers).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A pool of `max_workers` threads.
    ///
    /// # Errors
    ///
    /// If `max_workers` is 0, or the threads cannot be started.
    pub fn try_new(max_workers: usize) -> Result<RayonExecutor, BuildError> {
        if max_workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        panics::install_hook();
        let name = format!("RayonExecutor-{}", EXECUTORS.fetch_add(1, Relaxed));
        let queue = ForeignQueue::new(name, max_workers, "worker");
        let threads = start_threads(&queue).map_err(|error| BuildError::NoThreads(error.to_string()))?;
        let pool = Arc::new(Pool { queue, threads: Mutex::new(Arc::new(threads)) });
        fork::on_child(&pool);
        Ok(RayonExecutor { handle: Arc::new(Handle { pool }) })
    }

    fn submit_as<F, T>(&self, name: NameId, work: F) -> Future<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let pool = &self.handle.pool;
        pool.queue.submit(name, work, || pool.call())
    }

    /// The rayon pool itself, for `install`, `join` and `scope`.
    pub fn rayon(&self) -> Arc<rayon::ThreadPool> {
        fork::catch_up();
        Arc::clone(&self.handle.pool.threads.lock())
    }

    fn queue(&self) -> &Arc<ForeignQueue> {
        &self.handle.pool.queue
    }

    /// What ran where and when. A task that ran within the wait of another one overlaps with it.
    pub fn timeline(&self) -> Timeline {
        self.queue().recorder.timeline()
    }
}

crate::executor::implement_submit!(RayonExecutor);
crate::executor::implement_life!(RayonExecutor, queue);
crate::executor::implement_executor!(RayonExecutor);

impl Drop for Handle {
    fn drop(&mut self) {
        self.pool.queue.close();
        self.pool.queue.finish();
    }
}

impl Default for RayonExecutor {
    /// One worker a processor.
    fn default() -> RayonExecutor {
        RayonExecutor::new(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl fmt::Debug for RayonExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.queue().is_closed() { ", shut down" } else { "" };
        write!(f, "RayonExecutor({:?}, {} workers{state})", self.name(), self.max_workers())
    }
}
