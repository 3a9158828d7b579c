//! The future's state machine, run through every interleaving by loom.
//!
//! ```text
//! cargo test -p threadbook-future --lib --features models loom_tests::
//! ```

use std::task::{Wake, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;
use threadbook_trace::TaskLabel;

use crate::error::TaskError;
use crate::future::pending;
use crate::shared::Shared;
use crate::state::{Header, Listening};

fn shared() -> (std::sync::Arc<Shared<usize>>, crate::Future<usize>) {
    pending(Header::new(TaskLabel::default(), 0))
}

/// Explores every interleaving.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    loom::model::Builder::new().check(model);
}

#[test]
fn of_a_start_and_a_cancel_one_wins() {
    explore(|| {
        let (shared, future) = shared();
        let canceller = thread::spawn(move || future.cancel());
        let started = shared.start();
        if started {
            assert!(shared.complete(Ok(1)).is_ok());
        }
        let cancelled = canceller.join().unwrap();
        assert_ne!(started, cancelled);
        assert_eq!(shared.is_cancelled(), cancelled);
        let expected = if cancelled { Err(TaskError::Cancelled) } else { Ok(1) };
        assert_eq!(shared.take(), expected);
    });
}

#[test]
fn of_a_completion_without_start_and_a_cancel_one_wins() {
    explore(|| {
        let (shared, future) = shared();
        let canceller = thread::spawn(move || future.cancel());
        let completed = shared.complete(Ok(1)).is_ok();
        let cancelled = canceller.join().unwrap();
        assert_ne!(completed, cancelled);
        let expected = if cancelled { Err(TaskError::Cancelled) } else { Ok(1) };
        assert_eq!(shared.take(), expected);
    });
}

#[test]
fn a_callback_is_called_exactly_once_however_late_it_is_added() {
    explore(|| {
        let (shared, future) = shared();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        let adder = thread::spawn(move || {
            future.add_done_callback(move |future| {
                assert!(future.done());
                count.fetch_add(1, SeqCst);
            });
        });
        assert!(shared.complete(Ok(1)).is_ok());
        adder.join().unwrap();
        assert_eq!(calls.load(SeqCst), 1);
    });
}

#[test]
fn a_callback_is_called_exactly_once_when_cancellation_and_completion_race() {
    explore(|| {
        let (shared, future) = shared();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        future.add_done_callback(move |_| {
            count.fetch_add(1, SeqCst);
        });
        let canceller = thread::spawn(move || future.cancel());
        let _ = shared.complete(Ok(1));
        canceller.join().unwrap();
        assert_eq!(calls.load(SeqCst), 1);
    });
}

#[test]
fn an_awaiting_task_is_woken_and_finds_the_value() {
    explore(|| {
        let (shared, future) = shared();
        let completer = thread::spawn(move || {
            assert!(shared.start());
            assert!(shared.complete(Ok(7)).is_ok());
        });
        // Hangs, which loom reports, if the wake-up is lost.
        assert_eq!(loom::future::block_on(future), Ok(7));
        completer.join().unwrap();
    });
}

#[test]
fn an_awaiting_task_is_woken_by_a_cancellation() {
    explore(|| {
        let (_shared, future) = shared();
        let other = future.clone();
        let canceller = thread::spawn(move || other.cancel());
        assert_eq!(loom::future::block_on(future), Err(TaskError::Cancelled));
        assert!(canceller.join().unwrap());
    });
}

#[test]
fn a_waker_is_woken_once_and_not_after_it_was_taken_back() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    explore(|| {
        let (shared, future) = shared();
        let count = std::sync::Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let Listening::Added(key) = shared.leave_waker(0, &waker) else { panic!("it is pending") };
        let completer = {
            let shared = shared.clone();
            thread::spawn(move || assert!(shared.complete(Ok(1)).is_ok()))
        };
        shared.remove_waker(key);
        completer.join().unwrap();
        assert!(count.0.load(SeqCst) <= 1);
        assert!(future.done());
    });
}

#[test]
fn the_last_handle_takes_the_value() {
    explore(|| {
        let (shared, future) = shared();
        let other = future.clone();
        let dropper = thread::spawn(move || drop(other));
        assert!(shared.complete(Ok(3)).is_ok());
        dropper.join().unwrap();
        assert!(shared.is_last_handle());
        assert_eq!(future.take_if_last(), Ok(3));
    });
}
