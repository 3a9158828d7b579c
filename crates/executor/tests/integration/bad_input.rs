//! What users do by mistake ends in a clear error, without a hang or a loss.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use threadbook_executor::{Future, Promise, TaskError, ThreadPoolExecutor};

#[test]
fn ten_thousand_workers_are_started_as_they_are_needed() {
    let pool = ThreadPoolExecutor::new(10_000);
    for n in 0..100 {
        assert_eq!(pool.submit(move || n).result(), Ok(n));
    }
    assert!(pool.timeline().rows.len() < 50, "{} threads", pool.timeline().rows.len());
    assert_eq!(pool.max_workers(), 10_000);
}

#[test]
fn submissions_during_a_shutdown_are_run_or_refused() {
    for _ in 0..100 {
        let pool = ThreadPoolExecutor::new(2);
        let handle = pool.clone();
        let submitter = std::thread::spawn(move || {
            (0..200).map(|n| handle.submit(move || n)).collect::<Vec<Future<i32>>>()
        });
        pool.shutdown();
        for (n, future) in submitter.join().unwrap().into_iter().enumerate() {
            match future.result() {
                Ok(value) => assert_eq!(value, n as i32),
                Err(error) => assert_eq!(error, TaskError::ShutDown),
            }
        }
    }
}

#[test]
fn a_result_can_be_taken_inside_a_callback() {
    let pool = ThreadPoolExecutor::new(1);
    let (sender, receiver) = mpsc::channel();
    pool.submit(|| 5).add_done_callback(move |future| sender.send(future.result()).unwrap());
    assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(Ok(5)));
}

#[test]
fn a_callback_that_waits_for_its_own_full_pool_is_told_so() {
    let pool = ThreadPoolExecutor::new(1);
    let (sender, receiver) = mpsc::channel();
    let handle = pool.clone();
    pool.submit(|| std::thread::sleep(Duration::from_millis(20)))
        .add_done_callback(move |_| sender.send(handle.submit(|| 1).result()).unwrap());
    let result = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(matches!(result, Err(TaskError::Deadlock(_))), "{result:?}");
    assert_eq!(pool.submit(|| 1).result(), Ok(1));
}

#[test]
fn dropping_the_last_handle_waits_for_all_tasks() {
    let done = Arc::new(());
    let pool = ThreadPoolExecutor::new(2);
    for _ in 0..20 {
        let done = done.clone();
        drop(pool.submit(move || {
            std::thread::sleep(Duration::from_millis(1));
            drop(done);
        }));
    }
    drop(pool);
    assert_eq!(Arc::strong_count(&done), 1);
}

#[test]
fn a_shutdown_inside_a_task_does_not_wait_for_itself() {
    let pool = ThreadPoolExecutor::new(1);
    let handle = pool.clone();
    let later = pool.submit(move || handle.shutdown());
    let after = pool.submit(|| 1);
    assert_eq!(later.result_timeout(Duration::from_secs(10)), Ok(()));
    assert!(matches!(after.result(), Ok(1) | Err(TaskError::ShutDown)));
}

#[test]
fn two_pools_whose_tasks_drop_each_other() {
    let [one, two] = [1, 1].map(ThreadPoolExecutor::new);
    let (to_one, wait_one) = mpsc::channel::<ThreadPoolExecutor>();
    let (to_two, wait_two) = mpsc::channel::<ThreadPoolExecutor>();
    let first = one.submit(move || drop(wait_one.recv().unwrap()));
    let second = two.submit(move || drop(wait_two.recv().unwrap()));
    to_one.send(two).unwrap();
    to_two.send(one).unwrap();
    assert_eq!(first.result_timeout(Duration::from_secs(10)), Ok(()));
    assert_eq!(second.result_timeout(Duration::from_secs(10)), Ok(()));
}

#[test]
fn a_promise_that_is_dropped_ends_its_future() {
    let (promise, future) = Promise::<i32>::new();
    let thread = std::thread::spawn(move || drop(promise));
    assert_eq!(future.result(), Err(TaskError::BrokenPromise));
    thread.join().unwrap();
}

#[test]
fn a_panic_payload_whose_drop_panics_does_not_end_the_worker() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("bomb");
            }
        }
    }
    let pool = ThreadPoolExecutor::new(1);
    let future: Future<()> = pool.submit(|| std::panic::panic_any(Bomb));
    assert!(matches!(future.result(), Err(TaskError::Panicked { .. })));
    assert_eq!(pool.submit(|| 1).result(), Ok(1));
}

#[test]
fn a_huge_time_out_is_none() {
    let pool = ThreadPoolExecutor::new(1);
    assert_eq!(pool.submit(|| 1).result_timeout(Duration::MAX), Ok(1));
    assert_eq!(pool.map_timeout(|n: i32| n, [1], Duration::MAX).next(), Some(Ok(1)));
}
