//! What all executors have in common, and what is special about rayon's and tokio's.

use std::sync::mpsc;
use std::time::Duration;

use threadbook_executor::{
    Executor, Future, Outcome, RayonExecutor, SerialExecutor, TaskError, ThreadPoolExecutor, TokioExecutor,
};

/// The same test for each executor, in a module of its own.
macro_rules! for_each_executor {
    ($($module:ident: $new:expr;)*) => { $(mod $module {
        use super::*;

        #[test]
        fn maps_in_order() {
            let pool = $new;
            let squares: Vec<u64> = pool.map(|n| n * n, 0..100).map(Result::unwrap).collect();
            assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<u64>>());
        }

        #[test]
        fn maps_what_has_no_end_with_a_buffer() {
            let pool = $new;
            let pulled = std::cell::Cell::new(0);
            let items = (0..).inspect(|_| pulled.set(pulled.get() + 1));
            let mut results = pool.map_buffered(|n: u64| n * n, items, 3);
            assert_eq!(pulled.get(), 3);
            let squares: Vec<u64> = results.by_ref().take(20).map(Result::unwrap).collect();
            assert_eq!(squares, (0..20).map(|n| n * n).collect::<Vec<u64>>());
            assert_eq!(pulled.get(), 23);
            drop(results);
            assert_eq!(pool.map_buffered(|n| n, [1, 2], 9).collect::<Vec<_>>(), [Ok(1), Ok(2)]);
            assert_eq!(pool.map_buffered(|n: u8| n, [], 1).count(), 0);
        }

        #[test]
        #[should_panic(expected = "use `map_buffered`")]
        fn says_that_a_map_needs_an_end() {
            let _ = $new.map(|n: u64| n, 0..);
        }

        #[test]
        #[should_panic(expected = "buffersize must be at least 1")]
        fn needs_room_for_a_call() {
            let _ = $new.map_buffered(|n| n, [1], 0);
        }

        #[test]
        fn gives_panics_back_as_errors_with_text_place_and_name() {
            let pool = $new;
            let future = pool.submit_named("alice", || -> i32 { panic!("no {}", "way") });
            match future.result() {
                Err(TaskError::Panicked { message, location: Some(location), task }) => {
                    assert_eq!((message.as_str(), task.as_str()), ("no way", "alice"));
                    assert!(location.starts_with("crates/executor/tests/integration/executors.rs:"), "{location}");
                }
                other => panic!("{other:?}"),
            }
            let odd = pool.submit(|| -> i32 { std::panic::panic_any(7_u8) });
            match odd.result() {
                Err(TaskError::Panicked { message, .. }) => {
                    assert_eq!(message, "the panic carried a value that is not text");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(pool.submit(|| 1).result(), Ok(1));
        }

        #[test]
        fn refuses_tasks_after_a_shutdown() {
            let pool = $new;
            let before = pool.submit(|| 1);
            pool.shutdown();
            assert_eq!(before.result(), Ok(1));
            assert_eq!(pool.submit(|| 2).result(), Err(TaskError::ShutDown));
            assert_eq!(pool.map(|n: i32| n, [1, 2]).collect::<Vec<_>>(), vec![Err(TaskError::ShutDown); 2]);
        }

        #[test]
        fn keeps_a_timeline() {
            fn doze() {
                std::thread::sleep(Duration::from_millis(5));
            }
            let pool = $new;
            let futures: Vec<_> = (0..4).map(|_| pool.submit(doze)).collect();
            futures.iter().for_each(|future| future.result().unwrap());
            pool.submit_named("bad", || panic!()).exception().unwrap();
            let timeline = pool.timeline();
            assert_eq!(timeline.tasks(), 5, "{timeline}");
            let bars: Vec<_> = timeline.rows.iter().flat_map(|row| &row.bars).collect();
            for bar in &bars {
                assert!(bar.submitted <= bar.started && bar.started <= bar.finished);
                if bar.label == "doze" {
                    assert!(bar.duration() >= Duration::from_millis(5), "{bar:?}");
                    assert_eq!(bar.outcome, Outcome::Returned);
                } else {
                    assert_eq!((bar.label.as_str(), bar.outcome), ("bad", Outcome::Panicked));
                }
            }
            assert_eq!(timeline.to_csv().lines().count(), 6);
        }

        #[test]
        fn moves_values_out_that_cannot_be_cloned() {
            #[derive(Debug, PartialEq)]
            struct Unique(i32);
            let pool = $new;
            let future = pool.submit(|| Unique(3));
            assert_eq!(future.into_result(), Ok(Unique(3)));
            let future = pool.submit(|| Unique(4));
            let other = future.clone();
            assert_eq!(future.into_result(), Err(TaskError::StillShared));
            assert_eq!(other.into_result(), Ok(Unique(4)));
        }

        #[test]
        fn runs_the_same_generic_code() {
            fn sum(executor: &impl Executor) -> u64 {
                assert!(executor.max_workers() >= 1 && !executor.name().is_empty());
                executor.run_all(|n: u64| n + 1, (0..10).collect()).into_iter().map(Result::unwrap).sum()
            }
            assert_eq!(sum(&$new), 55);
        }

        #[test]
        fn submits_recursively_a_hundred_thousand_deep() {
            let pool = $new;
            let (sender, receiver) = mpsc::channel();
            fn deeper(pool: Pool, left: usize, sender: mpsc::Sender<()>) {
                if left == 0 {
                    sender.send(()).unwrap();
                } else {
                    let handle = pool.clone();
                    pool.submit(move || deeper(handle, left - 1, sender));
                }
            }
            type Pool = super::handles::$module;
            deeper(pool.clone(), 100_000, sender);
            receiver.recv_timeout(Duration::from_secs(60)).unwrap();
            pool.shutdown();
        }

        #[test]
        fn shows_a_task_that_goes_on_after_one_within_its_wait() {
            let pool = $new;
            let handle = pool.clone();
            let outer = pool.submit_named("outer", move || {
                handle.submit(|| ()).result().unwrap();
                handle.timeline()
            });
            let timeline = outer.result().unwrap();
            let mut bars = timeline.rows.iter().flat_map(|row| &row.bars);
            assert!(bars.any(|bar| bar.label == "outer" && bar.outcome == Outcome::Running), "{timeline}");
        }

        #[test]
        fn may_be_dropped_inside_its_own_task() {
            let pool = $new;
            let (sender, receiver) = mpsc::channel();
            let handle = pool.clone();
            let (go, wait) = mpsc::channel::<()>();
            go.send(()).unwrap();
            let future = pool.submit(move || {
                wait.recv().unwrap();
                let later = handle.submit(move || sender.send(5).unwrap());
                drop(handle);
                drop(later);
            });
            drop(pool);
            future.result().unwrap();
            assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(5));
        }
    })* };
}

