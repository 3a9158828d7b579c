//! The cases of CPython's `test_concurrent_futures` about `wait` and `as_completed`, on processes, each named
//! after its original.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::common::{cancelled, failed, successful};
use threadbook_executor::{
    ProcessPoolExecutor, ReturnWhen, StartMethod, TaskError, as_completed, as_completed_timeout, wait,
};

const SHORT: Duration = Duration::from_millis(50);
/// What is never waited for to its end.
const NEVER: u64 = 600_000;

/// Ends what still runs, also when a test has failed.
struct Ending(ProcessPoolExecutor);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.kill_workers();
    }
}

/// The test for a pool of two workers of either start method.
fn on_processes(test: impl Fn(&ProcessPoolExecutor)) {
    for method in [StartMethod::Spawn, StartMethod::ForkServer] {
        let pool = ProcessPoolExecutor::builder().max_workers(2).start_method(method).build().unwrap();
        let pool = Ending(pool);
        test(&pool.0);
    }
}

fn mul(pair: (i32, i32)) -> i32 {
    pair.0 * pair.1
}

fn sleep(millis: u64) -> i32 {
    std::thread::sleep(Duration::from_millis(millis));
    -1
}

fn sleep_and_fail(millis: u64) -> i32 {
    sleep(millis);
    panic!("this is an exception")
}

#[test]
fn test_20369() {
    on_processes(|pool| {
        let future = pool.submit(mul, (1, 2));
        let waited = wait(&[future.clone(), future.clone()], ReturnWhen::AllCompleted, None);
        assert_eq!((waited.done, waited.not_done), (vec![future], vec![]));
    });
}

#[test]
fn test_first_completed() {
    on_processes(|pool| {
        let (first, second) = (pool.submit(mul, (21, 2)), pool.submit(sleep, NEVER));
        let waited = wait(&[second.clone(), first.clone()], ReturnWhen::FirstCompleted, None);
        assert_eq!((waited.done, waited.not_done), (vec![first], vec![second]));
    });
}

#[test]
fn test_first_completed_some_already_completed() {
    on_processes(|pool| {
        let slow = pool.submit(sleep, NEVER);
        let futures = [cancelled(), successful(), slow.clone()];
        let waited = wait(&futures, ReturnWhen::FirstCompleted, None);
        assert_eq!((waited.done.as_slice(), waited.not_done), (&futures[..2], vec![slow]));
    });
}

#[test]
fn test_first_exception() {
    on_processes(|pool| {
        let good = pool.submit(mul, (2, 21));
        good.result().unwrap();
        let (bad, slow) = (pool.submit(sleep_and_fail, 50), pool.submit(sleep, NEVER));
        let waited = wait(&[good.clone(), bad.clone(), slow.clone()], ReturnWhen::FirstException, None);
        assert_eq!((waited.done, waited.not_done), (vec![good, bad], vec![slow]));
    });
}

#[test]
fn test_first_exception_some_already_complete() {
    on_processes(|pool| {
        let (bad, slow) = (pool.submit(sleep_and_fail, 0), pool.submit(sleep, NEVER));
        let futures = [successful(), cancelled(), bad, slow.clone()];
        let waited = wait(&futures, ReturnWhen::FirstException, None);
        assert_eq!((waited.done.as_slice(), waited.not_done), (&futures[..3], vec![slow]));
    });
}

#[test]
fn test_first_exception_one_already_failed() {
    on_processes(|pool| {
        let (bad, slow) = (failed(), pool.submit(sleep, NEVER));
        let waited = wait(&[bad.clone(), slow.clone()], ReturnWhen::FirstException, None);
        assert_eq!((waited.done, waited.not_done), (vec![bad], vec![slow]));
    });
}

#[test]
fn test_all_completed() {
    on_processes(|pool| {
        let (bad, good) = (pool.submit(sleep_and_fail, 0), pool.submit(mul, (2, 21)));
        let futures = [successful(), cancelled(), failed(), bad, good];
        let waited = wait(&futures, ReturnWhen::AllCompleted, None);
        assert_eq!((waited.done.as_slice(), waited.not_done.len()), (&futures[..], 0));
    });
}

#[test]
fn test_timeout() {
    on_processes(|pool| {
        let (good, slow) = (pool.submit(mul, (6, 7)), pool.submit(sleep, NEVER));
        good.result().unwrap();
        let futures = [cancelled(), failed(), successful(), good, slow.clone()];
        let before = Instant::now();
        let waited = wait(&futures, ReturnWhen::AllCompleted, Some(SHORT));
        assert!(before.elapsed() >= SHORT);
        assert_eq!((waited.done.as_slice(), waited.not_done), (&futures[..4], vec![slow]));
    });
}

#[test]
fn test_no_timeout() {
    on_processes(|pool| {
        let (one, two) = (pool.submit(mul, (2, 21)), pool.submit(mul, (7, 6)));
        let futures = [cancelled(), failed(), successful(), one, two];
        let completed: Vec<_> = as_completed(futures.clone()).collect();
        assert_eq!(completed.len(), 5);
        assert!(futures.iter().all(|future| completed.contains(future)));
    });
}

#[test]
fn test_future_times_out() {
    on_processes(|pool| {
        for timeout in [Duration::ZERO, Duration::from_millis(10)] {
            let (slow, early) = (pool.submit(sleep, NEVER), successful());
            let mut items = as_completed_timeout([slow, early.clone()], timeout);
            assert_eq!(items.next(), Some(Ok(early)));
            assert_eq!(items.next(), Some(Err(TaskError::TimedOut)));
            assert_eq!(items.next(), None);
        }
    });
}

#[test]
fn test_duplicate_futures() {
    on_processes(|pool| {
        let future = pool.submit(sleep, 10);
        let completed: Vec<_> = as_completed(std::iter::repeat_n(future.clone(), 2)).collect();
        assert_eq!(completed, [future]);
    });
}

#[test]
fn test_free_reference_yielded_future() {
    // The iterator keeps no handle to what it has yielded, so a value can be moved out.
    on_processes(|pool| {
        let futures: Vec<_> = (0..10).map(|n| pool.submit(|n: i32| vec![n], n)).collect();
        let values = as_completed(futures).map(|future| future.into_result().unwrap());
        let mut values: Vec<i32> = values.flatten().collect();
        values.sort();
        assert_eq!(values, (0..10).collect::<Vec<_>>());
    });
}

// Beyond CPython's.

#[test]
fn nothing_and_then_something_has_come() {
    on_processes(|pool| {
        let (quick, slow) = (pool.submit(mul, (21, 2)), pool.submit(sleep, 2000));
        let slow_too = pool.submit(sleep, 2000);
        assert_eq!(quick.result(), Ok(42));
        let slow = [slow, slow_too];
        let waited = wait(&slow, ReturnWhen::AllCompleted, Some(Duration::from_millis(1)));
        assert!(waited.done.is_empty());
        let waited = wait(&slow, ReturnWhen::FirstCompleted, None);
        assert!(!waited.done.is_empty());
    });
}

#[test]
fn each_of_many_is_yielded() {
    on_processes(|pool| {
        let completed = as_completed((1..=20).map(|n| pool.submit(mul, (n, 6))));
        let results: HashSet<i32> = completed.map(|future| future.result().unwrap()).collect();
        assert_eq!(results, (1..=20).map(|n| n * 6).collect());
    });
}
