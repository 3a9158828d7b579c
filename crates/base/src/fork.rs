//! Support for forks of the process: the only `pthread_atfork` registration of the companion.
//!
//! A fork copies the calling thread only. In the child, all other threads are missing, and a lock that one of them held
//! stays locked for ever. Three mechanisms deal with that:
//!
//! * **Before the fork**, the forking thread takes every registered lock, so that no other thread holds one at the fork:
//!   first the locks of each [`ForkHandler`], then the process-wide locks by [`Rank`]. It releases them afterwards,
//!   in the parent and in the child.
//! * **In the child**, the handler of `pthread_atfork` increments the [`generation`]. The next wait or submission calls
//!   [`catch_up`], which has two phases: process-wide state forgets the threads of the parent, then each [`ForkHandler`]
//!   starts its threads anew.
//! * A value that means something in one process only, such as a child's process id, is stored with its [`Origin`].
//!
//! *Lock order:* the list of handlers, the locks of the handlers, the locks by rank. A thread that holds one of these takes
//! only later ones. A thread must not fork while it holds one.
//!
//! *Ordering:* the generation changes in a process with one thread, so relaxed loads suffice.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Once, OnceLock, Weak};

use crate::mutex::{Mutex, MutexGuard};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The generation that this process was adapted to last.
static CAUGHT_UP: AtomicU32 = AtomicU32::new(0);

static HANDLERS: Mutex<Vec<Weak<dyn ForkHandler>>> = Mutex::new(Vec::new());

/// The process-wide state, by rank. Without a lock, which a forked child could find locked.
static GLOBALS: [OnceLock<Global>; Rank::COUNT] = [const { OnceLock::new() }; Rank::COUNT];

/// Process-wide state behind a lock.
#[derive(Clone, Copy)]
struct Global {
    hold: fn() -> Box<dyn Held>,
    forget: fn(),
}

/// A lock that is held until this is dropped.
pub trait Held {}

impl<T> Held for MutexGuard<'_, T> {}
impl<T> Held for crate::loom::MutexGuard<'_, T> {}

/// The process-wide locks, in the order in which a thread may take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Short lists, such as that of the process pools. No other lock is taken under these.
    Lists,
    /// The count of the threads that the process waits for at its end.
    ThreadCount,
    /// The logs of `threading`'s threads.
    ThreadLogs,
    /// The table of waits. Removing a wait may drop a thread's data, which takes the next lock.
    Waits,
    /// The threads that wait.
    Threads,
    /// The names of tasks.
    Names,
    /// The addresses of functions.
    Addresses,
}

impl Rank {
    const COUNT: usize = Rank::Addresses as usize + 1;
}

/// An owner of locks or threads.
pub trait ForkHandler: Send + Sync + 'static {
    /// Takes the locks that must be free in a child. They are held across the fork.
    fn hold<'a>(&'a self, _held: &mut Vec<Box<dyn Held + 'a>>) {}

    /// Called once in each child that waits or submits something.
    fn after_fork_in_child(self: Arc<Self>) {}
}

/// The number of forks between the first process that called [`watch`] and this one.
#[inline]
pub fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// Begins to count forks, and to hold the registered locks across them.
pub fn watch() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        #[cfg(unix)]
        // SAFETY: the handlers take and release locks, and add to an atomic. The child's handler frees memory, which
        // the C library allows: it restores its allocator before it calls handlers.
        unsafe {
            libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child));
        }
    });
}

/// Registers process-wide state: `hold` takes its lock, which is held across every fork, and `forget` adapts it to a child
/// without the threads of the parent. A second registration for the same rank has no effect.
#[inline]
pub fn protect(rank: Rank, hold: fn() -> Box<dyn Held>, forget: fn()) {
    if GLOBALS[rank as usize].get().is_none() {
        watch();
        // Another thread may have been faster, with the same functions.
        let _ = GLOBALS[rank as usize].set(Global { hold, forget });
    }
}

/// Registers a handler, for as long as it lives.
pub fn on_child(handler: &Arc<impl ForkHandler>) {
    watch();
    let handler: Weak<dyn ForkHandler> = Arc::downgrade(handler) as _;
    let mut handlers = HANDLERS.lock();
    handlers.retain(|other| other.strong_count() > 0);
    handlers.push(handler);
}

/// Adapts this process, if it is a child in which that was not done. Every wait and every submission begins with this.
#[inline]
pub fn catch_up() {
    if CAUGHT_UP.load(Relaxed) != generation() {
        adapt();
    }
}

#[cold]
fn adapt() {
    let handlers = HANDLERS.lock();
    if CAUGHT_UP.load(Relaxed) == generation() {
        return;
    }
    GLOBALS.iter().filter_map(OnceLock::get).for_each(|global| (global.forget)());
    CAUGHT_UP.store(generation(), Relaxed);
    let called: Vec<_> = handlers.iter().filter_map(Weak::upgrade).collect();
    drop(handlers);
    called.into_iter().for_each(|handler| handler.after_fork_in_child());
}

/// The process in which a value was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin(u32);

