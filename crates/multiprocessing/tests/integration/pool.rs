//! The cases of CPython's `_test_multiprocessing` about pools, each named after its original, and what is ours.
//! (The executor below has tests of its own.)
//!
//! Left out are callbacks and asynchronous maps, for which there are futures; `starmap`, for which
//! there are tuples; and cases about pickling, managers, garbage collection and iterables that raise exceptions.

use crate::common::{LONG, SHORT};
use std::time::Duration;
use threadbook_executor::{ProcessPoolExecutor, TaskError};
use threadbook_multiprocessing::{Condition, Event, Lock, Pool, Queue, Semaphore, Value};

fn sqr(n: i64) -> i64 {
    n * n
}

fn squares(count: i64) -> Vec<i64> {
    (0..count).map(sqr).collect()
}

#[test]
fn apply() {
    assert_eq!(Pool::new(1).apply(sqr, 5), Ok(25));
}

#[test]
fn map() {
    let pool = Pool::new(3);
    assert_eq!(pool.map(sqr, 0..10), Ok(squares(10)));
    assert_eq!(pool.map_chunked(sqr, 0..100, 20), Ok(squares(100)));
    assert_eq!(
        pool.map(|(a, b)| a * b, (0..100).zip((0..100).rev())),
        Ok((0..100).map(|n| n * (99 - n)).collect())
    );
}

#[test]
fn map_chunksize() {
    let pool = Pool::new(2);
    assert_eq!(pool.map_chunked(sqr, [], 1), Ok(vec![]));
    for chunksize in [1, 7, 1000] {
        assert_eq!(pool.map_chunked(sqr, 0..100, chunksize), Ok(squares(100)));
    }
}

#[test]
fn terminate() {
    let pool = Pool::new(3);
    let started = Event::new();
    let wait = |(started, millis): (Event, u64)| {
        started.set();
        std::thread::sleep(Duration::from_millis(millis));
    };
    let results = pool.imap(wait, (0..10_000).map(|_| (started.clone(), 600_000)));
    assert_eq!(started.wait_timeout(LONG), Ok(true));
    pool.terminate();
    // Otherwise this would not end.
    pool.join();
    for result in results {
        assert!(matches!(result, Err(TaskError::BrokenPool(_) | TaskError::Cancelled)), "{result:?}");
    }
}

#[test]
fn unpickleable_result() {
    #[derive(serde::Deserialize, Debug)]
    struct Refuses;
    impl serde::Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("cannot pickle"))
        }
    }
    let pool = Pool::new(2);
    for _ in 0..20 {
        let error = pool.apply(|_: i64| Refuses, 42).unwrap_err();
        assert!(error.to_string().contains("cannot pickle"), "{error}");
    }
    assert_eq!(pool.apply(sqr, 3), Ok(9));
}

#[test]
fn what_processes_share_may_occur_often_and_be_optional() {
    type Shared = (Option<Event>, Option<Lock>, Option<Semaphore>, Option<Queue<u8>>, Option<Condition>);
    let pool = Pool::new(2);
    let count = Value::new(0);
    let add = |(count, n): (Value<u64>, u64)| count.update(|sum| sum + n);
    // Many of one, in one message.
    assert!(pool.map(add, (0..2000).map(|n| (count.clone(), n))).is_ok());
    assert_eq!(count.get(), 1999 * 1000);
    // In results, too.
    let values = pool.map(|n: u64| Some(Value::new(n)), 0..20).unwrap();
    assert!(values.into_iter().map(|value| value.unwrap().get()).eq(0..20));
    let (event, queue) = (Event::new(), Queue::new());
    let use_some = |(event, lock, semaphore, queue, condition): Shared| {
        queue.unwrap().put(7).unwrap();
        event.unwrap().set();
        (lock.is_some(), semaphore.is_some(), condition.is_some())
    };
    let some: Shared = (Some(event.clone()), None, Some(Semaphore::new(1)), Some(queue.clone()), None);
    assert_eq!(pool.apply(use_some, some), Ok((false, true, false)));
    assert_eq!((queue.get_timeout(LONG), event.is_set()), (Ok(7), true));
}

#[test]
fn map_async() {
    let pool = Pool::new(1);
    let later =
        pool.apply_async(|items: Vec<i64>| items.into_iter().map(sqr).collect::<Vec<_>>(), vec![1, 2]);
    assert_eq!(later.result(), Ok(vec![1, 4]));
}

#[test]
fn map_unplicklable() {
    #[derive(serde::Deserialize)]
    struct Refuses;
    impl serde::Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("cannot pickle"))
        }
    }
    let error = Pool::new(1).map(|_| (), [Refuses, Refuses]).unwrap_err();
    assert!(error.to_string().contains("cannot pickle"), "{error}");
}

