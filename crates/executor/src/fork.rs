//! Noticing that this process was forked from another.
//!
//! A fork copies only the thread that forks: in the copy, workers are gone while everything that they
//! shared still says that they are there. A handler that runs in every forked child counts a
//! generation, which costs a load to look at; whoever owns threads compares it with the generation in
//! which they were started.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static HANDLER: Once = Once::new();

/// The number of forks between the process in which [`watch`] was first called and this one.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// Begins to count forks.
pub(crate) fn watch() {
    HANDLER.call_once(|| {
        #[cfg(unix)]
        // SAFETY: the handler only adds to an atomic, which is allowed in a freshly forked child.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
    });
}

#[cfg(unix)]
unsafe extern "C" fn in_child() {
    GENERATION.fetch_add(1, Relaxed);
}
