//! A thread of the program that goes on without a step cannot be stopped by a scheduler: a sentence says where it is.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::source::PlaceName;

/// A thread that takes so long for one step is named.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last step, for the watchdog.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    steps: AtomicU64,
    task: AtomicUsize,
    place: AtomicPtr<Location<'static>>,
    has_ended: Mutex<bool>,
    ending: Condvar,
}

impl Progress {
    /// Notes that a thread goes on with its operation at a place.
    pub(crate) fn note(&self, task: usize, place: Option<&'static Location<'static>>) {
        self.steps.fetch_add(1, Relaxed);
        self.task.store(task, Relaxed);
        self.place.store(place.map_or(ptr::null_mut(), |place| ptr::from_ref(place).cast_mut()), Relaxed);
    }
}

/// Watches an exploration as long as it lives.
#[derive(Debug)]
pub(crate) struct Watchdog {
    pub(crate) progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Without a thread, no text is printed.
    pub(crate) fn start(place: PlaceName) -> Watchdog {
        let progress = Arc::<Progress>::default();
        let watched = progress.clone();
        let thread = Builder::new().name("watchdog".into()).spawn(move || watch(&watched, place)).ok();
        Watchdog { progress, thread }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.progress.has_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.progress.ending.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(progress: &Progress, place: PlaceName) {
    let mut last = u64::MAX;
    loop {
        let has_ended = progress.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = progress.ending.wait_timeout_while(has_ended, PATIENCE, |has_ended| !*has_ended);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
        let steps = progress.steps.load(Relaxed);
        if steps == last {
            let thread = match progress.task.load(Relaxed) {
                0 => "`main`".to_owned(),
                task => format!("thread {task}"),
            };
            // SAFETY: it is null, or was made of a reference that is valid for ever.
            let since = unsafe { progress.place.load(Relaxed).cast_const().as_ref() };
            let since = since.map(|at| format!(" since {}", place(at))).unwrap_or_default();
            eprintln!(
                "{thread} has taken no step{since}, and cannot be stopped: an endless loop without a lock, an atomic or \
                 `yield_now`? Interrupt it."
            );
            return;
        }
        last = steps;
    }
}
