//! The process-pool parts of CPython's `test_concurrent_futures`, each test named after its original, and what
//! can happen to processes besides.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use threadbook_executor::{
    BuildError, Executor, Future, Outcome, ProcessPoolExecutor, StartMethod, TaskError, clear_interrupt,
    interrupt,
};

const METHODS: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

fn pool(method: StartMethod, workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder().max_workers(workers).start_method(method).build().unwrap()
}

fn sleep(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

fn mul(pair: (i64, i64)) -> i64 {
    pair.0 * pair.1
}

/// Waits until `condition` holds; the limit is for a test that fails.
fn wait_until(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        if condition() {
            return true;
        }
        sleep(5);
    }
    condition()
}

fn is_running(pid: u32) -> bool {
    let state = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    state.is_ok_and(|output| !output.stdout.is_empty() && !output.stdout.starts_with(b"Z"))
}

fn kill(signal: &str, pid: u32) {
    assert!(std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn broken<T: std::fmt::Debug>(result: Result<T, TaskError>) -> String {
    match result {
        Err(TaskError::BrokenPool(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

// ProcessPoolShutdownTest

#[test]
fn test_run_after_shutdown() {
    let pool = pool(StartMethod::Spawn, 1);
    pool.shutdown();
    assert_eq!(pool.submit(mul, (2, 3)).result(), Err(TaskError::ShutDown));
}

#[test]
fn test_processes_terminate() {
    for method in METHODS {
        let pool = pool(method, 3);
        let pids: HashSet<u32> = pool
            .map(
                |millis| {
                    sleep(millis);
                    std::process::id()
                },
                [50, 50, 50],
            )
            .map(Result::unwrap)
            .collect();
        assert!(pids.len() > 1 && pids.iter().all(|pid| is_running(*pid)), "{pids:?}");
        pool.shutdown();
        assert!(wait_until(|| !pids.iter().any(|pid| is_running(*pid))));
    }
}

#[test]
fn test_del_shutdown() {
    for method in METHODS {
        let pool = pool(method, 2);
        let results = pool.map(i64::abs, -5..5);
        let pid = pool.submit(|()| std::process::id(), ()).result().unwrap();
        drop(pool);
        assert!(wait_until(|| !is_running(pid)));
        assert_eq!(results.map(Result::unwrap).sum::<i64>(), 25);
    }
}

#[test]
fn test_hang_issue12364() {
    let pool = pool(StartMethod::Spawn, 2);
    let futures: Vec<Future<()>> = (0..50).map(|_| pool.submit(sleep, 1)).collect();
    pool.shutdown();
    assert!(futures.iter().all(|future| future.result() == Ok(())));
}

#[test]
fn test_cancel_futures() {
    let pool = pool(StartMethod::Spawn, 2);
    let futures: Vec<Future<()>> = (0..50).map(|_| pool.submit(sleep, 500)).collect();
    let cancelled = pool.shutdown_now();
    pool.shutdown();
    let done = futures.iter().filter(|future| future.result() == Ok(())).count();
    assert_eq!(futures.iter().filter(|future| future.cancelled()).count(), cancelled);
    assert_eq!(done + cancelled, 50);
    assert!(cancelled >= 10, "{cancelled}");
}

// ProcessPoolExecutorTest

#[test]
fn test_submit_and_map() {
    for method in METHODS {
        let pool = pool(method, 2);
        assert_eq!(pool.submit(mul, (2, 8)).result(), Ok(16));
        let squares: Result<Vec<i64>, _> = pool.map(|n: i64| n * n, 0..1000).collect();
        assert_eq!(squares.unwrap(), (0..1000).map(|n| n * n).collect::<Vec<_>>());
    }
}

#[test]
fn test_map_buffersize_on_infinite_iterable() {
    let pool = pool(StartMethod::Spawn, 2);
    let results: Result<Vec<i64>, _> = pool.map_buffered(|n: i64| n + 1, 0.., 4).take(10).collect();
    assert_eq!(results.unwrap(), (1..=10).collect::<Vec<_>>());
}

#[test]
fn test_map_exception() {
    let pool = pool(StartMethod::Spawn, 2);
    let results: Vec<_> = pool.map(|n: i32| 10 / n, [1, 2, 0, 5]).collect();
    assert_eq!((&results[0], &results[1], &results[3]), (&Ok(10), &Ok(5), &Ok(2)));
    let Err(TaskError::Panicked { message, location, .. }) = &results[2] else { panic!("{results:?}") };
    assert_eq!(message, "attempt to divide by zero");
    assert!(location.as_ref().unwrap().contains("process_pool.rs"));
}

#[test]
fn test_map_timeout() {
    let pool = pool(StartMethod::Spawn, 2);
    let results: Vec<_> = pool.map_timeout(sleep, [0, 0, 3000], Duration::from_secs(2)).collect();
    assert_eq!(results[2], Err(TaskError::TimedOut));
}

#[test]
fn test_map_chunksize() {
    let pool = pool(StartMethod::Spawn, 2);
    let expected: Vec<i64> = (0..40).map(|n| n * 2).collect();
    for chunksize in [1, 6, 40, 50] {
        let results = pool.map_chunked(|n: i64| n * 2, 0..40, chunksize);
        assert_eq!(results.len(), 40);
        assert_eq!(results.map(Result::unwrap).collect::<Vec<_>>(), expected);
    }
    let results: Vec<_> = pool.map_chunked(|n: i32| 10 / n, [1, 0, 5], 3).collect();
    assert_eq!((&results[0], &results[2]), (&Ok(10), &Ok(2)));
    assert!(matches!(&results[1], Err(TaskError::Panicked { message, .. }) if message.contains("divide")));
    let zero = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.map_chunked(|n: i32| n, [1], 0).count()
    }));
    assert!(zero.unwrap_err().downcast_ref::<&str>().unwrap().contains("chunksize must be at least 1"));
}

#[test]
fn test_max_workers_too_large_and_zero() {
    assert_eq!(ProcessPoolExecutor::builder().max_workers(0).build().unwrap_err(), BuildError::NoWorkers);
    assert_eq!(
        ProcessPoolExecutor::builder().max_tasks_per_child(0).build().unwrap_err(),
        BuildError::NoTasks
    );
    // Processes start when they are needed.
    let many = pool(StartMethod::Spawn, 10_000);
    assert_eq!(many.submit(mul, (1, 1)).result(), Ok(1));
}

#[test]
fn test_default_workers() {
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(ProcessPoolExecutor::default().max_workers(), cores);
}

#[test]
fn test_killed_child() {
    for method in METHODS {
        let pool = pool(method, 2);
        let pid = pool.submit(|()| std::process::id(), ()).result().unwrap();
        let futures: Vec<Future<()>> = (0..8).map(|_| pool.submit(sleep, 10_000)).collect();
        assert!(wait_until(|| futures[0].running()));
        kill("-9", pid);
        let reason = futures.iter().map(|future| broken(future.result())).next_back().unwrap();
        assert!(reason.contains(&pid.to_string()) && reason.contains("SIGKILL"), "{reason}");
        // Submitting other jobs fails as well, at once.
        assert_eq!(broken(pool.submit(mul, (2, 8)).result()), reason);
        assert!(format!("{pool:?}").contains("broken"));
        // Other pools live on.
        assert_eq!(self::pool(method, 1).submit(mul, (2, 8)).result(), Ok(16));
    }
}

#[test]
fn test_traceback() {
    let pool = pool(StartMethod::Spawn, 1);
    let error = pool.submit_named("alice", |n: u8| assert!(n == 0, "n is {n}"), 3).result().unwrap_err();
    let TaskError::Panicked { message, location, task } = error else { panic!("{error}") };
    assert_eq!((message.as_str(), task.as_str()), ("n is 3", "alice"));
    assert!(location.unwrap().contains("tests/integration/process_pool.rs:"));
}

#[test]
fn test_max_tasks_per_child() {
    for method in METHODS {
        let builder = ProcessPoolExecutor::builder().max_workers(1).start_method(method);
        let pool = builder.max_tasks_per_child(3).build().unwrap();
        let pids: Vec<u32> = pool.map(|()| std::process::id(), [(); 7]).map(Result::unwrap).collect();
        assert!(pids[0] == pids[1] && pids[1] == pids[2] && pids[3] == pids[5], "{pids:?}");
        assert!(pids[0] != pids[3] && pids[3] != pids[6], "{pids:?}");
        assert!(wait_until(|| !is_running(pids[0])));
    }
}

// ProcessPoolInitializerTest

static mut INITIALISED: u32 = 0;

#[test]
fn test_initializer() {
    // SAFETY: nobody else uses the variable, and a worker has one thread that does.
    let initialize = || unsafe { INITIALISED += 7 };
    for method in METHODS {
        let builder = ProcessPoolExecutor::builder().max_workers(2).start_method(method);
        let pool = builder.initializer(initialize).build().unwrap();
        // SAFETY: as above.
        let seen: Vec<u32> = pool.map(|()| unsafe { INITIALISED }, [(); 20]).map(Result::unwrap).collect();
        assert_eq!(seen, [7; 20]);
    }
    // SAFETY: as above.
    assert_eq!(unsafe { INITIALISED }, 0);
}

#[test]
fn test_failing_initializer() {
    for method in METHODS.into_iter().cycle().take(20) {
        let builder = ProcessPoolExecutor::builder().max_workers(2).start_method(method);
        let pool = builder.initializer(|| panic!("error in initializer")).build().unwrap();
        let future = pool.submit(mul, (1, 1));
        assert!(broken(future.result()).contains("error in initializer"));
        assert!(broken(pool.submit(mul, (1, 1)).result()).contains("error in initializer"));
    }
}

// ExecutorDeadlockTest: what crashes or garbles a worker must not hang.

#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq, Clone)]
struct Touchy(u8);

mod touchy {
    //! Values that fail on the way.
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    #[derive(Debug, Clone)]
    pub struct CannotBeWritten;

    impl Serialize for CannotBeWritten {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("this value stays here"))
        }
    }

    impl<'de> Deserialize<'de> for CannotBeWritten {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(CannotBeWritten)
        }
    }

    #[derive(Debug, Clone)]
    pub struct CannotBeRead;

    impl Serialize for CannotBeRead {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit()
        }
    }

    impl<'de> Deserialize<'de> for CannotBeRead {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(de::Error::custom("nobody can read this"))
        }
    }
}

