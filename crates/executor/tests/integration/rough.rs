//! Values and waits that are rough on a pool: nothing hangs, and the pool is there afterwards.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::common::alone;
use threadbook_executor::{
    Future, RayonExecutor, SerialExecutor, TaskError, ThreadPoolExecutor, TokioExecutor,
};
use threadbook_threading::{Event, Thread, Timer};

/// Longer than anything here takes, also on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the bomb goes off");
        }
    }
}

macro_rules! on_each_pool {
    ($($name:ident: $pool:expr),* $(,)?) => {$(
        mod $name {
            use super::*;

            #[test]
            fn a_result_that_panics_when_it_is_dropped_costs_no_worker() {
                let pool = $pool;
                let (go, gone) = mpsc::channel::<()>();
                let holds = pool.submit(move || gone.recv().is_ok());
                drop(pool.submit(|| Bomb));
                go.send(()).unwrap();
                assert_eq!(holds.result_timeout(LONG), Ok(true));
                assert_eq!(pool.submit(|| 1).result_timeout(LONG), Ok(1));
                pool.shutdown();
            }

            #[test]
            fn what_a_cancelled_task_had_may_panic_when_it_is_dropped() {
                let pool = $pool;
                let (go, gone) = mpsc::channel::<()>();
                let holds = pool.submit(move || gone.recv().is_ok());
                let cancelled: Vec<Future<()>> = (0..3)
                    .map(|_| {
                        let bomb = Bomb;
                        pool.submit(move || {
                            let _bomb = &bomb;
                        })
                    })
                    .collect();
                assert!(cancelled[0].cancel());
                go.send(()).unwrap();
                assert_eq!(holds.result_timeout(LONG), Ok(true));
                let last = pool.submit(|| 2);
                assert_eq!(last.result_timeout(LONG), Ok(2));
                pool.shutdown_now();
                assert!(cancelled.iter().all(|future| future.exception_timeout(LONG) != Some(TaskError::TimedOut)));
            }

            #[test]
            fn the_last_handle_may_be_dropped_by_a_task_of_the_pool() {
                let pool = $pool;
                let inner = pool.clone();
                let (go, gone) = mpsc::channel::<()>();
                let owner = pool.submit(move || {
                    let only_one_left = gone.recv().is_ok();
                    drop(inner);
                    only_one_left
                });
                let queued = pool.submit(|| 3);
                drop(pool);
                go.send(()).unwrap();
                assert_eq!(owner.result_timeout(LONG), Ok(true));
                assert_eq!(queued.result_timeout(LONG), Ok(3));
            }

            #[test]
            fn a_shutdown_that_waits_refuses_what_comes_meanwhile_and_keeps_what_came_before() {
                let pool = $pool;
                let (go, gone) = mpsc::channel::<()>();
                let holds = pool.submit(move || gone.recv().is_ok());
                let queued = pool.submit(|| 4);
                std::thread::scope(|scope| {
                    let go = go; // so that a failure lets the task end
                    scope.spawn(|| pool.shutdown());
                    let start = Instant::now();
                    // Once the pool is closed every submit is refused.
                    while pool.submit(|| 5).exception_timeout(Duration::ZERO) != Some(TaskError::ShutDown) {
                        assert!(start.elapsed() < LONG, "a pool that is shut down still takes tasks");
                        std::thread::yield_now();
                    }
                    assert!(!holds.done() && !queued.done());
                    go.send(()).unwrap();
                });
                assert_eq!((holds.result(), queued.result()), (Ok(true), Ok(4)));
                assert_eq!(pool.submit(|| 6).result(), Err(TaskError::ShutDown));
            }
        }
    )*};
}

on_each_pool! {
    on_threads: ThreadPoolExecutor::new(1),
    on_rayon: RayonExecutor::new(1),
    on_tokio: TokioExecutor::new(1),
}