impl Origin {
    /// This process.
    pub fn here() -> Origin {
        watch();
        Origin(generation())
    }

    /// Whether the value was made in this process, and not in one that this was forked from.
    #[inline]
    pub fn is_here(self) -> bool {
        self.0 == generation()
    }
}

/// The locks of a handler, and the handler.
type HandlerLocks = (Vec<Box<dyn Held>>, Arc<dyn ForkHandler>);

/// The locks that a thread holds while it forks.
struct HeldLocks {
    global: Vec<Box<dyn Held>>,
    /// The locks of each handler, which are released before the handler is.
    of_handlers: Vec<HandlerLocks>,
    handlers: MutexGuard<'static, Vec<Weak<dyn ForkHandler>>>,
}

impl HeldLocks {
    fn take() -> HeldLocks {
        let handlers = HANDLERS.lock();
        let of_handlers = handlers.iter().filter_map(Weak::upgrade).map(hold).collect();
        let global = GLOBALS.iter().filter_map(OnceLock::get).map(|global| (global.hold)()).collect();
        HeldLocks { global, of_handlers, handlers }
    }

    /// Releases all locks. Only then handlers are dropped: each may be the last handle, whose drop takes locks.
    fn release(self) {
        let HeldLocks { global, of_handlers, handlers } = self;
        drop(global);
        let (held, kept): (Vec<_>, Vec<_>) = of_handlers.into_iter().unzip();
        drop(held);
        drop(handlers);
        drop(kept);
    }
}

/// The locks of a handler, with the handler that they are part of.
fn hold(handler: Arc<dyn ForkHandler>) -> HandlerLocks {
    let mut held: Vec<Box<dyn Held + '_>> = Vec::new();
    handler.hold(&mut held);
    // SAFETY: the guards borrow from the handler, which is behind an `Arc` and is dropped after them.
    let held = unsafe { std::mem::transmute::<Vec<Box<dyn Held + '_>>, Vec<Box<dyn Held>>>(held) };
    (held, handler)
}

thread_local! {
    static HELD: RefCell<Option<HeldLocks>> = const { RefCell::new(None) };
}

#[cfg(unix)]
unsafe extern "C" fn before() {
    // A thread whose thread-locals are gone forks without the locks.
    let _ = HELD.try_with(|held| held.replace(Some(HeldLocks::take())));
}

#[cfg(unix)]
unsafe extern "C" fn after_in_parent() {
    if let Ok(Some(held)) = HELD.try_with(RefCell::take) {
        held.release();
    }
}

#[cfg(unix)]
unsafe extern "C" fn after_in_child() {
    GENERATION.fetch_add(1, Relaxed);
    if let Ok(Some(held)) = HELD.try_with(RefCell::take) {
        held.release();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    /// Forks, and returns the exit code of a child that runs `work`.
    fn in_child(work: impl FnOnce() -> bool) -> i32 {
        // SAFETY: the child runs `work` and ends with `_exit`.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "no process could be started");
        if pid == 0 {
            let is_good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
            // SAFETY: the child ends at once, without the parent's exit handlers.
            unsafe { libc::_exit(i32::from(!is_good)) };
        }
        let mut status = 0;
        // SAFETY: `status` is valid for writing, and the child is ours.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 }
    }

    #[derive(Default)]
    struct Counter {
        value: Mutex<u32>,
        calls: AtomicU32,
    }

    impl ForkHandler for Counter {
        fn hold<'a>(&'a self, held: &mut Vec<Box<dyn Held + 'a>>) {
            held.push(Box::new(self.value.lock()));
        }

        fn after_fork_in_child(self: Arc<Self>) {
            self.calls.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_lock_that_other_threads_take_all_the_time_is_free_in_each_child() {
        static GLOBAL: Mutex<u32> = Mutex::new(0);
        static STOP: AtomicBool = AtomicBool::new(false);
        let counter = Arc::new(Counter::default());
        on_child(&counter);
        protect(Rank::Lists, || Box::new(GLOBAL.lock()), || ());
        let origin = Origin::here();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !STOP.load(Relaxed) {
                        *counter.value.lock() += 1;
                        *GLOBAL.lock() += 1;
                    }
                });
            }
            for _ in 0..50 {
                let code = in_child(|| {
                    catch_up();
                    catch_up();
                    let is_free = |mutex: &Mutex<u32>| mutex.try_lock().is_some();
                    let is_called_once = counter.calls.load(Relaxed) == 1;
                    !origin.is_here() && is_called_once && is_free(&counter.value) && is_free(&GLOBAL)
                });
                assert_eq!(code, 0);
            }
            STOP.store(true, Relaxed);
        });
        assert!(origin.is_here());
        assert_eq!(counter.calls.load(Relaxed), 0);
    }

    #[test]
    fn a_lock_whose_holder_is_missing_is_given_up() {
        let mutex = crate::loom::Mutex::new(1);
        let guard = mutex.lock();
        assert!(mutex.lock_within(Duration::from_millis(1)).is_none());
        drop(guard);
        assert_eq!(mutex.lock_within(Duration::ZERO).map(|guard| *guard), Some(1));
    }
}
