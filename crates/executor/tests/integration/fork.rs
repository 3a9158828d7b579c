//! Executors, futures and locks in a forked child.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::common::alone;
use threadbook_executor::{Promise, RayonExecutor, TaskError, ThreadPoolExecutor, TokioExecutor};
use threadbook_threading::{Lock, Thread};

const LIMIT: Duration = Duration::from_secs(5);

/// Runs `work` in a forked child of this process and returns its exit code.
fn in_a_copy(work: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs only `work` and ends with `_exit`; that other threads are missing in it is
    // what the test is about.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no process could be started");
    if pid == 0 {
        let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(99);
        // SAFETY: ends the child at once, without running handlers that belong to the parent.
        unsafe { libc::_exit(code) };
    }
    let before = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: `status` is valid for writing, and the child is ours.
        let ended = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
        if ended == pid {
            return if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 };
        }
        if before.elapsed() > 4 * LIMIT {
            // SAFETY: the child has not been waited for, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            panic!("the copy hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn pools_locks_and_threads_work_in_a_copy_of_the_process() {
    if !alone("fork::pools_locks_and_threads_work_in_a_copy_of_the_process") {
        return;
    }
    let pool = ThreadPoolExecutor::new(2);
    assert_eq!(pool.submit(|| 1).result(), Ok(1));
    let lock = Lock::new(5);
    let (release, wait) = mpsc::channel::<()>();
    let held = ThreadPoolExecutor::new(1);
    let running = held.submit(move || assert!(wait.recv().is_err()));
    let queued = held.submit(|| 7);
    let busy = ThreadPoolExecutor::new(1);
    let (free, until_free) = mpsc::channel::<()>();
    let lost = busy.submit(move || assert!(until_free.recv().is_err()));
    let slow = busy.submit(|| {
        std::thread::sleep(Duration::from_millis(300));
        10
    });
    // Else it would stand in the queue, and be run in the copy.
    while !running.running() || !lost.running() {
        std::thread::yield_now();
    }
    let rayon = RayonExecutor::new(1);
    assert_eq!(rayon.submit(|| 1).result(), Ok(1));
    let tokio_pool = TokioExecutor::new(1);
    let (wake, until_woken) = tokio::sync::oneshot::channel::<()>();
    let asleep = tokio_pool.spawn(async { assert!(until_woken.await.is_err()) });
    while !asleep.running() {
        std::thread::yield_now();
    }
    let (promise, kept) = Promise::<()>::new();
    let deadlocked = ThreadPoolExecutor::new(1);
    let waiting = deadlocked.submit(move || kept.result());
    while !waiting.running() {
        std::thread::yield_now();
    }
    let code = in_a_copy(|| {
        let checks = [
            // Idle workers are replaced, as often as it takes.
            pool.submit(|| 2).result_timeout(LIMIT) == Ok(2),
            pool.submit(|| 3).result_timeout(LIMIT) == Ok(3),
            // What ran is lost and says so; what stood in the queue runs.
            matches!(running.result_timeout(LIMIT), Err(TaskError::BrokenPool(_))),
            queued.result_timeout(LIMIT) == Ok(7),
            held.submit(|| 8).result_timeout(LIMIT) == Ok(8),
            // Threads of others are replaced, too.
            rayon.submit(|| 4).result_timeout(LIMIT) == Ok(4),
            rayon.rayon().install(|| 5) == 5,
            tokio_pool.submit(|| 6).result_timeout(LIMIT) == Ok(6),
            tokio_pool.spawn(async { 7 }).result_timeout(LIMIT) == Ok(7),
            matches!(asleep.result_timeout(LIMIT), Err(TaskError::BrokenPool(_))),
            // A task that was made in the other process and is running in this one is not lost.
            {
                let slow = slow.clone();
                held.submit(move || slow.result_timeout(LIMIT)).result_timeout(LIMIT) == Ok(Ok(10))
            },
            // Nobody in this process waits, whoever waited in the other one.
            deadlocked.submit(|| 4).result_timeout(LIMIT) == Ok(4),
            *lock.lock().unwrap() == 5,
            Thread::spawn(|| 9).join_timeout(LIMIT) == Ok(9),
        ];
        held.shutdown();
        pool.shutdown();
        checks.iter().position(|good| !good).map_or(0, |failed| failed as i32 + 1)
    });
    drop((release, free, wake));
    promise.set_result(());
    assert_eq!(code, 0, "check number {code} failed in the copy");
    assert_eq!(waiting.result(), Ok(Ok(())));
    assert_eq!(running.result(), Ok(()));
    assert_eq!(queued.result(), Ok(7));
}