#[test]
fn test_exit_at_task_unpickle_and_error_at_task_pickle() {
    let pool = pool(StartMethod::Spawn, 2);
    let unsent = pool.submit(|_: touchy::CannotBeWritten| (), touchy::CannotBeWritten);
    assert!(unsent.result().unwrap_err().to_string().contains("this value stays here"));
    let unread = pool.submit(|_: touchy::CannotBeRead| (), touchy::CannotBeRead);
    assert!(unread.result().unwrap_err().to_string().contains("nobody can read this"));
    let unanswered = pool.submit(|()| touchy::CannotBeWritten, ());
    assert!(unanswered.into_result().unwrap_err().to_string().contains("this value stays here"));
    let unreadable = pool.submit(|()| touchy::CannotBeRead, ());
    assert!(unreadable.into_result().unwrap_err().to_string().contains("nobody can read this"));
    // The pool is as good as before.
    assert_eq!(pool.submit(|touchy: Touchy| touchy, Touchy(3)).result(), Ok(Touchy(3)));
}

#[test]
fn test_crash_during_func_exec_and_exit_during_func_exec() {
    type Crash = fn(&ProcessPoolExecutor) -> Future<()>;
    let deaths: [(Crash, &str); 4] = [
        (|pool| pool.submit(|()| -> () { std::process::abort() }, ()), "SIGABRT"),
        (|pool| pool.submit(|()| -> () { std::process::exit(3) }, ()), "code 3"),
        (|pool| pool.submit(|()| overflow(0), ()), "SIG"),
        // SAFETY: this is meant to crash.
        (|pool| pool.submit(|()| unsafe { (8 as *mut u32).write_volatile(1) }, ()), "SIGSEGV"),
    ];
    for method in METHODS {
        for (crash, said) in deaths {
            let pool = pool(method, 2);
            let reason = broken(crash(&pool).result());
            assert!(reason.contains(said), "{reason}");
        }
    }
}