#[test]
fn a_shutdown_reaches_every_queued_task_though_dropping_one_panics() {
    let pool = ThreadPoolExecutor::new(1);
    let (go, gone) = mpsc::channel::<()>();
    let (runs, is_running) = mpsc::channel::<()>();
    let holds = pool.submit(move || {
        runs.send(()).unwrap();
        gone.recv().is_ok()
    });
    is_running.recv().unwrap();
    let queued: Vec<Future<()>> = (0..3)
        .map(|_| {
            let bomb = Bomb;
            pool.submit(move || drop(bomb))
        })
        .collect();
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| pool.shutdown_now());
        assert!(queued.iter().all(|future| future.exception_timeout(LONG) == Some(TaskError::Cancelled)));
        go.send(()).unwrap();
        assert_eq!(ending.join().unwrap(), 3);
    });
    assert_eq!(holds.result(), Ok(true));
}

#[test]
fn an_async_task_that_panics_when_it_is_dropped_gives_its_value() {
    let pool = TokioExecutor::new(1);
    let bomb = Arc::new(Mutex::new(None));
    let held = bomb.clone();
    *bomb.lock().unwrap() = Some(Bomb);
    let future = pool.spawn(async move {
        let _bomb = held.lock().unwrap().take();
        std::mem::forget(_bomb);
        7
    });
    assert_eq!(future.result_timeout(LONG), Ok(7));
    let bomb = Bomb;
    let late = pool.spawn(async move {
        tokio::task::yield_now().await;
        let value = 8;
        std::mem::forget(bomb);
        value
    });
    assert_eq!(late.result_timeout(LONG), Ok(8));
}

#[test]
fn a_worker_that_helps_keeps_its_time_outs() {
    fn check<P: Clone + Send + 'static>(
        pool: P,
        submit: fn(&P, Duration) -> Future<()>,
        run: impl FnOnce(P, fn(&P, Duration) -> Future<()>) -> Future<Result<(), TaskError>>,
    ) {
        assert_eq!(run(pool, submit).result_timeout(LONG), Ok(Err(TaskError::TimedOut)));
    }
    let nap = Duration::from_secs(2);
    check(
        RayonExecutor::new(1),
        |pool, nap| pool.submit(move || std::thread::sleep(nap)),
        |pool, submit| {
            let inner = pool.clone();
            pool.submit(move || submit(&inner, nap).result_timeout(Duration::from_millis(10)))
        },
    );
    check(
        TokioExecutor::new(1),
        |pool, nap| pool.submit(move || std::thread::sleep(nap)),
        |pool, submit| {
            let inner = pool.clone();
            pool.submit(move || submit(&inner, nap).result_timeout(Duration::from_millis(10)))
        },
    );
}

#[test]
fn a_serial_task_may_wait_with_a_time_out_for_one_that_it_submitted() {
    let executor = SerialExecutor::new();
    let inner = executor.clone();
    let outer = executor.submit(move || inner.submit(|| 3).result_timeout(LONG));
    assert_eq!(outer.result(), Ok(Ok(3)));
}

#[test]
fn async_tasks_that_block_on_each_other_are_a_deadlock() {
    let pool = TokioExecutor::new(2);
    let slot = Arc::new(Mutex::new(None::<Future<Result<i32, TaskError>>>));
    let (ready, is_ready) = mpsc::channel::<()>();
    let of_bob = slot.clone();
    let alice = pool.spawn_named("alice", async move {
        is_ready.recv().unwrap();
        let bob = of_bob.lock().unwrap().clone().unwrap();
        bob.result().and_then(|bob| bob)
    });
    let of_alice = alice.clone();
    let bob = pool.spawn_named("bob", async move { of_alice.result().and_then(|alice| alice) });
    *slot.lock().unwrap() = Some(bob.clone());
    ready.send(()).unwrap();
    let told = [alice.result_timeout(LONG), bob.result_timeout(LONG)];
    assert!(told.iter().all(|told| matches!(told, Ok(Err(TaskError::Deadlock(_))))), "{told:?}");
    assert_eq!(pool.spawn(async { 5 }).result_timeout(LONG), Ok(5));
}

// test_set_and_clear
#[test]
fn a_wait_ends_also_if_the_flag_is_taken_back_at_once() {
    for _ in 0..20 {
        let event = Arc::new(Event::new());
        let waiting = Arc::new(AtomicUsize::new(0));
        let threads: Vec<Thread<bool>> = (0..5)
            .map(|_| {
                let (event, waiting) = (event.clone(), waiting.clone());
                Thread::spawn(move || {
                    waiting.fetch_add(1, SeqCst);
                    event.wait_timeout(LONG).unwrap()
                })
            })
            .collect();
        while waiting.load(SeqCst) < 5 {
            std::thread::yield_now();
        }
        // They have said that they are about to wait, and need a moment to do so.
        std::thread::sleep(Duration::from_millis(50));
        event.set();
        event.clear();
        assert!(threads.iter().all(|thread| thread.join_timeout(LONG) == Ok(true)));
    }
}

