//! Living on in a process that was forked from another.
//!
//! A fork copies only the thread that forks: in the copy, workers are gone while everything that they
//! shared still says that they are there. A handler that runs in every forked child counts a
//! generation, which costs a load to look at. The first wait or submission of a new generation
//! ([`check`]) forgets the waits of threads that are no more and calls everybody who owned threads:
//! they start theirs anew for what stands in their queues. A task that was being run is lost; a wait for it
//! says so.
//!
//! The handlers also hold the two process-wide locks of this crate across the fork, so the copy does not
//! find them locked by a thread that it does not have.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::sync::{Arc, Once, Weak};

use threadbook_trace::sync::{Mutex, MutexGuard};

/// Somebody who owns threads, or tasks for them.
pub(crate) trait Survivor: Send + Sync {
    /// Called once in each copy of the process in which this crate is used.
    fn in_copy(self: Arc<Self>);
}

static GENERATION: AtomicU32 = AtomicU32::new(0);
static SEEN: AtomicU32 = AtomicU32::new(0);
static SURVIVORS: Mutex<Vec<Weak<dyn Survivor>>> = Mutex::new(Vec::new());
static HANDLERS: Once = Once::new();

/// The number of forks between the process in which [`watch`] was first called and this one.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// Begins to count forks.
pub(crate) fn watch() {
    HANDLERS.call_once(|| {
        #[cfg(unix)]
        // SAFETY: the handlers only take and release locks and add to an atomic, which a freshly forked
        // child may do.
        unsafe {
            libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child));
        }
    });
}

/// Has `survivor` called in each copy of the process.
pub(crate) fn add(survivor: &Arc<impl Survivor + 'static>) {
    watch();
    let mut survivors = SURVIVORS.lock();
    survivors.retain(|other| other.strong_count() > 0);
    let weak = Arc::downgrade(survivor);
    survivors.push(weak);
}

/// Does what has to be done once in a copy of the process.
#[inline]
pub(crate) fn check() {
    if SEEN.load(Relaxed) != generation() {
        settle_in();
    }
}

#[cold]
fn settle_in() {
    let mut survivors = SURVIVORS.lock();
    if SEEN.swap(generation(), Relaxed) == generation() {
        return;
    }
    crate::detect::forget_waits();
    let called: Vec<Arc<dyn Survivor>> = survivors.iter().filter_map(Weak::upgrade).collect();
    survivors.retain(|other| other.strong_count() > 0);
    drop(survivors);
    called.into_iter().for_each(Survivor::in_copy);
}

/// A lock that is held.
pub(crate) trait Held {}

impl<T> Held for MutexGuard<'static, T> {}

thread_local! {
    /// What is held while this thread forks.
    static HELD: RefCell<Vec<Box<dyn Held>>> = const { RefCell::new(Vec::new()) };
}

#[cfg(unix)]
unsafe extern "C" fn before() {
    let _ = HELD.try_with(|held| held.replace(vec![crate::detect::hold(), crate::agent::hold()]));
}

#[cfg(unix)]
unsafe extern "C" fn after_in_parent() {
    let _ = HELD.try_with(RefCell::take);
}

#[cfg(unix)]
unsafe extern "C" fn after_in_child() {
    let _ = HELD.try_with(RefCell::take);
    GENERATION.fetch_add(1, Relaxed);
}