#[allow(unconditional_recursion)]
fn overflow(depth: u64) {
    let page = std::hint::black_box([depth; 512]);
    overflow(page[7] + 1);
    std::hint::black_box(page);
}

#[test]
fn test_shutdown_deadlock() {
    // The pool is shut down right after the task was submitted that kills its worker.
    for _ in 0..10 {
        let pool = pool(StartMethod::Spawn, 2);
        let future: Future<()> = pool.submit(|()| -> () { std::process::abort() }, ());
        pool.shutdown();
        broken(future.result());
    }
}

/// A path that no other test uses, for a file that tells processes something.
fn flag(name: &str) -> String {
    let path = std::env::temp_dir().join(format!("threadbook-{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path.to_string_lossy().into_owned()
}

fn wait_for_file(path: String) {
    assert!(wait_until(|| std::path::Path::new(&path).exists()), "nobody made {path}");
}

#[test]
fn test_saturation() {
    let (pool, go_on) = (pool(StartMethod::Spawn, 4), flag("saturation"));
    let futures: Vec<Future<()>> = (0..15 * 4).map(|_| pool.submit(wait_for_file, go_on.clone())).collect();
    assert!(wait_until(|| pool.timeline().rows.len() == 4));
    note(&go_on);
    assert!(futures.iter().all(|future| future.result() == Ok(())));
    assert_eq!(pool.timeline().rows.len(), 4);
    std::fs::remove_file(go_on).unwrap();
}

#[test]
fn test_idle_process_reuse_one_and_multiple() {
    let pool = pool(StartMethod::Spawn, 20);
    for n in 0..10 {
        assert_eq!(pool.submit(mul, (21, n)).result(), Ok(21 * n));
        // Until its thread looks for the next task, a process does not count as idle.
        sleep(20);
    }
    assert!(pool.timeline().rows.len() <= 5, "{:?}", pool.timeline().rows.len());
}

#[test]
fn test_max_tasks_early_shutdown() {
    let pool = ProcessPoolExecutor::builder().max_workers(3).max_tasks_per_child(1).build().unwrap();
    let futures: Vec<Future<i64>> = (0..6).map(|n| pool.submit(mul, (n, n))).collect();
    pool.shutdown();
    assert!((0..6).zip(futures).all(|(n, future)| future.result() == Ok(n * n)));
}

#[test]
fn test_max_tasks_per_child_pending_tasks_gh115634() {
    for (workers, tasks_per_child, tasks) in [(1, 1, 2), (1, 2, 5), (2, 1, 5), (2, 3, 20)] {
        let builder =
            ProcessPoolExecutor::builder().max_workers(workers).start_method(StartMethod::ForkServer);
        let pool = builder.max_tasks_per_child(tasks_per_child).build().unwrap();
        let futures: Vec<Future<i64>> = (0..tasks).map(|n| pool.submit(mul, (n, 2))).collect();
        assert!((0..tasks).zip(futures).all(|(n, future)| future.result() == Ok(n * 2)));
    }
}

#[test]
fn test_shutdown_no_wait_and_max_tasks_gh119592() {
    for tasks_per_child in [usize::MAX, 1] {
        let pool = ProcessPoolExecutor::builder().max_workers(2).max_tasks_per_child(tasks_per_child).build();
        let pool = pool.unwrap();
        let results = pool.map(i64::abs, -5..5);
        pool.close();
        assert_eq!(results.map(Result::unwrap).collect::<Vec<_>>(), [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]);
    }
}

#[test]
fn test_context_manager_shutdown() {
    let pid = {
        let pool = pool(StartMethod::Spawn, 5);
        assert!(pool.map(i64::abs, -5..5).map(Result::unwrap).eq([5, 4, 3, 2, 1, 0, 1, 2, 3, 4]));
        pool.submit(|()| std::process::id(), ()).result().unwrap()
    };
    assert!(!is_running(pid));
}

#[test]
fn test_hang_gh94440() {
    // Submitted, cancelled at once, and shut down.
    for method in METHODS {
        for _ in 0..10 {
            let pool = pool(method, 1);
            assert_eq!(pool.submit(mul, (1, 2)).result(), Ok(2));
            let future = pool.submit(mul, (1, 3));
            let is_cancelled = future.cancel();
            pool.shutdown();
            assert_eq!(future.result(), if is_cancelled { Err(TaskError::Cancelled) } else { Ok(3) });
        }
    }
}

#[test]
fn test_failed_worker_replacement() {
    // The first process starts well, the one that replaces it does not.
    const FLAG: &str = "PROCESS_POOL_TEST_REPLACEMENT";
    let fail = || assert!(!std::path::Path::new(&flag_of_parent(FLAG)).exists(), "no replacement");
    let pool = ProcessPoolExecutor::builder().max_workers(1).max_tasks_per_child(1).initializer(fail).build();
    let pool = pool.unwrap();
    let path = flag_of(FLAG, std::process::id());
    assert_eq!(pool.submit(|path: String| note(&path), path.clone()).result(), Ok(()));
    let reason = broken(pool.submit(mul, (1, 1)).result());
    assert!(reason.contains("no replacement"), "{reason}");
    std::fs::remove_file(path).unwrap();
}

fn flag_of(name: &str, pid: u32) -> String {
    std::env::temp_dir().join(format!("threadbook-{name}-{pid}")).to_string_lossy().into_owned()
}

fn flag_of_parent(name: &str) -> String {
    flag_of(name, std::os::unix::process::parent_id())
}

#[test]
fn test_ressources_gced_in_workers() {
    /// Says when it is dropped in a worker.
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Noted(String, u32);
    impl Drop for Noted {
        fn drop(&mut self) {
            if std::process::id() != self.1 {
                note(&self.0);
            }
        }
    }
    let (pool, path) = (pool(StartMethod::Spawn, 1), flag("dropped"));
    pool.submit(drop::<Noted>, Noted(path.clone(), std::process::id())).result().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    std::fs::remove_file(path).unwrap();
}

/// A value that ends the process that reads it, as the number says.
#[derive(serde::Serialize, Clone, Debug)]
struct EndsWhenRead(i32);

impl<'de> serde::Deserialize<'de> for EndsWhenRead {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        end(i32::deserialize(deserializer)?)
    }
}

/// A value that ends the process that writes it.
#[derive(serde::Deserialize, Clone, Debug)]
struct EndsWhenWritten(i32);

impl serde::Serialize for EndsWhenWritten {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        end(self.0)
    }
}

