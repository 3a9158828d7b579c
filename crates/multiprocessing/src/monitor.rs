//! A few words of shared memory that processes change one after the other, and wait for.
//!
//! A process may be killed at any point. Three properties keep the others from hanging:
//!
//! * The mutex is robust: the system releases it when its holder ends, and informs the next one.
//! * The words are there twice. A change is made in the copy that does not count, and one store makes it
//!   count. So a change is made, or it is not.
//! * Waiters leave no trace. They sleep until a counter changes, and never for longer than [`SLICE`]; so
//!   also a change whose author did not live to tell is noticed. (A condition variable of pthreads does keep
//!   account of its waiters: one that is killed can make those who notify it later hang.)
//!
//! Linux has all this; elsewhere the mutex is not robust, and waiters look again and again.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::time::{Duration, Instant};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use threadbook_executor::{TaskError, is_interrupted};
use threadbook_worker::Descriptor;

use crate::memory::Memory;

/// No wait sleeps for longer, so that it sees interrupts and the ends of processes.
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// A state that processes share. A clone is the same one, and so is the one that arrives in another process.
pub(crate) struct Monitor<S> {
    memory: Arc<Memory>,
    state: PhantomData<fn(S) -> S>,
}

#[repr(C)]
struct Shared<S> {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    /// Counts the changes; waiters sleep on it.
    changes: AtomicU32,
    /// The number of sleepers, or more: those that were killed are still counted.
    sleepers: AtomicU32,
    /// Which of the two states counts.
    valid: AtomicU32,
    states: UnsafeCell<[S; 2]>,
}

/// The right to change the state, until it is dropped.
struct Entered<'a, S>(&'a Shared<S>);

impl<S: Copy> Monitor<S> {
    pub(crate) fn new(state: S) -> Monitor<S> {
        let memory = Arc::new(Memory::new(Self::SIZE));
        let monitor = Monitor { memory, state: PhantomData };
        let shared = monitor.memory.address().cast::<Shared<S>>();
        // SAFETY: the memory is large enough, aligned, zero (which is right for the atomics), and no other thread
        // has it yet.
        unsafe {
            make_mutex((*shared).mutex.get());
            (*shared).states.get().write([state, state]);
        }
        monitor
    }

    /// How much of the file the monitor takes.
    pub(crate) const SIZE: usize = size_of::<Shared<S>>();

    /// The file, of which the monitor uses the beginning.
    pub(crate) fn file(&self) -> &std::fs::File {
        self.memory.file()
    }

    /// The state now.
    pub(crate) fn state(&self) -> S {
        let entered = self.enter();
        entered.state()
    }

    /// Changes the state in a way that may end waits.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let mut result = None;
        self.attempt(true, |state| {
            result = Some(change(state));
            Some(())
        });
        match result {
            Some(result) => result,
            None => unreachable!("an attempt calls its closure"),
        }
    }

    /// Changes the state if `change` returns a value, in a way that ends no wait.
    pub(crate) fn try_take<R>(&self, change: impl FnOnce(&mut S) -> Option<R>) -> Option<R> {
        self.attempt(false, change).0
    }

    /// Waits until `change` returns a value, and changes the state in a way that ends no other wait.
    pub(crate) fn take<R>(
        &self,
        timeout: Option<Duration>,
        change: impl FnMut(&mut S) -> Option<R>,
    ) -> Result<R, TaskError> {
        self.wait_and(false, timeout, change)
    }

    /// Waits until `change` returns a value, and changes the state in a way that may end other waits.
    pub(crate) fn wait<R>(
        &self,
        timeout: Option<Duration>,
        change: impl FnMut(&mut S) -> Option<R>,
    ) -> Result<R, TaskError> {
        self.wait_and(true, timeout, change)
    }

    fn wait_and<R>(
        &self,
        notify: bool,
        timeout: Option<Duration>,
        mut change: impl FnMut(&mut S) -> Option<R>,
    ) -> Result<R, TaskError> {
        // A time-out beyond the range of the clock is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let (result, seen) = self.attempt(notify, &mut change);
            if let Some(result) = result {
                return Ok(result);
            }
            if is_interrupted() {
                return Err(TaskError::Interrupted);
            }
            let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(TaskError::TimedOut);
            }
            let shared = self.shared();
            shared.sleepers.fetch_add(1, SeqCst);
            sleep_while(&shared.changes, seen, left.min(SLICE));
            shared.sleepers.fetch_sub(1, SeqCst);
        }
    }

    /// Makes the change, if it gives something. Returns the number of changes before it as well.
    fn attempt<R>(&self, notify: bool, change: impl FnOnce(&mut S) -> Option<R>) -> (Option<R>, u32) {
        let entered = self.enter();
        let mut state = entered.state();
        let result = change(&mut state);
        let seen = entered.0.changes.load(SeqCst);
        if result.is_none() {
            return (None, seen);
        }
        entered.set(state);
        drop(entered);
        if notify {
            let shared = self.shared();
            shared.changes.fetch_add(1, SeqCst);
            // A thread that is not counted yet finds, before it sleeps, that the counter has changed.
            if shared.sleepers.load(SeqCst) > 0 {
                wake(&shared.changes);
            }
        }
        (result, seen)
    }

    fn shared(&self) -> &Shared<S> {
        // SAFETY: `new` put it there, in this process or in the one that sent the file, and it stays as long
        // as `memory`.
        unsafe { &*self.memory.address().cast() }
    }

    fn enter(&self) -> Entered<'_, S> {
        let shared = self.shared();
        // SAFETY: the mutex was made by `new`.
        let error = unsafe { libc::pthread_mutex_lock(shared.mutex.get()) };
        #[cfg(target_os = "linux")]
        if error == libc::EOWNERDEAD {
            // SAFETY: this thread has got the mutex. The state is whole: see above.
            unsafe { libc::pthread_mutex_consistent(shared.mutex.get()) };
            return Entered(shared);
        }
        assert_eq!(error, 0, "the lock in shared memory is damaged (error {error})");
        Entered(shared)
    }
}

