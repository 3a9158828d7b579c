//! Identities of threads and processes in shared memory, and whether the process still exists.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

use threadbook_base::fork;

/// A thread of a process, in a form that shared memory can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct ProcessIdentity {
    pub(crate) pid: u32,
    thread: u32,
    /// When the process began, as numbers of processes are used again; 0 where the system does not tell.
    start: u64,
}

impl ProcessIdentity {
    pub(crate) const NOBODY: ProcessIdentity = ProcessIdentity { pid: 0, thread: 0, start: 0 };

    /// The thread that calls this.
    pub(crate) fn current() -> ProcessIdentity {
        static THREADS: AtomicU32 = AtomicU32::new(1);
        thread_local! {
            static THREAD: Cell<u32> = Cell::new(THREADS.fetch_add(1, Relaxed));
        }
        let (pid, start) = this_process();
        ProcessIdentity { pid, thread: THREAD.get(), start }
    }

    /// Whether the process has ended.
    pub(crate) fn is_gone(&self) -> bool {
        is_gone(self.pid, self.start)
    }
}

/// Whether the process of this number has ended.
#[cfg(target_os = "linux")]
pub(crate) fn is_gone(pid: u32, start: u64) -> bool {
    match start_time(pid) {
        Ok(Some(found)) => start != 0 && found != start,
        // A zombie, or no entry.
        Ok(None) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH),
    }
}

/// Whether the process of this number has ended.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_gone(pid: u32, _born: u64) -> bool {
    // SAFETY: signal 0 sends nothing.
    let missing = unsafe { libc::kill(pid as i32, 0) } != 0;
    missing && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// The number of this process, and its start time. The system is asked once in each forked child, because taking a free lock
/// costs less than that.
///
/// *Ordering:* `KNOWN_IN` is stored last and loaded first, so a thread that finds its generation there sees the other two.
fn this_process() -> (u32, u64) {
    static PID: AtomicU32 = AtomicU32::new(0);
    static START: AtomicU64 = AtomicU64::new(0);
    /// The fork generation of the other two, plus 1.
    static KNOWN_IN: AtomicU32 = AtomicU32::new(0);
    if KNOWN_IN.load(Acquire) == fork::generation() + 1 {
        return (PID.load(Relaxed), START.load(Relaxed));
    }
    fork::watch();
    let pid = std::process::id();
    let start = start_time(pid).ok().flatten().unwrap_or(0);
    PID.store(pid, Relaxed);
    START.store(start, Relaxed);
    KNOWN_IN.store(fork::generation() + 1, Release);
    (pid, start)
}

/// When a process began, in ticks of the system's clock; nothing for a zombie. (`man 5 proc`: the third and the
/// twenty-second field of `stat`; the second is in parentheses and may hold anything.)
///
/// # Errors
///
/// If the system does not say: there is no such process, or no descriptor is left to ask with.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> io::Result<Option<u64>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let mut fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default().split(' ');
    match (fields.next(), fields.nth(18).map(str::parse)) {
        (Some("Z" | "X"), _) => Ok(None),
        (_, Some(Ok(start))) => Ok(Some(start)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn start_time(_pid: u32) -> io::Result<Option<u64>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_when_it_is_a_zombie() {
        let me = ProcessIdentity::current();
        assert!(!me.is_gone());
        assert_eq!(me, ProcessIdentity::current());
        assert_ne!(me, std::thread::spawn(ProcessIdentity::current).join().unwrap());
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        assert!(!is_gone(child.id(), 0));
        child.kill().unwrap();
        // It was not waited for, so its number is not used again.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !is_gone(child.id(), 0) && std::time::Instant::now() < end {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(is_gone(child.id(), 0));
        child.wait().unwrap();
        assert!(is_gone(child.id(), 0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_number_that_is_used_again_is_another_process() {
        let me = ProcessIdentity::current();
        assert!(me.start > 0);
        assert!(ProcessIdentity { start: me.start + 1, ..me }.is_gone());
    }
}
