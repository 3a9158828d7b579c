//! Which process this is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::alive::is_gone;

/// A process, as [`current_process`], [`parent_process`] and [`active_children`](crate::active_children)
/// describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// The process's name: `MainProcess`, or what [`Process::name`](crate::Process::name) said.
    pub name: String,
    /// The process's number.
    pub pid: u32,
    /// Whether it is a daemon.
    pub daemon: bool,
}

impl ProcessInfo {
    /// Whether the process exists still.
    pub fn is_alive(&self) -> bool {
        !is_gone(self.pid, 0)
    }
}

/// What a new process is told of itself. It knows its own number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Birth {
    pub(crate) name: String,
    pub(crate) daemon: bool,
    pub(crate) parent: ProcessInfo,
}

static BIRTH: OnceLock<Birth> = OnceLock::new();

pub(crate) fn become_process(birth: Birth) {
    let _ = BIRTH.set(birth);
}

/// The process that calls this.
///
/// ```
/// let main = threadbook_multiprocessing::current_process();
/// assert_eq!((main.name.as_str(), main.pid), ("MainProcess", std::process::id()));
/// ```
pub fn current_process() -> ProcessInfo {
    let pid = std::process::id();
    match BIRTH.get() {
        Some(birth) => ProcessInfo { name: birth.name.clone(), pid, daemon: birth.daemon },
        None => ProcessInfo { name: "MainProcess".into(), pid, daemon: false },
    }
}

/// The process that started this one as a [`Process`](crate::Process); nothing in the main process.
pub fn parent_process() -> Option<ProcessInfo> {
    BIRTH.get().map(|birth| birth.parent.clone())
}

/// How many threads the machine can run at the same time, as far as this program may use them; 1 if the system
/// does not tell.
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a process is called if nobody gives it a name: `Process-2`, or `Process-2:1` if that one starts it.
pub(crate) fn next_name() -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = STARTED.fetch_add(1, Relaxed) + 1;
    match BIRTH.get() {
        Some(birth) => format!("{}:{number}", birth.name),
        None => format!("Process-{number}"),
    }
}
