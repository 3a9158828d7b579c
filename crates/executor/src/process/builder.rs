//! Settings of a process pool.

use std::fmt;

use threadbook_worker::{Call, CodecError};

use crate::builder::BuildError;
use crate::process_pool::ProcessPoolExecutor;

/// How a worker process comes to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartMethod {
    /// As a new process, which loads the program anew.
    #[default]
    Spawn,
    /// As a copy of a process that was started for that, which is faster.
    ForkServer,
}

type Initializer = Box<dyn Fn() -> Result<Call, CodecError> + Send + Sync>;

/// Settings of a [`ProcessPoolExecutor`].
///
/// # Examples
///
/// ```
/// use threadbook_executor::{ProcessPoolExecutor, StartMethod};
///
/// let builder = ProcessPoolExecutor::builder().max_workers(1).start_method(StartMethod::ForkServer);
/// let pool = builder.max_tasks_per_child(1).build().unwrap();
/// let pids: Vec<u32> = pool.map(|()| std::process::id(), [(), ()]).map(Result::unwrap).collect();
/// assert_ne!(pids[0], pids[1]);
/// ```
#[must_use = "the pool is made by `build`"]
pub struct ProcessPoolBuilder {
    max_workers: usize,
    pub(crate) name: Option<String>,
    pub(crate) start_method: StartMethod,
    pub(crate) initializer: Option<Initializer>,
    pub(crate) max_tasks_per_child: Option<usize>,
    pub(crate) label_output: bool,
}

impl ProcessPoolBuilder {
    pub(crate) fn new() -> ProcessPoolBuilder {
        ProcessPoolBuilder {
            max_workers: std::thread::available_parallelism().map_or(1, usize::from),
            name: None,
            start_method: StartMethod::default(),
            initializer: None,
            max_tasks_per_child: None,
            label_output: false,
        }
    }

    /// How many processes the pool may have. Without it: one for each processor.
    pub fn max_workers(mut self, max_workers: usize) -> ProcessPoolBuilder {
        self.max_workers = max_workers;
        self
    }

    /// The pool's name, for timelines and error messages.
    pub fn name(mut self, name: impl Into<String>) -> ProcessPoolBuilder {
        self.name = Some(name.into());
        self
    }

    /// How its processes come to be.
    pub fn start_method(mut self, start_method: StartMethod) -> ProcessPoolBuilder {
        self.start_method = start_method;
        self
    }

    /// Called once in every worker process, before its first task. If it panics, the pool is broken: all
    /// futures, those of later submissions too, hold [`TaskError::BrokenPool`](crate::TaskError).
    ///
    /// As for tasks, it must not capture anything; the compiler says so.
    pub fn initializer<F>(mut self, initializer: F) -> ProcessPoolBuilder
    where
        F: Fn() + Copy + Send + Sync + 'static,
    {
        self.initializer = Some(Box::new(move || Call::new(move |()| initializer(), ())));
        self
    }

    /// After how many tasks a process is replaced by a new one. Without it: never.
    pub fn max_tasks_per_child(mut self, tasks: usize) -> ProcessPoolBuilder {
        self.max_tasks_per_child = Some(tasks);
        self
    }

    /// Whether each line that a worker prints begins with its process id: `[4711] hello`.
    pub fn label_output(mut self, label: bool) -> ProcessPoolBuilder {
        self.label_output = label;
        self
    }

    /// The pool. No process is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoWorkers`] if `max_workers` is 0, [`BuildError::NoTasks`] if `max_tasks_per_child` is.
    pub fn build(self) -> Result<ProcessPoolExecutor, BuildError> {
        if self.max_workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if self.max_tasks_per_child == Some(0) {
            return Err(BuildError::NoTasks);
        }
        Ok(ProcessPoolExecutor::from_settings(self.max_workers, self))
    }
}

impl fmt::Debug for ProcessPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolBuilder")
            .field("max_workers", &self.max_workers)
            .field("start_method", &self.start_method)
            .field("initializer", &self.initializer.is_some())
            .field("max_tasks_per_child", &self.max_tasks_per_child)
            .field("label_output", &self.label_output)
            .finish()
    }
}
