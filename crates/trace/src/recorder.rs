//! The logs of one pool together.

use std::sync::Arc;

use threadbook_base::Mutex;
use threadbook_base::fork::Held;

use crate::log::Log;
use crate::timeline::Timeline;

/// Keeps the [`Log`]s of a pool's workers, in the order in which the workers came.
#[derive(Debug)]
pub struct Recorder {
    name: String,
    logs: Mutex<Vec<Arc<Log>>>,
    max_logs: usize,
}

impl Recorder {
    /// A recorder without workers, for the pool called `name`.
    pub fn new(name: impl Into<String>) -> Recorder {
        Recorder::with_max(name, usize::MAX)
    }

    /// As [`Recorder::new`], but keeps only the newest `max_logs` workers, for things that come and go.
    pub fn with_max(name: impl Into<String>, max_logs: usize) -> Recorder {
        Recorder { name: name.into(), logs: Mutex::default(), max_logs }
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A log for one more worker.
    pub fn add(&self, worker: impl Into<String>) -> Arc<Log> {
        let log = Arc::new(Log::new(worker));
        let mut logs = self.logs.lock();
        logs.push(Arc::clone(&log));
        if logs.len() / 2 >= self.max_logs {
            // Not at every addition, because it moves all that is kept.
            let surplus = logs.len() - self.max_logs;
            logs.drain(..surplus);
        }
        drop(logs);
        log
    }

    /// The timeline so far; running tasks are in it as such.
    pub fn timeline(&self) -> Timeline {
        Timeline::from_logs(&self.name, &self.logs())
    }

    /// As [`Recorder::timeline`], followed by the rows of `more` on the same axis.
    pub fn timeline_with(&self, more: &Recorder) -> Timeline {
        Timeline::from_logs(&self.name, &[self.logs(), more.logs()].concat())
    }

    /// Locks the list of logs, which a fork must not find locked.
    #[doc(hidden)]
    pub fn hold(&self) -> impl Held + '_ {
        self.logs.lock()
    }

    fn logs(&self) -> Vec<Arc<Log>> {
        self.logs.lock().clone()
    }
}
