//! The logs of one pool together.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::log::Log;
use crate::timeline::Timeline;

/// Keeps the [`Log`]s of a pool's workers, in the order in which the workers came.
#[derive(Debug)]
pub struct Recorder {
    name: String,
    logs: Mutex<Vec<Arc<Log>>>,
}

impl Recorder {
    /// A recorder without workers, for the pool called `name`.
    pub fn new(name: impl Into<String>) -> Recorder {
        Recorder {
            name: name.into(),
            logs: Mutex::default(),
        }
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A log for one more worker.
    pub fn add(&self, worker: impl Into<String>) -> Arc<Log> {
        let log = Arc::new(Log::new(worker));
        self.logs.lock().push(Arc::clone(&log));
        log
    }

    /// What happened so far; tasks that still run are in it as such.
    pub fn timeline(&self) -> Timeline {
        let logs = self.logs.lock().clone();
        Timeline::from_logs(&self.name, &logs)
    }
}
