//! Which cell a thread belongs to: the one that started it, also when another one runs by now.
//!
//! Threads are started in ways that nobody is told of, so those that are there are counted when a cell ends. What is
//! new then, that cell has started, or a thread of an earlier cell while it ran. Workers that many cells share, of
//! executors, of rayon and of tokio, belong to whichever runs. On Linux only: elsewhere all threads do.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The cells that have started the threads that are there, by the system's numbers of these; 0 is none.
static CELLS: Mutex<Option<HashMap<i32, u64>>> = Mutex::new(None);

thread_local! {
    /// That of this thread, as soon as it is known.
    static CELL: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A cell begins. What is there before the first one belongs to none.
pub fn begin_cell() {
    let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
    if cells.is_none() {
        *cells = Some(running().map(|thread| (thread, 0)).collect());
    }
}

/// This process is a copy, which has other threads.
pub fn forget() {
    *CELLS.lock().unwrap_or_else(PoisonError::into_inner) = None;
    CELL.set(None);
}

/// The cell with this number ends. Returns whether threads that it has started live on.
pub fn end_cell(number: u64) -> bool {
    let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = cells.take().unwrap_or_default();
    let now: HashMap<i32, u64> =
        running().map(|thread| (thread, known.get(&thread).copied().unwrap_or(number))).collect();
    let has_new = now.keys().any(|thread| !known.contains_key(thread));
    *cells = Some(now);
    has_new
}

/// Calls `fork` at a moment when no thread asks here: in a copy of this process it could not let go.
pub fn between_questions<T>(fork: impl FnOnce() -> T) -> T {
    let _held = CELLS.lock();
    fork()
}

/// The cell that has started the thread which calls this, if that is known.
pub fn own_cell() -> Option<u64> {
    let cell = CELL.get().or_else(|| {
        let cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.as_ref().and_then(|cells| cells.get(&own_id()).copied());
        CELL.set(cell);
        cell
    });
    cell.filter(|&cell| cell != 0 && !is_shared())
}

/// Whether this thread works for many cells.
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
    // SAFETY: it only asks.
    unsafe { libc::gettid() }
}

// Elsewhere no thread is known.
#[cfg(not(target_os = "linux"))]
fn running() -> impl Iterator<Item = i32> {
    std::iter::empty()
}

#[cfg(not(target_os = "linux"))]
fn own_id() -> i32 {
    0
}
