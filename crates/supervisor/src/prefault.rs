//! Copies the pages of memory that a fork has left shared.
//!
//! After a checkpoint, the first write to a page copies it. A cell that writes to much memory would be slower than its
//! work, and its timings would be wrong. The cell process is idle while the next cell is compiled, so it has the pages
//! copied then.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// The largest amount of memory that is copied in advance, in bytes. A second copy of more could be too much.
const MAX_TOTAL: usize = 256 << 20;

/// The largest mapping that is searched, in bytes. A larger one is hardly in use.
const MAX_MAPPING: usize = 4 << 30;

/// The bit of a page in `pagemap` that marks it as in memory.
const PRESENT: u64 = 1 << 63;

/// Has the system copy the pages that are shared with the checkpoint (Linux 5.14 and later).
pub fn copy_shared_pages() {
    // After a failure, the next cell pays for the copies.
    let _ = in_use().map(|ranges| ranges.into_iter().for_each(populate));
}

/// The ranges of addresses that can be written to and are in memory. Empty if they are too large.
fn in_use() -> std::io::Result<Vec<Range<usize>>> {
    let page = page_size();
    let pagemap = File::open("/proc/self/pagemap")?;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut total = 0;
    for mapping in fs::read_to_string("/proc/self/maps")?.lines().filter_map(writable) {
        let mut entries = vec![0; mapping.len() / page * 8];
        pagemap.read_exact_at(&mut entries, (mapping.start / page * 8) as u64)?;
        let present =
            entries.as_chunks::<8>().0.iter().map(|entry| u64::from_ne_bytes(*entry) & PRESENT != 0);
        for (at, _) in (mapping.start..).step_by(page).zip(present).filter(|(_, present)| *present) {
            total += page;
            match ranges.last_mut() {
                Some(last) if last.end == at => last.end += page,
                _ => ranges.push(at..at + page),
            }
        }
    }
    Ok(if total > MAX_TOTAL { Vec::new() } else { ranges })
}

/// The addresses of a line of `/proc/self/maps`, if it is private memory that can be written to.
fn writable(line: &str) -> Option<Range<usize>> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(start)?..address(end)?;
    (rest.starts_with("rw-p") && range.len() <= MAX_MAPPING).then_some(range)
}

fn page_size() -> usize {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(4096)
}

#[cfg(target_os = "linux")]
fn populate(range: Range<usize>) {
    use nix::libc::{MADV_POPULATE_WRITE, madvise};
    // SAFETY: this changes no memory: the system copies the pages as at a write. It fails for an unmapped range.
    unsafe { madvise(range.start as *mut _, range.len(), MADV_POPULATE_WRITE) };
}

#[cfg(not(target_os = "linux"))]
fn populate(_range: Range<usize>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_memory_that_can_be_written_to_is_recognised() {
        assert_eq!(writable("7f00-8f00 rw-p 00000000 00:00 0 [heap]"), Some(0x7f00..0x8f00));
        for other in
            ["7f00-8f00 r--p 0 0 0", "7f00-8f00 rw-s 0 0 0", "0-7f0000000000 rw-p 0 0 0", "x", "1-y rw-p"]
        {
            assert_eq!(writable(other), None, "{other}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_in_use_is_found_and_keeps_what_it_holds() {
        let written = vec![7_u8; 1 << 20];
        let untouched: Vec<u8> = Vec::with_capacity(1 << 30);
        let contains = |of: usize| in_use().unwrap().iter().any(|range| range.contains(&of));
        assert!(contains(written.as_ptr() as usize + (1 << 19)));
        assert!(!contains(untouched.as_ptr() as usize + (1 << 29)));
        copy_shared_pages();
        assert!(written.iter().all(|&byte| byte == 7));
        assert!(!contains(untouched.as_ptr() as usize + (1 << 29)));
    }
}