#[test]
fn nobody_waits_for_ever_for_a_thread_that_never_starts() {
    let future = Thread::new(|| 1).future();
    let error = future.exception_timeout(LONG).unwrap();
    assert!(error.to_string().contains("was not started"), "{error}");
    let thread = Thread::new(|| 1).name("carol");
    let future = thread.future();
    drop(thread);
    assert!(future.exception_timeout(LONG).unwrap().to_string().contains("carol"));
}

#[test]
fn threads_without_names_leave_room_for_the_names_of_others() {
    for _ in 0..70_000 {
        drop(Thread::new(|| ()));
    }
    let pool = ThreadPoolExecutor::new(1);
    let failed = pool.submit_named("alice", || panic!("no")).exception_timeout(LONG).unwrap();
    assert!(failed.to_string().contains("alice"), "{failed}");
}

#[test]
fn an_interrupt_stops_no_timer() {
    // An interrupt is one of the whole process.
    if !alone("rough::an_interrupt_stops_no_timer") {
        return;
    }
    let rang = Arc::new(AtomicBool::new(false));
    let bell = rang.clone();
    let timer = Timer::new(Duration::from_millis(300), move || bell.store(true, SeqCst));
    timer.start();
    threadbook_executor::interrupt();
    std::thread::sleep(Duration::from_millis(50));
    threadbook_executor::clear_interrupt();
    timer.join().unwrap();
    assert!(rang.load(SeqCst));

    // And a pool that is dropped while it waits for its tasks cancels what has not started.
    let pool = ThreadPoolExecutor::new(1);
    let (go, gone) = mpsc::channel::<()>();
    let holds = pool.submit(move || gone.recv().is_ok());
    let queued = pool.submit(|| 1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(100) {
                std::thread::yield_now();
            }
            threadbook_executor::interrupt();
        });
        drop(pool);
    });
    assert!(queued.cancelled());
    threadbook_executor::clear_interrupt();
    go.send(()).unwrap();
    assert_eq!(holds.result_timeout(LONG), Ok(true));
}

#[test]
fn a_serial_task_may_not_lie_on_too_many_others() {
    fn deeper(executor: SerialExecutor, left: usize) -> Result<usize, TaskError> {
        match left {
            0 => Ok(0),
            _ => {
                let inner = executor.clone();
                executor.submit(move || deeper(inner, left - 1)).result()?.map(|depth| depth + 1)
            }
        }
    }
    let work = || {
        let executor = SerialExecutor::new();
        assert_eq!(deeper(executor.clone(), 500), Ok(500));
        assert!(matches!(deeper(executor.clone(), 100_000), Err(TaskError::Deadlock(_))));
        assert_eq!(executor.submit(|| 1).result(), Ok(1));
    };
    std::thread::Builder::new().stack_size(16 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn tasks_of_tokio_have_room_to_lie_on_each_other() {
    fn deeper(pool: TokioExecutor, left: usize) -> Result<usize, TaskError> {
        let room = std::hint::black_box([left as u8; 4096]);
        match left {
            0 => Ok(0),
            _ => {
                let inner = pool.clone();
                let below = pool.submit(move || deeper(inner, left - 1)).result()??;
                Ok(below + 1 + usize::from(room[7] != left as u8))
            }
        }
    }
    let pool = TokioExecutor::new(1);
    let inner = pool.clone();
    assert_eq!(pool.submit(move || deeper(inner, 900)).result_timeout(LONG), Ok(Ok(900)));
}

#[test]
fn nobody_waits_at_a_barrier_that_is_broken() {
    let barrier = threadbook_threading::Barrier::new(2);
    assert!(barrier.wait_timeout(Duration::from_millis(1)).is_err());
    assert!(barrier.broken());
    assert_eq!(barrier.n_waiting(), 0);
}