fn end(code: i32) -> ! {
    if code == 0 { std::process::abort() } else { std::process::exit(code) }
}

#[test]
fn test_crash_and_exit_at_task_unpickle_and_during_result_pickle() {
    for (code, said) in [(0, "SIGABRT"), (5, "code 5")] {
        let reason =
            broken(pool(StartMethod::Spawn, 2).submit(|_: EndsWhenRead| (), EndsWhenRead(code)).result());
        assert!(reason.contains(said), "{reason}");
        let reason = broken(pool(StartMethod::Spawn, 2).submit(EndsWhenWritten, code).into_result());
        assert!(reason.contains(said), "{reason}");
    }
}

#[test]
fn test_shutdown_deadlock_pickle() {
    let pool = pool(StartMethod::Spawn, 2);
    assert_eq!(pool.submit(mul, (6, 7)).result(), Ok(42));
    let unsent = pool.submit(|_: touchy::CannotBeWritten| (), touchy::CannotBeWritten);
    pool.close();
    assert!(unsent.result().unwrap_err().to_string().contains("this value stays here"));
    pool.shutdown();
}

#[test]
fn test_crash_big_data() {
    let pool = pool(StartMethod::Spawn, 2);
    let crash = |_: Vec<u8>| -> () { std::process::abort() };
    let results: Vec<_> = pool.map(crash, vec![vec![b'a'; 10 << 20]; 10]).collect();
    assert!(results.into_iter().all(|result| broken(result).contains("SIGABRT")));
}

