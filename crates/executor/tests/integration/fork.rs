//! Executors, futures and locks in a forked child.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::common::alone;
use threadbook_executor::{
    Future, ProcessPoolExecutor, Promise, RayonExecutor, SerialExecutor, TaskError, ThreadPoolExecutor,
    TokioExecutor,
};
use threadbook_threading::{Lock, Thread};

const LIMIT: Duration = Duration::from_secs(5);

/// Runs `work` in a forked child of this process and returns its exit code.
fn in_a_copy(work: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs only `work` and ends with `_exit`; the tests are about
    // the threads that are missing in it.
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
            // The waits of the parent's threads do not count in the child.
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

/// Every kind of executor but tokio's. In a build of the whole workspace, tokio uses `parking_lot`, which evcxr asks for and
/// whose table of threads does not survive a fork. Cells have a tokio without it: `tests/test_checkpoint.py` has that case.
struct Executors {
    threads: ThreadPoolExecutor,
    rayon: RayonExecutor,
    serial: SerialExecutor,
    processes: ProcessPoolExecutor,
}

impl Executors {
    fn new() -> Executors {
        Executors {
            threads: ThreadPoolExecutor::new(2),
            rayon: RayonExecutor::new(2),
            serial: SerialExecutor::new(),
            processes: ProcessPoolExecutor::new(1),
        }
    }

    /// Submits `n` to the executor of this kind.
    fn submit(&self, kind: usize, n: u32) -> Future<u32> {
        match kind {
            0 => self.threads.submit_named(&format!("task {}", n % 100), move || n),
            1 => self.rayon.submit(move || n),
            2 => self.serial.submit(move || n),
            _ => self.processes.submit(|n: u32| n, n),
        }
    }
}

const KINDS: usize = 4;

/// Stops the producers, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// The number of forks while all executors are busy.
fn rounds() -> usize {
    std::env::var("THREADBOOK_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap())
}

/// The number of the first check that fails in a child, or 0.
fn check_in_child(executors: &Executors, before: &[Vec<Future<u32>>]) -> i32 {
    for (kind, futures) in before.iter().enumerate() {
        let result = executors.submit(kind, 7).result_timeout(LIMIT);
        if result != Ok(7) {
            eprintln!("the first task of kind {kind} in the child: {result:?}");
            return 1 + kind as i32;
        }
        // Each future of the parent is done, or its task runs here, or it is lost and says so.
        let has_ended = |future: &Future<u32>| {
            matches!(future.result_timeout(LIMIT), Ok(_) | Err(TaskError::BrokenPool(_)))
        };
        if !futures.iter().all(has_ended) {
            return 11 + kind as i32;
        }
        if executors.submit(kind, 8).result_timeout(LIMIT) != Ok(8) {
            return 21 + kind as i32;
        }
    }
    if Thread::spawn(|| 9).join_timeout(LIMIT) != Ok(9) {
        return 31;
    }
    let rows = executors.threads.timeline().rows.len();
    if rows == 0 { 32 } else { 0 }
}

#[test]
fn executors_work_in_the_child_of_a_fork_while_all_are_busy() {
    if !alone("fork::executors_work_in_the_child_of_a_fork_while_all_are_busy") {
        return;
    }
    let executors = Executors::new();
    let newest: Vec<Mutex<Vec<Future<u32>>>> = (0..KINDS).map(|_| Mutex::default()).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (kind, newest) in newest.iter().enumerate() {
            let (executors, stop) = (&executors, &stop);
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Relaxed) {
                        return;
                    }
                    let futures: Vec<_> = (0..20).map(|i| executors.submit(kind, n + i)).collect();
                    newest.lock().unwrap().clone_from(&futures);
                    if n % 2 == 0 {
                        assert!(futures.iter().all(|future| future.result().is_ok()));
                    }
                    Thread::spawn(|| ()).join().unwrap();
                }
            });
        }
        let _stop = Stop(&stop);
        let is_busy = || newest.iter().all(|futures| !futures.lock().unwrap().is_empty());
        while !is_busy() {
            std::thread::yield_now();
        }
        let failed: Vec<(usize, i32)> = (0..rounds())
            .map(|round| {
                let before: Vec<Vec<Future<u32>>> =
                    newest.iter().map(|futures| futures.lock().unwrap().clone()).collect();
                (round, in_a_copy(|| check_in_child(&executors, &before)))
            })
            .filter(|(_, code)| *code != 0)
            .collect();
        assert!(failed.is_empty(), "rounds, and the checks that failed in the child: {failed:?}");
    });
}