#[test]
fn async_timeout() {
    let pool = Pool::new(1);
    let go_on = Event::new();
    let later = pool.apply_async(|go_on: Event| go_on.wait().is_ok(), go_on.clone());
    assert_eq!(later.result_timeout(SHORT), Err(TaskError::TimedOut));
    go_on.set();
    assert_eq!(later.result_timeout(LONG), Ok(true));
}

#[test]
fn imap() {
    let pool = Pool::new(2);
    let results: Result<Vec<i64>, _> = pool.imap(sqr, 0..100).collect();
    assert_eq!(results, Ok(squares(100)));
    let mut results = pool.imap(sqr, 0..10);
    for n in 0..10 {
        assert_eq!(results.next(), Some(Ok(n * n)));
    }
    assert_eq!(results.next(), None);
}

#[test]
fn imap_unordered() {
    let pool = Pool::new(2);
    let mut results: Vec<i64> = pool.imap_unordered(sqr, 0..100).map(Result::unwrap).collect();
    results.sort_unstable();
    assert_eq!(results, squares(100));
    // The first comes last: it waits until the others are there.
    let event = Event::new();
    let wait = |(event, n): (Event, u32)| {
        if n == 0 {
            event.wait().unwrap();
        }
        n
    };
    let mut results = pool.imap_unordered(wait, (0..4).map(|n| (event.clone(), n)));
    let mut early: Vec<u32> = results.by_ref().take(3).map(Result::unwrap).collect();
    early.sort_unstable();
    assert_eq!(early, [1, 2, 3]);
    event.set();
    assert_eq!(results.map(Result::unwrap).collect::<Vec<_>>(), [0]);
}

#[test]
fn make_pool() {
    let said = std::panic::catch_unwind(|| Pool::new(0)).unwrap_err();
    assert!(said.downcast_ref::<String>().unwrap().contains("max_workers must be at least 1"));
    assert_eq!(Pool::new(3).processes(), 3);
    assert!(Pool::default().processes() >= 1);
}

#[test]
fn empty_iterable() {
    let pool = Pool::new(1);
    assert_eq!(pool.map(sqr, []), Ok(vec![]));
    assert_eq!(pool.imap(sqr, []).count(), 0);
    assert_eq!(pool.imap_unordered(sqr, []).count(), 0);
}

#[test]
fn a_closed_pool_takes_no_more_calls() {
    let pool = Pool::new(2);
    let later = pool.apply_async(|()| std::thread::sleep(Duration::from_millis(20)), ());
    pool.close();
    assert_eq!(pool.map(sqr, 0..10), Err(TaskError::ShutDown));
    pool.join();
    assert_eq!(later.result(), Ok(()));
}

#[test]
fn traceback() {
    let pool = Pool::new(1);
    let Err(TaskError::Panicked { message, location, .. }) =
        pool.apply(|n: i32| -> () { panic!("number {n}") }, 123)
    else {
        panic!()
    };
    assert_eq!(message, "number 123");
    assert!(location.unwrap().contains("pool.rs:"));
}

#[test]
fn map_no_failfast() {
    let count = Value::new(0);
    let fail = |(count, n): (Value<u32>, u32)| {
        count.update(|n| n + 1);
        assert!(n != 1 && n != 3, "{n} is no good");
        n
    };
    let error = Pool::new(2).map(fail, (0..5).map(|n| (count.clone(), n))).unwrap_err();
    assert!(error.to_string().contains("1 is no good"), "{error}");
    assert_eq!(count.get(), 5);
}

#[test]
fn pool_worker_lifetime() {
    let executor = ProcessPoolExecutor::builder().max_workers(2).max_tasks_per_child(2).build().unwrap();
    let pids = Queue::new();
    let pool = Pool::from(executor);
    let tell = |pids: Queue<u32>| pids.put(std::process::id()).unwrap();
    assert!(pool.imap(tell, vec![pids.clone(); 8]).all(|result| result.is_ok()));
    pids.close();
    let mut pids: Vec<u32> = pids.iter().collect();
    assert_eq!(pids.len(), 8);
    pids.sort_unstable();
    pids.dedup();
    assert!(pids.len() >= 4, "{pids:?}");
}

#[test]
fn pool_worker_lifetime_early_close() {
    let executor = ProcessPoolExecutor::builder().max_workers(3).max_tasks_per_child(1).build().unwrap();
    let pool = Pool::from(executor);
    let results: Vec<_> = (0..6).map(|n| pool.apply_async(sqr, n)).collect();
    pool.close();
    pool.join();
    assert!((0..6).zip(results).all(|(n, result)| result.result() == Ok(sqr(n))));
}

#[test]
fn a_process_that_dies_breaks_its_pool_and_no_other() {
    let pool = Pool::new(1);
    let error = pool.apply(|()| -> () { std::process::abort() }, ()).unwrap_err();
    assert!(matches!(error, TaskError::BrokenPool(_)), "{error}");
    assert_eq!(Pool::new(1).apply(sqr, 3), Ok(9));
}