#[allow(non_camel_case_types)]
mod handles {
    pub type on_serial = super::SerialExecutor;
    pub type on_threads = super::ThreadPoolExecutor;
    pub type on_rayon = super::RayonExecutor;
    pub type on_tokio = super::TokioExecutor;
}

for_each_executor! {
    on_serial: SerialExecutor::new();
    on_threads: ThreadPoolExecutor::new(2);
    on_rayon: RayonExecutor::new(2);
    on_tokio: TokioExecutor::new(2);
}

#[test]
fn a_rayon_worker_that_waits_runs_the_task_it_waits_for() {
    let pool = RayonExecutor::new(1);
    let handle = pool.clone();
    fn depth(pool: RayonExecutor, left: u32) -> u32 {
        if left == 0 { 0 } else { 1 + pool.clone().submit(move || depth(pool, left - 1)).result().unwrap() }
    }
    assert_eq!(pool.submit(move || depth(handle, 200)).result(), Ok(200));
}

#[test]
fn a_rayon_wait_that_is_too_deep_is_an_error_and_no_overflow() {
    let pool = RayonExecutor::new(1);
    let handle = pool.clone();
    fn depth(pool: RayonExecutor, left: u32) -> Result<u32, TaskError> {
        if left == 0 { Ok(0) } else { pool.clone().submit(move || depth(pool, left - 1)).result()? }
    }
    let result = pool.submit(move || depth(handle, 100_000)).result().unwrap();
    assert!(matches!(result, Err(TaskError::Deadlock(_))), "{result:?}");
    assert_eq!(pool.submit(|| 1).result(), Ok(1));
}

