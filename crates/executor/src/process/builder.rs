//! Constructors and settings of a process pool.

use std::fmt;

use threadbook_worker::Call;

use super::driver::{Settings, StartMethod};
use super::pool::ProcessPoolExecutor;
use crate::executor::BuildError;

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
    name: Option<String>,
    settings: Settings,
}

impl ProcessPoolBuilder {
    pub(crate) fn new() -> ProcessPoolBuilder {
        ProcessPoolBuilder {
            max_workers: std::thread::available_parallelism().map_or(1, usize::from),
            name: None,
            settings: Settings::default(),
        }
    }

    /// How many processes the pool may have. The default is one for each processor.
    pub fn max_workers(mut self, max_workers: usize) -> ProcessPoolBuilder {
        self.max_workers = max_workers;
        self
    }

    /// The pool's name, for timelines and error messages.
    pub fn name(mut self, name: impl Into<String>) -> ProcessPoolBuilder {
        self.name = Some(name.into());
        self
    }

    /// How its processes are started.
    pub fn start_method(mut self, start_method: StartMethod) -> ProcessPoolBuilder {
        self.settings.start_method = start_method;
        self
    }

    /// Called once in every worker process, before its first task. If it panics, the pool is broken: all
    /// futures, those of later submissions too, hold [`TaskError::BrokenPool`](crate::TaskError).
    ///
    /// As for tasks, it must not capture anything; the compiler checks it.
    pub fn initializer<F>(mut self, initializer: F) -> ProcessPoolBuilder
    where
        F: Fn() + Copy + Send + Sync + 'static,
    {
        self.settings.initializer = Some(Box::new(move || Call::new(move |()| initializer(), ())));
        self
    }

    /// After how many tasks a process is replaced by a new one. By default it is never.
    pub fn max_tasks_per_child(mut self, tasks: usize) -> ProcessPoolBuilder {
        self.settings.max_tasks_per_child = Some(tasks);
        self
    }

    /// Whether each line that a worker prints begins with its process id: `[4711] hello`.
    pub fn label_output(mut self, label: bool) -> ProcessPoolBuilder {
        self.settings.label_output = label;
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
        if self.settings.max_tasks_per_child == Some(0) {
            return Err(BuildError::NoTasks);
        }
        Ok(ProcessPoolExecutor::from_settings(self.name, self.max_workers, self.settings))
    }
}

impl ProcessPoolExecutor {
    /// A pool of up to `max_workers` processes.
    ///
    /// # Panics
    ///
    /// If `max_workers` is 0.
    pub fn new(max_workers: usize) -> ProcessPoolExecutor {
        match ProcessPoolExecutor::builder().max_workers(max_workers).build() {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// Settings for a pool.
    pub fn builder() -> ProcessPoolBuilder {
        ProcessPoolBuilder::new()
    }
}

impl Default for ProcessPoolExecutor {
    /// One process for each processor.
    fn default() -> ProcessPoolExecutor {
        match ProcessPoolExecutor::builder().build() {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }
}

impl fmt::Debug for ProcessPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolBuilder")
            .field("max_workers", &self.max_workers)
            .field("start_method", &self.settings.start_method)
            .field("initializer", &self.settings.initializer.is_some())
            .field("max_tasks_per_child", &self.settings.max_tasks_per_child)
            .field("label_output", &self.settings.label_output)
            .finish()
    }
}