/// A value that panics when it is read.
#[derive(serde::Serialize, Clone, Debug)]
struct PanicsWhenRead;

impl<'de> serde::Deserialize<'de> for PanicsWhenRead {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("read by mistake")
    }
}

#[test]
fn test_crash_at_task_unpickle() {
    let pool = pool(StartMethod::Spawn, 2);
    let result = pool.submit(|_: PanicsWhenRead| (), PanicsWhenRead).result();
    assert!(matches!(&result, Err(TaskError::Panicked { message, .. }) if message == "read by mistake"));
    assert_eq!(pool.submit(mul, (2, 3)).result(), Ok(6));
}

#[test]
fn test_exception_during_result_unpickle_in_result_handler() {
    let pool = pool(StartMethod::Spawn, 2);
    let result = pool.submit(|()| PanicsWhenRead, ()).result();
    assert!(matches!(&result, Err(TaskError::Panicked { message, .. }) if message == "read by mistake"));
    assert_eq!(pool.map(mul, [(2, 3); 10]).map(Result::unwrap).sum::<i64>(), 60);
    pool.shutdown();
}

// Beyond CPython's.

/// Adds a line to a file, which processes can see.
fn note(path: &str) {
    use std::io::Write;
    let file = std::fs::File::options().create(true).append(true).open(path);
    writeln!(file.unwrap(), "{}", std::process::id()).unwrap();
}

