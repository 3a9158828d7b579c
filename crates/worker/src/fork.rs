//! Keeps a fork of this process away from the moments in which a worker starts.
//!
//! Until the worker runs, its end of the socket is open here as well. A copy that was made then would keep that
//! end open, and nobody would see the worker's death.

use std::cell::{Cell, RefCell};
use std::sync::{Once, PoisonError, RwLock, RwLockWriteGuard};

/// Held by those who start a worker, who do not disturb each other, or by the one who forks.
static STARTING: RwLock<()> = RwLock::new(());

thread_local! {
    /// This thread starts a worker, for which the system may fork.
    static IS_STARTING: Cell<bool> = const { Cell::new(false) };
    /// What is held while this thread forks.
    static HELD: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// Calls `work` while nobody else forks.
pub(crate) fn without_forks<T>(work: impl FnOnce() -> T) -> T {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        // SAFETY: the handlers only take and release a lock, which a freshly forked child may do.
        unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
    });
    let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    IS_STARTING.set(true);
    let result = work();
    IS_STARTING.set(false);
    result
}

unsafe extern "C" fn before() {
    if !IS_STARTING.try_with(Cell::get).unwrap_or(true) {
        let _ = HELD.try_with(|held| {
            held.replace(Some(STARTING.write().unwrap_or_else(PoisonError::into_inner)));
        });
    }
}

unsafe extern "C" fn after() {
    let _ = HELD.try_with(RefCell::take);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn a_fork_waits_until_a_worker_has_started() {
        let (sender, forked) = mpsc::channel();
        let forking = without_forks(|| {
            let forking = std::thread::spawn(move || {
                // SAFETY: the copy does nothing but end.
                let pid = unsafe { libc::fork() };
                if pid == 0 {
                    // SAFETY: ending is always possible.
                    unsafe { libc::_exit(0) };
                }
                sender.send(pid).unwrap();
                // SAFETY: a plain call; nobody asks for the status.
                unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }
            });
            assert!(forked.recv_timeout(Duration::from_millis(100)).is_err());
            forking
        });
        let pid = forked.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(forking.join().unwrap(), pid);
    }
}
