//! The cell of each thread: the one that spawned it, even while a later cell runs.
//!
//! There is no hook for the spawn of every thread, so the threads are listed at the end of a cell. New ones
//! were spawned by that cell, or by a thread of an earlier cell meanwhile. Workers that many cells share, of
//! executors, of rayon and of tokio, belong to the running cell. On Linux only: elsewhere all threads do.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The cell of each thread, by the system's thread id; 0 means none.
static CELLS: Mutex<Option<HashMap<i32, u64>>> = Mutex::new(None);

thread_local! {
    /// The cell of this thread, once it is known.
    static CELL: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Called at the start of a cell. Threads before the first cell belong to none.
pub fn begin_cell() {
    let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
    if cells.is_none() {
        *cells = Some(running().map(|thread| (thread, 0)).collect());
    }
}

/// Called in a forked copy, which has other threads.
pub fn forget() {
    *CELLS.lock().unwrap_or_else(PoisonError::into_inner) = None;
    CELL.set(None);
}

/// Called at the end of the cell with this number. Returns whether threads that it spawned are still running.
pub fn end_cell(number: u64) -> bool {
    let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = cells.take().unwrap_or_default();
    let now: HashMap<i32, u64> =
        running().map(|thread| (thread, known.get(&thread).copied().unwrap_or(number))).collect();
    let has_new = now.keys().any(|thread| !known.contains_key(thread));
    *cells = Some(now);
    has_new
}

/// Calls `fork` while no thread holds the lock of the table: in the copy, it would never be released.
pub fn between_questions<T>(fork: impl FnOnce() -> T) -> T {
    let _held = CELLS.lock();
    fork()
}

/// The cell of the calling thread, if it is known.
pub fn own_cell() -> Option<u64> {
    let cell = CELL.get().or_else(|| {
        let cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.as_ref().and_then(|cells| cells.get(&own_id()).copied());
        CELL.set(cell);
        cell
    });
    cell.filter(|&cell| cell != 0 && !is_shared())
}

/// Whether many cells share this thread.
fn is_shared() -> bool {
    rayon::current_thread_index().is_some()
        || tokio::runtime::Handle::try_current().is_ok()
        || threadbook_future::is_worker()
}

#[cfg(target_os = "linux")]
fn running() -> impl Iterator<Item = i32> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok())
}

#[cfg(target_os = "linux")]
fn own_id() -> i32 {
    // SAFETY: a plain system call without arguments.
    unsafe { libc::gettid() }
}

// Other systems list no threads.
#[cfg(not(target_os = "linux"))]
fn running() -> impl Iterator<Item = i32> {
    std::iter::empty()
}

#[cfg(not(target_os = "linux"))]
fn own_id() -> i32 {
    0
}
