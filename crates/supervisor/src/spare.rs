//! Reserved descriptors of the cell process.
//!
//! A cell may use up all descriptors, and keep them in a variable. The next cell must still be loaded, at least to drop
//! that variable. So the limit of cells is a little below the limit of the system.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than loading an object and forking a checkpoint take.
const RESERVED: u64 = 64;

/// Reserves some descriptors, unless there are very few.
pub fn reserve() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && hard >= 4 * RESERVED
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard - RESERVED), hard);
    }
}

/// Calls `work`, which may use the reserved descriptors.
pub fn with<T>(work: impl FnOnce() -> T) -> T {
    let before = getrlimit(Resource::RLIMIT_NOFILE);
    if let Ok((soft, hard)) = before {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.saturating_add(RESERVED).min(hard), hard);
    }
    let result = work();
    if let Ok((soft, hard)) = before {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    }
    result
}