impl<S: Copy> Entered<'_, S> {
    fn valid(&self) -> usize {
        self.0.valid.load(Acquire) as usize & 1
    }

    fn state(&self) -> S {
        // SAFETY: no thread changes the states while this one has the mutex, and both are initialised.
        unsafe { self.0.states.get().cast::<S>().add(self.valid()).read() }
    }

    fn set(&self, state: S) {
        let other = 1 - self.valid();
        // SAFETY: as above, and no thread reads the state that is not valid.
        unsafe { self.0.states.get().cast::<S>().add(other).write(state) };
        self.0.valid.store(other as u32, Release);
    }
}

impl<S> Drop for Entered<'_, S> {
    fn drop(&mut self) {
        // SAFETY: this thread has the mutex.
        unsafe { libc::pthread_mutex_unlock(self.0.mutex.get()) };
    }
}

/// Makes a mutex for threads of several processes, which survives their death.
///
/// # Safety
///
/// There must be room at `mutex`, and no thread may use it yet.
unsafe fn make_mutex(mutex: *mut libc::pthread_mutex_t) {
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the attributes are initialised before they are used, and not used after they are destroyed.
    let errors = unsafe {
        let mut errors = libc::pthread_mutexattr_init(attributes);
        errors |= libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED);
        #[cfg(target_os = "linux")]
        {
            errors |= libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST);
        }
        errors |= libc::pthread_mutex_init(mutex, attributes);
        libc::pthread_mutexattr_destroy(attributes);
        errors
    };
    assert_eq!(errors, 0, "the system has no locks for several processes");
}

/// Sleeps until the counter is no longer `seen`, or woken, or for `limit`.
#[cfg(target_os = "linux")]
fn sleep_while(counter: &AtomicU32, seen: u32, limit: Duration) {
    let limit = libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(limit.subsec_nanos() as i32),
    };
    // SAFETY: the counter and the limit live for the call. (`man 2 futex`; without the private flag, because
    // other processes wake.)
    unsafe { libc::syscall(libc::SYS_futex, counter.as_ptr(), libc::FUTEX_WAIT, seen, &limit) };
}

#[cfg(target_os = "linux")]
fn wake(counter: &AtomicU32) {
    // SAFETY: the counter lives for the call.
    unsafe { libc::syscall(libc::SYS_futex, counter.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}

#[cfg(not(target_os = "linux"))]
fn sleep_while(counter: &AtomicU32, seen: u32, limit: Duration) {
    let end = Instant::now() + limit;
    while counter.load(SeqCst) == seen && Instant::now() < end {
        std::thread::sleep(Duration::from_micros(500));
    }
}

#[cfg(not(target_os = "linux"))]
fn wake(_: &AtomicU32) {}

impl<S> Clone for Monitor<S> {
    fn clone(&self) -> Monitor<S> {
        Monitor { memory: self.memory.clone(), state: PhantomData }
    }
}

impl<S> Serialize for Monitor<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.memory.descriptor().serialize(serializer)
    }
}

impl<'de, S: Copy> Deserialize<'de> for Monitor<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Monitor<S>, D::Error> {
        let file = Descriptor::deserialize(deserializer)?;
        let memory = Memory::open(file, Self::SIZE).map_err(D::Error::custom)?;
        Ok(Monitor { memory: Arc::new(memory), state: PhantomData })
    }
}

impl<S: Copy + fmt::Debug> fmt::Debug for Monitor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadbook_worker::{Call, Message, Start, Worker};

    #[test]
    fn what_arrives_is_the_same_state() {
        let here = Monitor::new([1_u64, 2]);
        let there: Monitor<[u64; 2]> = Message::new(&here).unwrap().read().unwrap();
        there.update(|state| state[1] = 5);
        assert_eq!(here.state(), [1, 5]);
        let waiting =
            std::thread::spawn(move || there.wait(None, |state| (state[0] == 7).then_some(state[1])));
        here.update(|state| state[0] = 7);
        assert_eq!(waiting.join().unwrap(), Ok(5));
        assert_eq!(here.take(Some(Duration::ZERO), |_| None::<()>), Err(TaskError::TimedOut));
    }

    #[test]
    fn a_change_that_panics_is_not_made() {
        let monitor = Monitor::new(1_u32);
        let inner = monitor.clone();
        let panicked = std::thread::spawn(move || {
            inner.update(|state| -> () {
                *state = 9;
                panic!("on purpose")
            })
        });
        assert!(panicked.join().is_err());
        assert_eq!(monitor.update(|state| *state), 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_is_killed_inside_leaves_a_whole_state() {
        let monitor = Monitor::new([3_u64; 16]);
        let mut worker = Worker::start(&Start::spawn()).unwrap();
        let die = |monitor: Monitor<[u64; 16]>| {
            monitor.update(|state| {
                state[..8].fill(4);
                // SAFETY: the process ends itself.
                unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            });
        };
        let there = Message::new(&monitor).unwrap().read().unwrap();
        worker.send(&[&Call::new(die, there).unwrap()]).unwrap();
        assert!(worker.receive().is_err());
        assert_eq!(monitor.state(), [3; 16]);
        monitor.update(|state| state[0] = 1);
        assert_eq!(monitor.state()[0], 1);
    }
}
