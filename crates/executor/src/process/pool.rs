//! The executor whose workers are processes.
//!
//! Each process has a thread here that communicates with it (its [`driver`](super::driver)), and these threads are a
//! [`WorkerPool`] like those of a thread pool: the queue, cancellation, shutdown and forks are the same.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use threadbook_base::Mutex;
use threadbook_base::fork::{self, Rank};
use threadbook_base::interrupt;
use threadbook_future::producer::{FutureState, Header, Shared, pending};
use threadbook_future::wait::ThreadNumber;
use threadbook_future::{Future, TaskError, panics};
use threadbook_trace::{NameId, Ticks, Timeline};
use threadbook_worker::{Answer, Call, Descriptor, origin};

use super::chunk::{ChunkResults, call_each};
use super::driver::{Processes, RemoteJob, Settings};
use crate::executor::Portable;
use crate::map::{BufferedResults, MapResults, finite};
use crate::task::{self, Queued};
use crate::workers::{PoolHandle, WorkerPool};

/// Runs calls in other processes, first come, first served.
///
/// A call goes to the other process as bytes: the function must not capture anything, and its
/// argument and result must be [`Portable`], as all types that serde can write and read are. The compiler checks
/// both. A process has its own statics, and does not see later changes of this one's.
///
/// Processes are started when they are needed. Dropping the last handle waits until all submitted tasks are done, as
/// with a [`ThreadPoolExecutor`](crate::ThreadPoolExecutor).
///
/// A task that panics is [`TaskError::Panicked`], and the process lives on. If a process dies, all tasks that
/// are not done are [`TaskError::BrokenPool`], which says how it died; other pools live on. However this process
/// ends, its workers end, too.
///
/// The output of a task appears where this process prints; in Threadbook's kernel, in the cell that submitted it.
///
/// Works in an ordinary program, in tests, and in a notebook with functions of any cell. The first call of a
/// process pool must come from after the start of `main`.
///
/// # Examples
///
/// ```
/// use threadbook_executor::ProcessPoolExecutor;
///
/// fn is_prime(n: u64) -> bool {
///     n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
/// }
///
/// let pool = ProcessPoolExecutor::new(2);
/// let primes: Result<Vec<bool>, _> = pool.map(is_prime, [5, 6, 7]).collect();
/// assert_eq!(primes.unwrap(), [true, false, true]);
/// ```
#[derive(Clone)]
pub struct ProcessPoolExecutor {
    handle: Arc<PoolHandle<Processes>>,
}

static POOLS: AtomicUsize = AtomicUsize::new(0);

/// All pools, for interrupts.
static ALL: Mutex<Vec<Weak<WorkerPool<Processes>>>> = Mutex::new(Vec::new());

/// Notifies all pools of an interrupt.
fn interrupt_all() {
    let pools: Vec<_> = ALL.lock().iter().filter_map(Weak::upgrade).collect();
    pools.iter().for_each(|pool| pool.runner.interrupt());
}

