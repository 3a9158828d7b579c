//! Running children whose handles were dropped.
//!
//! A child that has ended stays a zombie until its parent reaps it. Children whose handles were dropped are
//! reaped whenever a new one is spawned, as in Python. This needs neither a thread nor a signal handler,
//! which a forked copy of the process would not have.

use threadbook_base::Mutex;
use threadbook_base::fork::Origin;

use crate::process::{Look, reap};

/// Process ids, each with the process whose child it is.
static ABANDONED: Mutex<Vec<(Origin, libc::pid_t)>> = Mutex::new(Vec::new());

pub(crate) fn add(pids: impl Iterator<Item = libc::pid_t>) {
    let origin = Origin::here();
    ABANDONED.lock().extend(pids.map(|pid| (origin, pid)));
}

/// Reaps the children that have ended, without blocking.
pub(crate) fn sweep() {
    // The lock is held for this line only: in a process that is forked meanwhile, it would stay locked for
    // ever.
    let Some(mut list) = ABANDONED.try_lock().map(|mut list| std::mem::take(&mut *list)) else { return };
    list.retain(|&(origin, pid)| origin.is_here() && matches!(reap(pid), Look::Runs));
    if !list.is_empty() {
        ABANDONED.lock().append(&mut list);
    }
}
