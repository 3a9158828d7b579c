//! Who holds something, and whether that process still exists.

use std::cell::Cell;
use std::io;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

/// A thread of a process, in a form that shared memory can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    thread: u32,
    /// When the process began, as numbers of processes are used again; 0 where the system does not tell.
    born: u64,
}

impl Identity {
    pub(crate) const NOBODY: Identity = Identity { pid: 0, thread: 0, born: 0 };

    /// The thread that calls this.
    pub(crate) fn current() -> Identity {
        static THREADS: AtomicU32 = AtomicU32::new(1);
        thread_local! {
            static THREAD: Cell<u32> = Cell::new(THREADS.fetch_add(1, Relaxed));
        }
        let (pid, born) = this_process();
        Identity { pid, thread: THREAD.get(), born }
    }

    /// Whether the process has ended.
    pub(crate) fn is_gone(&self) -> bool {
        is_gone(self.pid, self.born)
    }
}

/// Whether the process of this number has ended.
#[cfg(target_os = "linux")]
pub(crate) fn is_gone(pid: u32, born: u64) -> bool {
    match birth(pid) {
        Ok(Some(found)) => born != 0 && found != born,
        // A zombie, or no entry.
        Ok(None) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH),
    }
}

/// Whether the process of this number has ended.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_gone(pid: u32, _born: u64) -> bool {
    // SAFETY: signal 0 only asks.
    let missing = unsafe { libc::kill(pid as i32, 0) } != 0;
    missing && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// The number of this process, and when it began. Asked of the system once in each copy of the process, because a
/// lock that is free costs less than that.
fn this_process() -> (u32, u64) {
    static WATCHED: Once = Once::new();
    static BIRTH: AtomicU64 = AtomicU64::new(0);
    let known = PID.load(Acquire);
    if known != 0 {
        return (known, BIRTH.load(Relaxed));
    }
    // SAFETY: the handler only writes to an atomic, which a freshly forked child may do.
    WATCHED.call_once(|| unsafe { _ = libc::pthread_atfork(None, None, Some(forget)) });
    let pid = std::process::id();
    let born = birth(pid).ok().flatten().unwrap_or(0);
    BIRTH.store(born, Relaxed);
    PID.store(pid, Release);
    (pid, born)
}

/// 0 until it is known.
static PID: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn forget() {
    PID.store(0, Relaxed);
}

/// When a process began, in ticks of the system's clock; nothing for a zombie. (`man 5 proc`: the third and the
/// twenty-second field of `stat`; the second is in parentheses and may hold anything.)
///
/// # Errors
///
/// If the system does not say: there is no such process, or no descriptor is left to ask with.
#[cfg(target_os = "linux")]
fn birth(pid: u32) -> io::Result<Option<u64>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let mut fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default().split(' ');
    match (fields.next(), fields.nth(18).map(str::parse)) {
        (Some("Z" | "X"), _) => Ok(None),
        (_, Some(Ok(born))) => Ok(Some(born)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn birth(_pid: u32) -> io::Result<Option<u64>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_when_it_is_a_zombie() {
        let me = Identity::current();
        assert!(!me.is_gone());
        assert_eq!(me, Identity::current());
        assert_ne!(me, std::thread::spawn(Identity::current).join().unwrap());
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        assert!(!is_gone(child.id(), 0));
        child.kill().unwrap();
        // Nobody has waited for it, so its number is not used again.
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
        let me = Identity::current();
        assert!(me.born > 0);
        assert!(Identity { born: me.born + 1, ..me }.is_gone());
    }
}