impl ProcessPoolExecutor {
    pub(super) fn from_settings(
        name: Option<String>,
        max_workers: usize,
        settings: Settings,
    ) -> ProcessPoolExecutor {
        panics::install_hook();
        interrupt::on_interrupt(interrupt_all);
        fork::protect(Rank::Lists, || Box::new(ALL.lock()), || ());
        let name = name.unwrap_or_else(|| format!("ProcessPoolExecutor-{}", POOLS.fetch_add(1, Relaxed)));
        let processes = Processes::new(&name, max_workers, settings);
        let handle = PoolHandle::new(name, max_workers, processes);
        let mut all = ALL.lock();
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&handle.pool));
        drop(all);
        ProcessPoolExecutor { handle }
    }

    fn pool(&self) -> &Arc<WorkerPool<Processes>> {
        &self.handle.pool
    }

    /// Hands a call of `f` with `argument` to the workers and returns at once with the future of its result.
    ///
    /// A function's name becomes the task's name in timelines and error messages. After a shutdown the future
    /// already holds [`TaskError::ShutDown`]. If `argument` refuses to be written, it holds
    /// [`TaskError::Failed`].
    pub fn submit<F, A, R>(&self, f: F, argument: A) -> Future<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        self.submit_as(NameId::of_type::<F>(), f, argument)
    }

    /// As `submit`, with a name for timelines and error messages.
    pub fn submit_named<F, A, R>(&self, name: &str, f: F, argument: A) -> Future<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        self.submit_as(NameId::new(name), f, argument)
    }

    fn submit_as<F, A, R>(&self, name: NameId, f: F, argument: A) -> Future<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        let pool = self.pool();
        let label = pool.next_label(name);
        match Call::new(f, argument) {
            Ok(call) => {
                let (shared, future) = pending(Header::new(label, pool.id));
                pool.enqueue(Box::new(Remote { call, shared, submitted: Ticks::now(), origin: origin() }));
                future
            }
            Err(error) => task::refused(label, TaskError::from_error(error)),
        }
    }

    /// Calls `f` with every item, all of them at once as far as there are workers, and yields the results in
    /// the order of the items.
    ///
    /// The calls are submitted before this returns. An iterator that was begun and is dropped before its end
    /// cancels the calls that have not started.
    pub fn map<F, A, R, I>(&self, f: F, items: I) -> MapResults<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        I: IntoIterator<Item = A>,
        A: Portable,
        R: Portable,
    {
        MapResults::of(finite(items).map(|item| self.submit(f, item)).collect(), None)
    }

    /// As `map`; every result that is not there `timeout` after this call is [`TaskError::TimedOut`].
    pub fn map_timeout<F, A, R, I>(&self, f: F, items: I, timeout: Duration) -> MapResults<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        I: IntoIterator<Item = A>,
        A: Portable,
        R: Portable,
    {
        let deadline = Instant::now().checked_add(timeout);
        MapResults::of(finite(items).map(|item| self.submit(f, item)).collect(), deadline)
    }

    /// As `map`, but submits no more than `buffersize` calls beyond those whose results were taken, so that the
    /// items may be many, large or without an end. (As `Executor.map` with `buffersize` in Python 3.14.)
    ///
    /// # Panics
    ///
    /// If `buffersize` is 0.
    pub fn map_buffered<'a, F, A, R, I>(&'a self, f: F, items: I, buffersize: usize) -> BufferedResults<'a, R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'a,
        I: IntoIterator<Item = A> + 'a,
        A: Portable,
        R: Portable,
    {
        BufferedResults::start(items, buffersize, move |item| self.submit(f, item))
    }

    /// As `map`, but sends `chunksize` items at a time to a worker, which costs less for each item.
    ///
    /// # Panics
    ///
    /// If `chunksize` is 0.
    pub fn map_chunked<F, A, R, I>(&self, f: F, items: I, chunksize: usize) -> ChunkResults<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        I: IntoIterator<Item = A>,
        A: Portable,
        R: Portable,
    {
        assert!(chunksize > 0, "chunksize must be at least 1");
        let name = NameId::of_type::<F>();
        let mut items = items.into_iter().peekable();
        let mut chunks = Vec::new();
        while items.peek().is_some() {
            let chunk: Vec<A> = items.by_ref().take(chunksize).collect();
            let size = chunk.len();
            chunks.push((self.submit_as(name, move |chunk| call_each(f, chunk), chunk), size));
        }
        ChunkResults::new(chunks)
    }

    /// What ran where and when: a row for each process. Of processes that are replaced again and again, the
    /// oldest are forgotten; the last 256 are always there.
    pub fn timeline(&self) -> Timeline {
        self.pool().runner.recorder.timeline()
    }
}

crate::executor::implement_life!(ProcessPoolExecutor, pool);
crate::executor::implement_executor!(ProcessPoolExecutor);

impl ProcessPoolExecutor {
    /// Ends the worker processes at once, also in the middle of a call, and takes no more tasks. Running tasks are
    /// [`TaskError::BrokenPool`], and those that have not started are cancelled.
    ///
    /// Does not wait for the processes' end; `shutdown` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_executor::{ProcessPoolExecutor, TaskError};
    ///
    /// let pool = ProcessPoolExecutor::new(1);
    /// let endless = pool.submit(|()| -> () { loop { std::thread::park() } }, ());
    /// while !endless.running() {}
    /// pool.kill_workers();
    /// assert!(matches!(endless.result(), Err(TaskError::BrokenPool(_))));
    /// ```
    ///
    /// Source: [`ProcessPoolExecutor.kill_workers`](https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.ProcessPoolExecutor.kill_workers).
    pub fn kill_workers(&self) {
        self.shutdown_now();
        self.pool().break_up("its workers were ended by `kill_workers`".to_owned());
    }
}

impl fmt::Debug for ProcessPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (workers, state) = (self.max_workers(), self.pool().state());
        write!(f, "ProcessPoolExecutor({:?}, up to {workers} workers{state})", self.name())
    }
}

/// A call for a worker process, and the future of its result.
struct Remote<R> {
    call: Call,
    shared: Arc<Shared<R>>,
    submitted: Ticks,
    origin: u64,
}

impl<R: Portable> Queued for Remote<R> {
    fn set_runner(&self, thread: ThreadNumber) {
        self.shared.header().set_runner(thread);
    }

    fn fail(self: Box<Self>, error: TaskError) {
        // It may have been cancelled, then it is done as well.
        let _ = self.shared.complete(Err(error));
    }

    fn cancel(self: Box<Self>) -> bool {
        !self.shared.is_cancelled() && self.shared.cancel()
    }
}

impl<R: Portable> RemoteJob for Remote<R> {
    fn call(&self) -> &Call {
        &self.call
    }

    fn state(&self) -> &FutureState {
        &self.shared
    }

    fn submitted(&self) -> Ticks {
        self.submitted
    }

    fn origin(&self) -> u64 {
        self.origin
    }

    fn finish(self: Box<Self>, value: Vec<u8>, descriptors: Vec<Descriptor>) {
        let label = self.shared.header().label;
        let read = || Answer::read(value, descriptors).map_err(TaskError::from_error);
        let result = panics::catch(&label, read).and_then(|read| read);
        // If there is no other handle, the value is dropped here, and that may panic as well.
        let _ = panics::catch(&label, || drop((self.shared.complete(result), self)));
    }
}
