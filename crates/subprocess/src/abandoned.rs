//! Children that nobody holds any more but which still run.
//!
//! A child that ends stays in the system's table until its parent waits for it. Those whose handle was
//! dropped before are looked at whenever a new one is started, as Python does it; no thread and no signal
//! handler is needed for it, which a copy of the process would not have.

use threadbook_base::Mutex;
use threadbook_base::fork::Origin;

use crate::process::{Look, reap};

/// Process ids, each with the process whose child it is.
static ABANDONED: Mutex<Vec<(Origin, libc::pid_t)>> = Mutex::new(Vec::new());

pub(crate) fn add(pids: impl Iterator<Item = libc::pid_t>) {
    let origin = Origin::here();
    ABANDONED.lock().extend(pids.map(|pid| (origin, pid)));
}

/// Waits, without blocking, for those that have ended.
pub(crate) fn sweep() {
    // Not locked for longer than this: a copy of the process that is forked meanwhile would never get it.
    let Some(mut list) = ABANDONED.try_lock().map(|mut list| std::mem::take(&mut *list)) else { return };
    list.retain(|&(origin, pid)| origin.is_here() && matches!(reap(pid), Look::Runs));
    if !list.is_empty() {
        ABANDONED.lock().append(&mut list);
    }
}