#[test]
fn a_task_may_wait_for_one_that_was_submitted_later() {
    let wait = |path: String| {
        let lines = || std::fs::read_to_string(&path).map_or(0, |text| text.lines().count());
        assert!(wait_until(|| lines() == 40), "{} of 40 others have run", lines());
    };
    for round in 0..10 {
        let pool = pool(METHODS[round % 2], 2);
        // The pool learns that tasks are short, and sends them several at a time.
        assert!(pool.map(mul, [(1, 1); 500]).all(|result| result == Ok(1)));
        let path = std::env::temp_dir().join(format!("threadbook-waits-{}-{round}", std::process::id()));
        let path = path.to_string_lossy().into_owned();
        // While both are busy, enough of them come together to be sent in one go.
        let busy: Vec<Future<()>> = (0..2).map(|_| pool.submit(sleep, 30)).collect();
        let waiting = pool.submit(wait, path.clone());
        let sets: Vec<Future<()>> =
            (0..40).map(|_| pool.submit(|path: String| note(&path), path.clone())).collect();
        if round % 3 == 0 {
            // Also when no more tasks can come.
            pool.close();
        }
        assert_eq!(waiting.result(), Ok(()));
        assert!(busy.into_iter().chain(sets).all(|future| future.result() == Ok(())));
        // Each was run once.
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 40);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_was_sent_behind_a_long_task_can_be_cancelled() {
    let pool = pool(StartMethod::Spawn, 1);
    assert!(pool.map(mul, [(1, 1); 500]).all(|result| result == Ok(1)));
    let futures: Vec<Future<()>> = (0..30).map(|_| pool.submit(sleep, 600_000)).collect();
    assert!(wait_until(|| futures[0].running()));
    for future in &futures[1..] {
        assert!(wait_until(|| future.cancel()));
    }
    pool.kill_workers();
    assert!(broken(futures[0].result()).contains("kill_workers"));
}

#[test]
fn test_kill_workers() {
    for method in METHODS {
        let pool = pool(method, 2);
        let pid = pool.submit(|()| std::process::id(), ()).result().unwrap();
        let endless: Vec<Future<()>> = (0..6)
            .map(|_| {
                let spin = |()| -> () {
                    loop {
                        std::hint::spin_loop();
                    }
                };
                pool.submit(spin, ())
            })
            .collect();
        assert!(wait_until(|| endless[1].running()));
        pool.kill_workers();
        for future in &endless {
            match future.result() {
                Err(TaskError::Cancelled) => {}
                other => assert!(broken(other).contains("kill_workers")),
            }
        }
        assert_eq!(endless[5].result(), Err(TaskError::Cancelled));
        pool.shutdown();
        assert!(!is_running(pid));
        assert!(pool.submit(mul, (1, 1)).result().is_err());
    }
}

#[test]
fn test_kill_workers_in_the_initializer() {
    let pool = ProcessPoolExecutor::builder().max_workers(1).initializer(|| sleep(600_000)).build().unwrap();
    let future = pool.submit(mul, (1, 1));
    sleep(100);
    pool.kill_workers();
    pool.shutdown();
    assert!(future.result().is_err());
}

#[test]
fn a_killed_fork_server_is_replaced() {
    let parent_of = |()| std::os::unix::process::parent_id();
    let builder = ProcessPoolExecutor::builder().max_workers(1).start_method(StartMethod::ForkServer);
    let pool = builder.max_tasks_per_child(1).build().unwrap();
    let first = pool.submit(parent_of, ()).result().unwrap();
    kill("-9", first);
    let second = pool.submit(parent_of, ()).result().unwrap();
    assert_ne!(first, second);
}

#[test]
fn the_timeline_forgets_the_oldest_of_many_processes() {
    let builder = ProcessPoolExecutor::builder().max_workers(1).start_method(StartMethod::ForkServer);
    let pool = builder.max_tasks_per_child(1).build().unwrap();
    let pids: Vec<u32> = pool.map(|()| std::process::id(), [(); 600]).map(Result::unwrap).collect();
    let rows = pool.timeline().rows;
    assert!((256..512).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows.last().unwrap().name, format!("pid {}", pids.last().unwrap()));
}

#[test]
fn a_worker_that_closes_its_connection_is_said_to_have_done_so() {
    let pool = pool(StartMethod::Spawn, 1);
    let close = |()| {
        for fd in 3..20 {
            // SAFETY: a plain call.
            unsafe { libc::shutdown(fd, libc::SHUT_WR) };
        }
        sleep(600_000);
    };
    let reason = broken(pool.submit(close, ()).result());
    assert!(reason.contains("closed its connection"), "{reason}");
}

#[test]
fn stray_messages_are_no_answers() {
    // What looks like an answer, and is none to this call: the pool breaks, and nothing is mixed up.
    let pool = pool(StartMethod::Spawn, 1);
    let stray = |length: u64| {
        let number = u64::MAX.to_le_bytes();
        let frame = [&[b'V', 0, 16, 0, 0, 0][..], &length.to_le_bytes(), &number, &[0; 17]].concat();
        for fd in 3..20 {
            // SAFETY: all that is pointed to is there.
            unsafe { libc::send(fd, frame.as_ptr().cast(), frame.len(), libc::MSG_DONTWAIT) };
        }
    };
    let reason = broken(pool.submit(stray, 1).result());
    assert!(reason.contains("no answer"), "{reason}");
    let pool = self::pool(StartMethod::Spawn, 1);
    let reason = broken(pool.submit(stray, u64::MAX / 4).result());
    assert!(reason.contains("no answer"), "{reason}");
}

#[test]
fn large_values() {
    for method in METHODS {
        let pool = pool(method, 2);
        let large = vec![7_u8; 100 << 20];
        let back = pool.submit(|bytes: Vec<u8>| bytes, large.clone()).into_result().unwrap();
        assert!(back == large);
        let words: Vec<String> = (0..200_000).map(|n| n.to_string()).collect();
        assert_eq!(pool.submit(|words: Vec<String>| words, words.clone()).into_result().unwrap(), words);
    }
}

#[test]
fn generic_code_runs_on_every_executor() {
    fn total(executor: &impl Executor) -> u64 {
        executor.run_all(|n: u64| n * n, (1..=100).collect()).into_iter().map(Result::unwrap).sum()
    }
    assert_eq!(total(&ProcessPoolExecutor::new(2)), 338_350);
    assert_eq!(total(&threadbook_executor::SerialExecutor::new()), 338_350);
}

#[test]
fn the_timeline_has_a_row_for_each_process() {
    let pool = pool(StartMethod::Spawn, 2);
    let pids: HashSet<u32> = pool
        .map(
            |millis| {
                sleep(millis);
                std::process::id()
            },
            [60; 4],
        )
        .map(Result::unwrap)
        .collect();
    pool.submit_named("fails", |()| -> () { panic!("no") }, ()).result().unwrap_err();
    let timeline = pool.timeline();
    let rows: HashSet<String> = timeline.rows.iter().map(|row| row.name.clone()).collect();
    assert_eq!(rows, pids.iter().map(|pid| format!("pid {pid}")).collect());
    let bars: Vec<_> = timeline.rows.iter().flat_map(|row| &row.bars).collect();
    assert_eq!(bars.len(), 5);
    let slept = bars.iter().filter(|bar| bar.finished - bar.started >= Duration::from_millis(60)).count();
    assert_eq!(slept, 4);
    assert_eq!(bars.iter().filter(|bar| bar.outcome == Outcome::Panicked).count(), 1);
}

#[test]
fn cancellation_of_what_has_not_started() {
    let pool = pool(StartMethod::Spawn, 1);
    let running = pool.submit(sleep, 2000);
    let waiting = pool.submit(sleep, 2000);
    assert!(wait_until(|| running.running()));
    assert!(waiting.cancel() && !running.cancel());
    assert_eq!(waiting.result(), Err(TaskError::Cancelled));
    assert_eq!(running.result(), Ok(()));
}

#[test]
fn workers_end_with_their_parent() {
    // This test runs itself: as the parent that is killed.
    const PARENT: &str = "PROCESS_POOL_TEST_PARENT";
    if std::env::var_os(PARENT).is_some() {
        let pool = pool(StartMethod::Spawn, 2);
        let pids: Vec<u32> = pool
            .map(
                |()| {
                    sleep(100);
                    std::process::id()
                },
                [(); 2],
            )
            .map(Result::unwrap)
            .collect();
        let forked = self::pool(StartMethod::ForkServer, 1).submit(|()| std::process::id(), ());
        let server = self::pool(StartMethod::ForkServer, 1);
        let _ = forked.result();
        let ids = |()| (std::process::id(), std::os::unix::process::parent_id());
        let (more, its_server) = server.submit(ids, ()).result().unwrap();
        let _busy = [server.submit(sleep, 600_000), pool.submit(sleep, 600_000)];
        println!("pids {} {} {more} {its_server}", pids[0], pids[1]);
        sleep(600_000);
    }
    let mut parent = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process_pool::workers_end_with_their_parent", "--nocapture"])
        .env(PARENT, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(parent.stdout.take().unwrap()));
    let said =
        lines.map(Result::unwrap).find_map(|line| line.split_once("pids ").map(|(_, pids)| pids.to_owned()));
    let pids: Vec<u32> = said.unwrap().split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| is_running(*pid)));
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(wait_until(|| !pids.iter().any(|pid| is_running(*pid))));
}