#[test]
fn two_rayon_tasks_that_wait_for_each_other() {
    let pool = RayonExecutor::new(2);
    let (sender, receiver) = mpsc::channel::<Future<Result<(), TaskError>>>();
    let alice = pool.submit_named("alice", move || receiver.recv().unwrap().result()?);
    let waits_for = alice.clone();
    let bob = pool.submit_named("bob", move || waits_for.result()?);
    while !(alice.running() && bob.running()) {
        // Otherwise one might run the other itself.
        std::thread::yield_now();
    }
    sender.send(bob.clone()).unwrap();
    for future in [alice, bob] {
        let Err(TaskError::Deadlock(graph)) = future.result().unwrap() else { panic!() };
        assert!(graph.to_string().contains("runs `alice`, which waits for `bob`"), "{graph}");
    }
}

#[test]
fn rayon_runs_parallel_iterators_on_its_own_workers() {
    use rayon::prelude::*;
    let pool = RayonExecutor::new(2);
    let sum = pool.submit(|| {
        assert_eq!(rayon::current_num_threads(), 2);
        (0..1000_u64).into_par_iter().sum::<u64>()
    });
    assert_eq!(sum.result(), Ok(499_500));
}

#[test]
fn tokio_spawns_async_tasks_and_awaits_futures_of_other_pools() {
    let pool = TokioExecutor::new(2);
    let threads = ThreadPoolExecutor::new(1);
    let inner = threads.submit(|| 20);
    let outer = pool.spawn_named("adds", async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        inner.await.unwrap() + 1
    });
    assert_eq!(outer.result(), Ok(21));
    let bad = pool.spawn_named("bad", async { panic!("async trouble") });
    let bad: Future<()> = bad;
    assert!(matches!(bad.result(), Err(TaskError::Panicked { message, .. }) if message == "async trouble"));
    let timeline = pool.timeline();
    let outcomes: Vec<_> = timeline
        .rows
        .iter()
        .flat_map(|row| &row.bars)
        .filter(|bar| bar.label == "adds")
        .map(|bar| bar.outcome)
        .collect();
    assert!(outcomes.contains(&Outcome::Suspended) && outcomes.contains(&Outcome::Returned), "{outcomes:?}");
    assert_eq!(timeline.tasks(), 2, "however often they went on");
}

#[test]
fn a_timeline_of_tokio_tells_threads_that_block_from_workers() {
    let pool = TokioExecutor::new(1);
    let blocks = pool.submit(|| std::thread::sleep(Duration::from_millis(20)));
    pool.spawn(async { tokio::time::sleep(Duration::from_millis(5)).await }).result().unwrap();
    blocks.result().unwrap();
    let names: Vec<String> = pool.timeline().rows.into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["blocking 0", "worker 0"]);
}

#[test]
fn a_blocking_tokio_worker_that_waits_runs_the_task_it_waits_for() {
    let pool = TokioExecutor::new(1);
    let handle = pool.clone();
    let outer = pool.submit(move || handle.submit(|| 25).result());
    assert_eq!(outer.result().unwrap(), Ok(25));
}

#[test]
fn a_blocking_wait_in_an_async_task_is_no_deadlock() {
    let pool = TokioExecutor::new(1);
    let handle = pool.clone();
    let outer = pool.spawn(async move { handle.submit(|| 5).result() });
    assert_eq!(outer.result().unwrap(), Ok(5));
}

#[test]
fn futures_are_awaited_by_other_runtimes_and_by_hand() {
    let pool = ThreadPoolExecutor::new(2);
    let future = pool.submit(|| {
        std::thread::sleep(Duration::from_millis(10));
        7
    });
    assert_eq!(futures::executor::block_on(future.clone()), Ok(7));
    let both = futures::executor::block_on(futures::future::join(future, pool.submit(|| 8)));
    assert_eq!(both, (Ok(7), Ok(8)));
    let unique = pool.submit(|| vec![std::cell::Cell::new(1)]);
    assert_eq!(futures::executor::block_on(unique.into_result_async()).unwrap().len(), 1);
}

#[test]
fn executors_for_nobody_are_refused() {
    assert!(RayonExecutor::try_new(0).is_err());
    assert!(TokioExecutor::try_new(0).is_err());
    let error = ThreadPoolExecutor::builder().max_workers(0).build().unwrap_err();
    assert_eq!(error.to_string(), "max_workers must be at least 1");
    let panic = std::panic::catch_unwind(|| ThreadPoolExecutor::new(0)).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "max_workers must be at least 1");
}
