//! Memory mappings for loading the objects of cells.
//!
//! Linux allows a process a number of them (`vm.max_map_count`), and each object takes some. A cell may use up all, and keep
//! them in a variable. The next cell still has to be loaded, at least to drop that. So some are reserved, and freed while an
//! object is loaded.

use nix::libc;
use nix::unistd::{SysconfVar, sysconf};
use std::ffi::c_void;
use std::fs;
use std::ptr::{NonNull, null_mut};

/// As many as an object, the stack of a thread, and what both allocate take, and some more.
const RESERVED: usize = 64;

/// How many objects are loaded until the mappings of the process are counted again.
const INTERVAL: u64 = 256;

/// Of the mappings that the system allows, the share from which a warning is printed.
const MANY: (usize, usize) = (4, 5);

/// The reserve.
pub struct Mappings {
    /// Pages of which each second has another protection, so that none is in the mapping of its neighbour.
    reserve: Option<NonNull<c_void>>,
    loaded: u64,
}

impl Mappings {
    /// A reserve, if the system has room for it.
    pub fn new() -> Mappings {
        Mappings { reserve: reserve(), loaded: 0 }
    }

    /// Loads an object, with the reserve's room.
    pub fn load<T>(&mut self, load: impl FnOnce() -> T) -> T {
        if let Some(reserve) = self.reserve.take() {
            // SAFETY: these are the pages of `reserve`, which nothing else knows.
            unsafe { libc::munmap(reserve.as_ptr(), length()) };
        }
        let result = load();
        self.reserve = reserve();
        self.loaded += 1;
        result
    }

    /// A sentence if the process has, or soon will have, as many mappings as it may have.
    pub fn warning(&self) -> Option<String> {
        if self.reserve.is_some() && !self.loaded.is_multiple_of(INTERVAL) {
            return None;
        }
        let limit = fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
        let count = fs::read_to_string("/proc/self/maps").ok()?.lines().count();
        warning(count, limit, self.reserve.is_none())
    }
}

fn warning(count: usize, limit: usize, is_used_up: bool) -> Option<String> {
    let is_many = count * MANY.1 >= limit * MANY.0;
    (is_many || is_used_up).then(|| {
        format!(
            "this session has {count} of the {limit} memory mappings that the system allows a process. Drop variables that \
             hold many (maps of files, threads), or restart the kernel: without mappings no cell can be loaded. The \
             administrator can allow more: sysctl vm.max_map_count"
        )
    })
}

fn page() -> usize {
    sysconf(SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |size| size as usize)
}

fn length() -> usize {
    RESERVED * page()
}

fn reserve() -> Option<NonNull<c_void>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, at a place that the system chooses.
    let start = unsafe { libc::mmap(null_mut(), length(), libc::PROT_NONE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    for index in (1..RESERVED).step_by(2) {
        // SAFETY: a page of the new mapping, which nothing else knows.
        let changed = unsafe { libc::mprotect(start.byte_add(index * page()), page(), libc::PROT_READ) };
        if changed != 0 {
            // SAFETY: the new mapping.
            unsafe { libc::munmap(start, length()) };
            return None;
        }
    }
    NonNull::new(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_reserve_is_of_single_mappings_and_free_while_an_object_is_loaded() {
        let mut mappings = Mappings::new();
        let start = mappings.reserve.unwrap().as_ptr() as usize;
        let inside = || {
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            let starts =
                maps.lines().map(|line| usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap());
            starts.filter(|at| (start..start + length()).contains(at)).count()
        };
        assert_eq!(inside(), RESERVED);
        assert_eq!(mappings.load(|| 5), 5);
        assert!(mappings.reserve.is_some() && mappings.loaded == 1);
    }

    #[test]
    fn a_warning_comes_before_the_end() {
        assert_eq!(warning(1_000, 65_530, false), None);
        assert!(warning(60_000, 65_530, false).unwrap().contains("60000 of the 65530"));
        assert!(warning(10, 65_530, true).is_some());
    }
}
