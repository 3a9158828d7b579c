//! Callbacks, run one at a time and in the order in which they were caused.
//!
//! Whoever causes one when none runs, runs it, and those that are caused meanwhile, by itself or by other
//! threads. So no thread waits for a callback that waits for it.

use serde_json::Value;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A callback for new values.
pub(crate) type Callback = Arc<Mutex<dyn FnMut(&Value) + Send>>;

struct Queue {
    waiting: VecDeque<(Callback, Value)>,
    /// A thread runs them.
    runs: bool,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { waiting: VecDeque::new(), runs: false });

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has these called with `value`: now, or by who is running callbacks already.
pub(crate) fn run(callbacks: Vec<Callback>, value: &Value) {
    let mut locked = queue();
    locked.waiting.extend(callbacks.into_iter().map(|callback| (callback, value.clone())));
    if std::mem::replace(&mut locked.runs, true) {
        return;
    }
    loop {
        let Some((callback, value)) = locked.waiting.pop_front() else { break };
        drop(locked);
        // The hook has told of a panic. The lock is free, unless this process was forked while the
        // callback ran in another thread.
        let _ = catch_unwind(AssertUnwindSafe(|| match callback.try_lock() {
            Ok(mut callback) => callback(&value),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner()(&value),
            Err(std::sync::TryLockError::WouldBlock) => {}
        }));
        locked = queue();
    }
    locked.runs = false;
}

/// Holds the queue's lock, so that it is free in a copy of the process that is forked meanwhile.
pub(crate) fn while_locked<T>(fork: impl FnOnce() -> T) -> T {
    let _held = queue();
    fork()
}

/// In a copy of the process: who ran callbacks was left behind.
pub(crate) fn forget() {
    *queue() = Queue { waiting: VecDeque::new(), runs: false };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_a_callback_causes_runs_after_it_and_a_panic_stops_nothing() {
        let (sender, said) = mpsc::channel();
        let inner_says = sender.clone();
        let inner: Callback = Arc::new(Mutex::new(move |value: &Value| {
            inner_says.send(format!("inner {value}")).unwrap();
            panic!("once more");
        }));
        let outer: Callback = Arc::new(Mutex::new(move |value: &Value| {
            run(vec![inner.clone(), inner.clone()], &(value.as_i64().unwrap() + 1).into());
            sender.send(format!("outer {value}")).unwrap();
        }));
        run(vec![outer.clone()], &1.into());
        run(vec![outer], &5.into());
        let said: Vec<_> = said.iter().take(6).collect();
        assert_eq!(said, ["outer 1", "inner 2", "inner 2", "outer 5", "inner 6", "inner 6"]);
    }
}
