//! The thread-pool cases of CPython's `test_concurrent_futures`, each named after its original.
//!
//! What is checked is the same; how is ours. Left out are cases about processes, pickling, references
//! that Python's collector sees, warnings, and the interpreter's own shutdown, which have no counterpart.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::common::{cancelled, failed, successful};
use threadbook_executor::{
    Future, Promise, ReturnWhen, TaskError, ThreadPoolExecutor, as_completed, as_completed_timeout, wait,
};
use threadbook_threading::{Event, Semaphore};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

fn pool(workers: usize) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(workers)
}

fn pending() -> (Promise<i32>, Future<i32>) {
    Promise::new()
}

fn running() -> (Promise<i32>, Future<i32>) {
    let (promise, future) = Promise::new();
    assert!(promise.set_running());
    (promise, future)
}

/// A task that runs until it is let go.
fn held(pool: &ThreadPoolExecutor) -> (mpsc::Sender<()>, Future<()>) {
    let (sender, receiver) = mpsc::channel::<()>();
    let future = pool.submit(move || {
        let _ = receiver.recv();
    });
    while !future.running() {
        std::thread::yield_now();
    }
    (sender, future)
}

mod shutdown {
    use super::*;

    #[test]
    fn test_run_after_shutdown() {
        let pool = pool(2);
        pool.shutdown();
        assert_eq!(pool.submit(|| 1).result(), Err(TaskError::ShutDown));
    }

    #[test]
    fn test_hang_issue12364() {
        let pool = pool(5);
        let futures: Vec<_> =
            (0..50).map(|_| pool.submit(|| std::thread::sleep(Duration::from_millis(2)))).collect();
        pool.shutdown();
        assert!(futures.iter().all(|future| future.result() == Ok(())));
    }

    #[test]
    fn test_cancel_futures() {
        let pool = pool(3);
        let (release, first) = held(&pool);
        let others: Vec<_> = (0..2).map(|_| held(&pool)).collect();
        let queued: Vec<_> = (0..47).map(|_| pool.submit(|| ())).collect();
        assert_eq!(pool.shutdown_now(), 47);
        assert!(queued.iter().all(Future::cancelled));
        assert!(first.running());
        drop(release);
        drop(others);
        pool.shutdown();
        assert_eq!(first.result(), Ok(()));
    }

    #[test]
    fn test_cancel_futures_wait_false() {
        let pool = pool(1);
        let (release, future) = held(&pool);
        let queued = pool.submit(|| ());
        let before = Instant::now();
        pool.shutdown_now();
        assert!(before.elapsed() < LONG / 2);
        assert!(queued.cancelled() && !future.done());
        drop(release);
        assert_eq!(future.result(), Ok(()));
    }

