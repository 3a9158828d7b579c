//! Descriptors for the process of the cells itself.
//!
//! A cell may use up all descriptors that it can have, and keep them in a variable. The next cell still has to be loaded,
//! at least to drop that. So the limit of cells is a little below the one that the system allows.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// As many as loading an object and leaving a checkpoint take, and some more.
const SPARE: u64 = 64;

/// Keeps some descriptors from the cells, unless there are very few.
pub fn keep() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && hard >= 4 * SPARE
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard - SPARE), hard);
    }
}

/// Does something that may use them.
pub fn with<T>(work: impl FnOnce() -> T) -> T {
    let before = getrlimit(Resource::RLIMIT_NOFILE);
    if let Ok((soft, hard)) = before {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.saturating_add(SPARE).min(hard), hard);
    }
    let result = work();
    if let Ok((soft, hard)) = before {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    }
    result
}
