//! Descriptors, threads and processes for the kernel and the process of the cells itself.
//!
//! A cell may use up all that it can have, and keep them in a variable. The next cell still has to be compiled and loaded,
//! at least to drop that. So the limits of cells are a little below those that the system sets.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// As many as compiling and loading an object and leaving a checkpoint take, and some more.
const SPARE: u64 = 64;

/// The limits. That of processes counts the threads of all processes of a user.
const LIMITS: [Resource; 2] = [Resource::RLIMIT_NOFILE, Resource::RLIMIT_NPROC];

/// Keeps some of each from the cells, unless there are very few.
pub fn keep() {
    for limit in LIMITS {
        if let Ok((soft, hard)) = getrlimit(limit)
            && soft.min(hard) >= 4 * SPARE
        {
            let for_cells = match limit {
                // Those are of one process.
                Resource::RLIMIT_NOFILE => soft.min(hard - SPARE),
                // The compiler takes its own from the same number.
                _ => soft.min(hard) - SPARE,
            };
            let _ = setrlimit(limit, for_cells, hard);
        }
    }
}

/// Does something that may use them.
pub fn with<T>(work: impl FnOnce() -> T) -> T {
    let before = LIMITS.map(|limit| (limit, getrlimit(limit)));
    for (limit, values) in before {
        if let Ok((soft, hard)) = values {
            let _ = setrlimit(limit, soft.saturating_add(SPARE).min(hard), hard);
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
