//! Which process this is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::identity::is_gone;

/// A process, as [`current_process`], [`parent_process`] and [`active_children`](crate::active_children)
/// describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// The process's name: `MainProcess`, or that of [`Process::name`](crate::Process::name).
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

/// The parameters of a new process. It has its own number already.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SpawnInfo {
    pub(crate) name: String,
    pub(crate) daemon: bool,
    pub(crate) parent: ProcessInfo,
}

static SPAWN_INFO: OnceLock<SpawnInfo> = OnceLock::new();

pub(crate) fn become_process(info: SpawnInfo) {
    let _ = SPAWN_INFO.set(info);
}

/// The process that calls this.
///
/// ```
/// let main = threadbook_multiprocessing::current_process();
/// assert_eq!((main.name.as_str(), main.pid), ("MainProcess", std::process::id()));
/// ```
pub fn current_process() -> ProcessInfo {
    let pid = std::process::id();
    match SPAWN_INFO.get() {
        Some(info) => ProcessInfo { name: info.name.clone(), pid, daemon: info.daemon },
        None => ProcessInfo { name: "MainProcess".into(), pid, daemon: false },
    }
}

/// The process that started this one as a [`Process`](crate::Process); nothing in the main process.
pub fn parent_process() -> Option<ProcessInfo> {
    SPAWN_INFO.get().map(|info| info.parent.clone())
}

/// How many threads the machine can run at the same time, as far as this program may use them; 1 if the system
/// does not tell.
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The name of a process without a given name: `Process-2`, or `Process-2:1` if that one starts it.
pub(crate) fn next_name() -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = STARTED.fetch_add(1, Relaxed) + 1;
    match SPAWN_INFO.get() {
        Some(info) => format!("{}:{number}", info.name),
        None => format!("Process-{number}"),
    }
}