#[test]
fn a_pool_inside_a_worker() {
    let inner =
        |n: u64| ProcessPoolExecutor::new(2).map(|n: u64| n * n, 0..n).map(Result::unwrap).sum::<u64>();
    for method in METHODS {
        assert_eq!(pool(method, 2).map(inner, [3, 4]).map(Result::unwrap).collect::<Vec<_>>(), [5, 14]);
    }
}

#[test]
fn functions_of_an_ordinary_program() {
    // A run of all tests has built it; else cargo does.
    let built = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples/primes");
    let mut command = std::process::Command::new(&built);
    if !built.exists() {
        command = std::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
        command.args(["run", "--quiet", "--offline", "-p", "threadbook-executor", "--example", "primes"]);
    }
    let run = command.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(String::from_utf8_lossy(&run.stdout), "1229 primes below 10000\n");
}

#[test]
fn interrupts() {
    // The switch is one for the whole process, so this runs in a process of its own.
    const ALONE: &str = "PROCESS_POOL_TEST_INTERRUPT";
    if std::env::var_os(ALONE).is_none() {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process_pool::interrupts", "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        return;
    }
    for method in METHODS {
        let pool = pool(method, 1);
        let pid = pool.submit(|()| std::process::id(), ()).result().unwrap();
        let long = pool.submit(sleep, 600_000);
        assert!(wait_until(|| long.running()));
        interrupt();
        assert_eq!(long.result(), Err(TaskError::Interrupted));
        assert!(long.running() && is_running(pid));
        clear_interrupt();
        interrupt();
        clear_interrupt();
        // The second one has ended the process, and the pool goes on with another.
        assert_eq!(long.result(), Err(TaskError::Interrupted));
        assert!(wait_until(|| !is_running(pid)));
        let next = pool.submit(|()| std::process::id(), ()).result().unwrap();
        assert_ne!(next, pid);
        // It ends what waits in the queue, too, and what came between two tasks.
        let many: Vec<Future<()>> = (0..50).map(|_| pool.submit(sleep, 300)).collect();
        interrupt();
        clear_interrupt();
        assert_eq!(many[0].result(), Ok(()));
        assert!(wait_until(|| many[1].running()));
        let later = pool.submit(mul, (2, 3));
        interrupt();
        clear_interrupt();
        assert_eq!(later.result(), Ok(6));
        assert!(many[1..].iter().all(|future| future.result() == Err(TaskError::Interrupted)));
        // And an initializer that hangs.
        let builder = ProcessPoolExecutor::builder().max_workers(1).start_method(method);
        let pool = builder.initializer(|| sleep(600_000)).build().unwrap();
        let future = pool.submit(mul, (2, 3));
        sleep(100);
        for _ in 0..2 {
            interrupt();
            clear_interrupt();
        }
        assert_eq!(future.result(), Err(TaskError::Interrupted));
        pool.kill_workers();
    }
}

#[test]
fn lines_can_be_labelled() {
    const ALONE: &str = "PROCESS_POOL_TEST_LABELS";
    if std::env::var_os(ALONE).is_none() {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process_pool::lines_can_be_labelled", "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&run.stdout);
        let line = text.lines().find(|line| line.contains("hello from")).unwrap_or_else(|| panic!("{run:?}"));
        let (pid, said) = line.trim_start().strip_prefix('[').unwrap().split_once("] hello from ").unwrap();
        assert_eq!(pid, said);
        return;
    }
    let pool = ProcessPoolExecutor::builder().max_workers(1).label_output(true).build().unwrap();
    println!();
    pool.submit(|()| print!("hello from {}", std::process::id()), ()).result().unwrap();
    pool.shutdown();
}