    #[test]
    fn test_threads_terminate() {
        let pool = pool(3);
        let hold = Arc::new(Semaphore::new(0));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let hold = hold.clone();
                pool.submit(move || {
                    (hold.acquire().unwrap().forget(), std::thread::current().name().map(str::to_owned)).1
                })
            })
            .collect();
        (0..3).for_each(|_| hold.release());
        let mut names: Vec<_> = tasks.iter().map(|task| task.result().unwrap().unwrap()).collect();
        pool.shutdown();
        names.sort();
        assert_eq!(pool.timeline().rows.len(), 3, "three were needed when the tasks came");
        let alive = threadbook_threading::enumerate();
        assert!(!alive.iter().any(|thread| names.contains(&thread.name)), "{alive:?}");
    }

    #[test]
    fn test_context_manager_shutdown() {
        let doubled: Vec<i32> = {
            let pool = pool(5);
            pool.map(|n: i32| n.abs(), -5..5).map(Result::unwrap).collect()
        };
        assert_eq!(doubled, [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn test_del_shutdown() {
        let pool = pool(5);
        let results = pool.map(|n: i32| n.abs(), -5..5);
        drop(pool);
        assert_eq!(results.map(Result::unwrap).collect::<Vec<_>>(), [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn test_shutdown_no_wait() {
        let pool = pool(5);
        let results = pool.map(|n: i32| n.abs(), -5..5);
        pool.close();
        assert_eq!(results.map(Result::unwrap).collect::<Vec<_>>(), [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn test_thread_names_assigned() {
        let pool =
            ThreadPoolExecutor::builder().max_workers(5).thread_name_prefix("SpecialPool").build().unwrap();
        let names = pool.map(|_| std::thread::current().name().unwrap().to_owned(), 0..10);
        assert!(names.map(Result::unwrap).all(|name| name.starts_with("SpecialPool_")));
    }

    #[test]
    fn test_thread_names_default() {
        let pool = pool(5);
        let name = pool.submit(|| std::thread::current().name().unwrap().to_owned()).result().unwrap();
        assert!(name.starts_with("ThreadPoolExecutor-") && name.ends_with("_0"), "{name}");
    }

    #[test]
    fn test_cancel_futures_wait_false_then_submit() {
        let pool = pool(1);
        pool.shutdown_now();
        assert_eq!(pool.submit(|| 1).exception(), Some(TaskError::ShutDown));
    }
}

mod waiting {
    use super::*;

    #[test]
    fn test_20369() {
        let future = pool(2).submit(|| std::thread::sleep(Duration::from_millis(10)));
        let waited = wait(&[future.clone(), future.clone()], ReturnWhen::AllCompleted, None);
        assert_eq!(waited.done, [future]);
        assert!(waited.not_done.is_empty());
    }

    #[test]
    fn test_first_completed() {
        let (pool, (_promise, never)) = (pool(2), pending());
        let future = pool.submit(|| 21 * 2);
        let waited =
            wait(&[cancelled_never(), future.clone(), never.clone()][1..], ReturnWhen::FirstCompleted, None);
        assert_eq!(waited.done, [future]);
        assert_eq!(waited.not_done, [never]);
    }

    fn cancelled_never() -> Future<i32> {
        cancelled()
    }

    #[test]
    fn test_first_completed_some_already_completed() {
        let (pool, (_promise, never)) = (pool(2), pending());
        let future = pool.submit(|| 2);
        future.result().unwrap();
        let futures = [cancelled(), never.clone(), future.clone()];
        let waited = wait(&futures, ReturnWhen::FirstCompleted, None);
        assert_eq!(waited.done, [futures[0].clone(), future]);
        assert_eq!(waited.not_done, [never]);
    }

    #[test]
    fn test_first_exception() {
        let (pool, (_promise, never)) = (pool(2), pending());
        let good = pool.submit(|| 2 * 21);
        good.result().unwrap();
        let bad = pool.submit(|| -> i32 {
            std::thread::sleep(SHORT);
            panic!("this is an exception")
        });
        let futures = [good.clone(), bad.clone(), never.clone()];
        let waited = wait(&futures, ReturnWhen::FirstException, None);
        assert_eq!(waited.done, [good, bad]);
        assert_eq!(waited.not_done, [never]);
    }

    #[test]
    fn test_first_exception_some_already_complete() {
        let pool = pool(2);
        let bad = pool.submit(|| -> i32 { panic!() });
        bad.exception().unwrap();
        let (_promise, never) = pending();
        let futures = [successful(), cancelled(), bad.clone(), never.clone()];
        let waited = wait(&futures, ReturnWhen::FirstException, None);
        assert_eq!(waited.done, futures[..3]);
        assert_eq!(waited.not_done, [never]);
    }

    #[test]
    fn test_first_exception_one_already_failed() {
        let (pool, bad) = (pool(2), failed());
        let (release, slow) = held(&pool);
        let (promise, slow_number) = pending();
        slow.add_done_callback(move |_| assert!(promise.set_result(1)));
        let waited = wait(&[bad.clone(), slow_number.clone()], ReturnWhen::FirstException, None);
        assert_eq!(waited.done, [bad]);
        assert_eq!(waited.not_done, [slow_number]);
        drop(release);
    }

    #[test]
    fn test_first_exception_a_cancelled_future_is_none() {
        let (promise, never) = pending();
        let waited = wait(&[cancelled(), never], ReturnWhen::FirstException, Some(SHORT));
        assert_eq!((waited.done.len(), waited.not_done.len()), (1, 1));
        drop(promise);
    }

    #[test]
    fn test_all_completed() {
        let pool = pool(2);
        let good = pool.submit(|| 4);
        let bad = pool.submit(|| -> i32 { panic!() });
        let futures = [successful(), cancelled(), failed(), good, bad];
        let waited = wait(&futures, ReturnWhen::AllCompleted, None);
        assert_eq!(waited.done, futures);
        assert!(waited.not_done.is_empty());
    }

    #[test]
    fn test_timeout() {
        let (_promise, never) = pending();
        let futures = [successful(), cancelled(), failed(), never.clone()];
        let before = Instant::now();
        let waited = wait(&futures, ReturnWhen::AllCompleted, Some(SHORT));
        assert!(before.elapsed() >= SHORT);
        assert_eq!(waited.done, futures[..3]);
        assert_eq!(waited.not_done, [never]);
    }

    #[test]
    fn test_pending_calls_race() {
        // bpo-14406: the count of what is open must not be read and written in two steps.
        let pool = pool(100);
        let event = Arc::new(Event::new());
        let futures: Vec<_> = (0..100)
            .map(|_| {
                let event = event.clone();
                pool.submit(move || event.wait().unwrap())
            })
            .collect();
        event.set();
        assert_eq!(wait(&futures, ReturnWhen::AllCompleted, Some(LONG)).done.len(), 100);
    }
}

mod completing {
    use super::*;

    #[test]
    fn test_no_timeout() {
        let pool = pool(2);
        let futures = vec![cancelled(), failed(), successful(), pool.submit(|| 2), pool.submit(|| 3)];
        let completed: Vec<_> = as_completed(futures.clone()).collect();
        assert_eq!(completed.len(), 5);
        assert!(futures.iter().all(|future| completed.contains(future)));
    }

    #[test]
    fn test_future_times_out() {
        for timeout in [Duration::ZERO, Duration::from_millis(10)] {
            let (_promise, never) = pending();
            let early = successful();
            let mut items = as_completed_timeout([never, early.clone()], timeout);
            assert_eq!(items.next(), Some(Ok(early)));
            assert_eq!(items.next(), Some(Err(TaskError::TimedOut)));
            assert_eq!(items.next(), None);
        }
    }

    #[test]
    fn test_duplicate_futures() {
        let future = pool(2).submit(|| std::thread::sleep(Duration::from_millis(10)));
        let completed: Vec<_> = as_completed(std::iter::repeat_n(future.clone(), 2)).collect();
        assert_eq!(completed, [future]);
    }

    #[test]
    fn test_free_reference_yielded_future() {
        // The iterator keeps no handle to what it has yielded, so a value can be moved out.
        let pool = pool(2);
        let futures: Vec<_> = (0..10).map(|n| pool.submit(move || vec![n])).collect();
        let mut values: Vec<_> = as_completed(futures).map(|future| future.into_result().unwrap()).collect();
        values.sort();
        assert_eq!(values.concat(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn test_correct_timeout_exception_msg() {
        let (_promise, never) = pending();
        let error = as_completed_timeout([never], Duration::ZERO).next().unwrap().unwrap_err();
        assert!(error.to_string().contains("time-out"), "{error}");
    }
}

mod executing {
    use super::*;

    #[test]
    fn test_submit() {
        assert_eq!(pool(2).submit(|| 2_i32.pow(8)).result(), Ok(256));
    }

    #[test]
    fn test_submit_keyword() {
        // Closures take the place of keyword arguments.
        let (a, b) = ("self".to_owned(), 8);
        assert_eq!(pool(2).submit(move || (a, b)).result(), Ok(("self".to_owned(), 8)));
    }

    #[test]
    fn test_map() {
        let powers = pool(5).map(|n: i32| n.pow(2), 0..10);
        assert_eq!(
            powers.map(Result::unwrap).collect::<Vec<_>>(),
            (0..10).map(|n: i32| n.pow(2)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn test_map_exception() {
        let pool = pool(5);
        let mut quotients = pool.map(|(a, b): (i32, i32)| a / b, [(1, 2), (7, 2), (1, 0), (4, 2)]);
        assert_eq!(quotients.next(), Some(Ok(0)));
        assert_eq!(quotients.next(), Some(Ok(3)));
        assert!(
            matches!(quotients.next(), Some(Err(TaskError::Panicked { message, .. })) if message.contains("divide by zero"))
        );
        assert_eq!(quotients.next(), Some(Ok(2)), "unlike Python's, our iterator goes on");
        assert_eq!(quotients.next(), None);
    }

    #[test]
    fn test_map_timeout() {
        let pool = pool(5);
        let sleeps = [Duration::ZERO, Duration::ZERO, Duration::from_millis(500)];
        let results: Vec<_> = pool.map_timeout(std::thread::sleep, sleeps, SHORT * 2).collect();
        assert_eq!(results, [Ok(()), Ok(()), Err(TaskError::TimedOut)]);
    }

    #[test]
    fn test_executor_map_current_future_cancel() {
        // What the iterator has given up waiting for is not begun any more.
        let pool = pool(1);
        let (go, gone) = mpsc::channel::<()>();
        let holds = pool.submit(move || gone.recv().is_ok());
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = begun.clone();
        let results: Vec<_> = pool
            .map_timeout(move |_| counter.fetch_add(1, SeqCst), 0..3, Duration::from_millis(10))
            .collect();
        assert!(results.iter().all(|result| *result == Err(TaskError::TimedOut)));
        go.send(()).unwrap();
        assert_eq!(holds.result(), Ok(true));
        pool.shutdown();
        assert_eq!(begun.load(SeqCst), 0);
    }

    #[test]
    fn test_shutdown_race_issue12456() {
        // A worker that is about to sleep must not miss the shutdown.
        for _ in 0..50 {
            let pool = pool(5);
            let _results = pool.map(|n: i32| n, 0..25);
            pool.shutdown();
        }
    }

    #[test]
    fn test_no_stale_references() {
        // What a task owns is dropped when it has run, not when the next one comes.
        let pool = pool(1);
        let owned = Arc::new(());
        let watched = Arc::downgrade(&owned);
        pool.submit(move || drop(owned.clone())).result().unwrap();
        assert!(watched.upgrade().is_none());
    }

    #[test]
    fn test_max_workers_negative() {
        // There are no negative numbers of workers; zero is refused.
        assert!(std::panic::catch_unwind(|| pool(0)).is_err());
    }

    #[test]
    fn test_free_reference() {
        let pool = pool(2);
        let alive = Arc::new(());
        let count = alive.clone();
        let mut results = pool.map(move |_| count.clone(), 0..10);
        while let Some(result) = results.next() {
            drop(result);
            // Neither the iterator nor the pool keeps what was taken: at most what is left to come.
            assert!(Arc::strong_count(&alive) <= results.len() + 2 + 1);
        }
    }

    #[test]
    fn test_swallows_falsey_exceptions() {
        // An error whose text is empty is an error.
        let (promise, future) = pending();
        promise.set_exception("");
        assert!(future.exception().is_some());
    }

    #[test]
    fn test_map_submits_without_iteration() {
        let finished = Arc::new(Mutex::new(Vec::new()));
        let pool = pool(2);
        let seen = finished.clone();
        let results = pool.map(move |n: i32| seen.lock().unwrap().push(n), 0..10);
        drop(results);
        pool.shutdown();
        let mut finished = finished.lock().unwrap().clone();
        finished.sort();
        assert_eq!(finished, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn test_default_workers() {
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(ThreadPoolExecutor::default().max_workers(), (cores + 4).min(32));
    }

    #[test]
    fn test_saturation() {
        let pool = pool(4);
        let hold = Arc::new(Semaphore::new(0));
        let tasks: Vec<_> = (0..15 * pool.max_workers())
            .map(|_| {
                let hold = hold.clone();
                pool.submit(move || hold.acquire().unwrap().forget())
            })
            .collect();
        // All workers are busy before the first of them is let go.
        let running = || tasks.iter().filter(|task| task.running()).count();
        let start = std::time::Instant::now();
        while running() < pool.max_workers() && start.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert_eq!(running(), pool.max_workers());
        (0..tasks.len()).for_each(|_| hold.release());
        tasks.iter().for_each(|task| task.result().unwrap());
        pool.shutdown();
        assert_eq!(pool.timeline().rows.len(), pool.max_workers());
    }

    #[test]
    fn test_idle_thread_reuse() {
        let pool = pool(10);
        for _ in 0..3 {
            pool.submit(|| 42).result().unwrap();
            // Until the worker is out of work again.
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(pool.timeline().rows.len(), 1);
    }

    #[test]
    fn test_hang_global_shutdown_lock() {
        // bpo-45021: tasks that make and drop pools of their own.
        let outer = pool(5);
        let results = outer.map(|n: u64| pool(2).submit(move || n).result().unwrap(), 0..20);
        assert_eq!(results.map(Result::unwrap).sum::<u64>(), 190);
    }
}

mod initializing {
    use super::*;

    #[test]
    fn test_initializer() {
        let status = Arc::new(AtomicUsize::new(0));
        let (sets, reads) = (status.clone(), status.clone());
        let pool = ThreadPoolExecutor::builder()
            .max_workers(2)
            .initializer(move || {
                sets.fetch_add(1, SeqCst);
            })
            .build()
            .unwrap();
        assert!(pool.submit(move || reads.load(SeqCst)).result().unwrap() >= 1);
        pool.shutdown();
        assert_eq!(status.load(SeqCst), pool.timeline().rows.len());
    }

    #[test]
    fn test_initializer_failed() {
        let pool = ThreadPoolExecutor::builder()
            .max_workers(2)
            .initializer(|| panic!("error in initializer"))
            .build()
            .unwrap();
        let futures: Vec<_> = (0..5).map(|n| pool.submit(move || n)).collect();
        for future in &futures {
            match future.exception() {
                Some(TaskError::BrokenPool(reason)) => {
                    assert!(reason.contains("error in initializer"), "{reason}")
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(pool.submit(|| 1).result(), Err(TaskError::BrokenPool(_))));
        assert!(format!("{pool:?}").contains("broken"));
    }
}

mod future_states {
    use super::*;

    #[test]
    fn test_done_callback_with_result() {
        let (promise, future) = pending();
        let (sender, receiver) = mpsc::channel();
        future.add_done_callback(move |future| sender.send(future.result()).unwrap());
        promise.set_result(5);
        assert_eq!(receiver.recv(), Ok(Ok(5)));
    }

    #[test]
    fn test_done_callback_with_exception() {
        let (promise, future) = pending();
        let (sender, receiver) = mpsc::channel();
        future.add_done_callback(move |future| sender.send(future.exception().unwrap().to_string()).unwrap());
        promise.set_exception("test");
        assert_eq!(receiver.recv().unwrap(), "test");
    }

    #[test]
    fn test_done_callback_with_cancel() {
        let (_promise, future) = pending();
        let (sender, receiver) = mpsc::channel();
        future.add_done_callback(move |future| sender.send(future.cancelled()).unwrap());
        assert!(future.cancel());
        assert_eq!(receiver.recv(), Ok(true));
    }

    #[test]
    fn test_done_callback_raises() {
        let (promise, future) = pending();
        let called = Arc::new(AtomicUsize::new(0));
        let count = called.clone();
        future.add_done_callback(|_| panic!("doh!"));
        future.add_done_callback(move |_| {
            count.fetch_add(1, SeqCst);
        });
        promise.set_result(5);
        assert_eq!(called.load(SeqCst), 1);
    }

    #[test]
    fn test_done_callback_already_successful() {
        let called = Arc::new(AtomicUsize::new(0));
        let count = called.clone();
        successful().add_done_callback(move |future| {
            count.store(future.result().unwrap() as usize, SeqCst);
        });
        assert_eq!(called.load(SeqCst), 42);
    }

    #[test]
    fn test_done_callback_already_failed() {
        let (sender, receiver) = mpsc::channel();
        failed().add_done_callback(move |future| sender.send(future.exception().is_some()).unwrap());
        assert_eq!(receiver.try_recv(), Ok(true));
    }

    #[test]
    fn test_done_callback_already_cancelled() {
        let (sender, receiver) = mpsc::channel();
        cancelled().add_done_callback(move |future| sender.send(future.cancelled()).unwrap());
        assert_eq!(receiver.try_recv(), Ok(true));
    }

    #[test]
    fn test_done_callback_raises_already_succeeded() {
        let future = successful();
        future.add_done_callback(|_| panic!("doh!"));
        assert_eq!(future.result(), Ok(42));
    }

    #[test]
    fn test_done_callbacks_in_order_of_addition() {
        let (promise, future) = pending();
        let order = Arc::new(Mutex::new(Vec::new()));
        for n in 0..10 {
            let order = order.clone();
            future.add_done_callback(move |_| order.lock().unwrap().push(n));
        }
        promise.set_result(0);
        assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn test_repr() {
        let (_promise, future) = pending();
        assert_eq!(format!("{future:?}"), "Future(pending)");
        let (_promise, future) = running();
        assert_eq!(format!("{future:?}"), "Future(running)");
        assert_eq!(format!("{:?}", cancelled()), "Future(cancelled)");
        assert_eq!(format!("{:?}", failed()), "Future(failed: trouble)");
        assert_eq!(format!("{:?}", successful()), "Future(finished: 42)");
    }

    #[test]
    fn test_cancel() {
        assert!(pending_with(|future| future.cancel()));
        let (_promise, future) = running();
        assert!(!future.cancel() && future.running());
        assert!(cancelled().cancel());
        assert!(!failed().cancel());
        assert!(!successful().cancel());
    }

    fn pending_with<R>(look: impl FnOnce(&Future<i32>) -> R) -> R {
        let (_promise, future) = pending();
        look(&future)
    }

    #[test]
    fn test_cancelled() {
        assert!(!pending_with(Future::cancelled));
        let (_promise, future) = running();
        assert!(!future.cancelled());
        assert!(cancelled().cancelled());
        assert!(!failed().cancelled());
        assert!(!successful().cancelled());
    }

    #[test]
    fn test_done() {
        assert!(!pending_with(Future::done));
        let (_promise, future) = running();
        assert!(!future.done());
        assert!(cancelled().done() && failed().done() && successful().done());
    }

    #[test]
    fn test_running() {
        assert!(!pending_with(Future::running));
        let (_promise, future) = running();
        assert!(future.running());
        assert!(!cancelled().running() && !failed().running() && !successful().running());
    }

    #[test]
    fn test_result_with_timeout() {
        assert_eq!(pending_with(|future| future.result_timeout(Duration::ZERO)), Err(TaskError::TimedOut));
        let (_promise, future) = running();
        assert_eq!(future.result_timeout(Duration::ZERO), Err(TaskError::TimedOut));
        assert_eq!(cancelled().result_timeout(Duration::ZERO), Err(TaskError::Cancelled));
        assert!(matches!(failed().result_timeout(Duration::ZERO), Err(TaskError::Failed(_))));
        assert_eq!(successful().result_timeout(Duration::ZERO), Ok(42));
    }

    #[test]
    fn test_result_with_success() {
        let (promise, future) = pending();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(SHORT);
            promise.set_result(42)
        });
        assert_eq!(future.result_timeout(LONG), Ok(42));
        assert!(thread.join().unwrap());
    }

    #[test]
    fn test_result_with_cancel() {
        let (_promise, future) = pending();
        let other = future.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(SHORT);
            other.cancel()
        });
        assert_eq!(future.result_timeout(LONG), Err(TaskError::Cancelled));
        assert!(thread.join().unwrap());
    }

    #[test]
    fn test_exception_with_timeout() {
        assert_eq!(
            pending_with(|future| future.exception_timeout(Duration::ZERO)),
            Some(TaskError::TimedOut)
        );
        assert_eq!(cancelled().exception_timeout(Duration::ZERO), Some(TaskError::Cancelled));
        assert!(matches!(failed().exception_timeout(Duration::ZERO), Some(TaskError::Failed(_))));
        assert_eq!(successful().exception_timeout(Duration::ZERO), None);
    }

    #[test]
    fn test_exception_with_success() {
        let (promise, future) = pending();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(SHORT);
            promise.set_exception("late trouble")
        });
        assert_eq!(future.exception_timeout(LONG).unwrap().to_string(), "late trouble");
        assert!(thread.join().unwrap());
    }

    #[test]
    fn test_multiple_set_result() {
        // A promise is used up by its result; what is left to go wrong is a cancelled future.
        let (promise, future) = pending();
        future.cancel();
        assert!(!promise.set_result(1));
        assert_eq!(future.result(), Err(TaskError::Cancelled));
    }

    #[test]
    fn test_multiple_set_exception() {
        let (promise, future) = pending();
        future.cancel();
        assert!(!promise.set_exception("too late"));
        assert_eq!(future.exception(), Some(TaskError::Cancelled));
    }

    #[test]
    fn test_set_running_or_notify_cancel() {
        let (promise, future) = pending();
        assert!(promise.set_running());
        assert!(!future.cancel());
        let (promise, future) = pending();
        future.cancel();
        assert!(!promise.set_running());
    }
}
