//! Descriptors, threads and processes that are reserved for the kernel and the cell process.
//!
//! A cell may use up all of them, and keep them in a variable. The next cell must still be compiled and loaded, at least to
//! drop that variable. So the limits of cells are a little below the limits of the system.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than compiling and loading an object and forking a checkpoint take.
const RESERVED: u64 = 64;

/// The limits. That of processes counts the threads of all processes of a user.
const LIMITS: [Resource; 2] = [Resource::RLIMIT_NOFILE, Resource::RLIMIT_NPROC];

/// Reserves some of each, unless there are very few.
pub fn reserve() {
    for limit in LIMITS {
        if let Ok((soft, hard)) = getrlimit(limit)
            && soft.min(hard) >= 4 * RESERVED
        {
            let for_cells = match limit {
                // Descriptors are of one process.
                Resource::RLIMIT_NOFILE => soft.min(hard - RESERVED),
                // The compiler takes its own from the same number.
                _ => soft.min(hard) - RESERVED,
            };
            let _ = setrlimit(limit, for_cells, hard);
        }
    }
}

/// Calls `work`, which may use the reserve.
pub fn with<T>(work: impl FnOnce() -> T) -> T {
    let before = LIMITS.map(|limit| (limit, getrlimit(limit)));
    for (limit, values) in before {
        if let Ok((soft, hard)) = values {
            let _ = setrlimit(limit, soft.saturating_add(RESERVED).min(hard), hard);
        }
    }
    let result = work();
    for (limit, values) in before {
        if let Ok((soft, hard)) = values {
            let _ = setrlimit(limit, soft, hard);
        }
    }
    result
}
