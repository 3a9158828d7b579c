//! Deadlocks are found at once, and nothing else is called one.

use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use threadbook_executor::{
    Future, Promise, ReturnWhen, SerialExecutor, TaskError, ThreadPoolExecutor, WaitGraph, as_completed,
    try_wait, wait,
};

/// Runs `work` in a thread of its own and fails if it takes longer than a hang would be patient for.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || sender.send(work()));
    match receiver.recv_timeout(limit) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still not done after {limit:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}

const LIMIT: Duration = Duration::from_secs(20);

fn graph_of<T: std::fmt::Debug>(result: Result<T, TaskError>) -> WaitGraph {
    match result {
        Err(TaskError::Deadlock(graph)) => graph,
        other => panic!("expected a deadlock, got {other:?}"),
    }
}

/// `count` tasks, each of which waits for the next, the last for the first.
fn ring(pool: &ThreadPoolExecutor, count: usize) -> Vec<Future<Result<(), TaskError>>> {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..count).map(|_| mpsc::channel::<Future<Result<(), TaskError>>>()).unzip();
    let futures: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(n, next)| {
            pool.submit_named(&format!("t{n}"), move || next.recv().unwrap().result().and_then(|inner| inner))
        })
        .collect();
    for (n, sender) in senders.iter().enumerate() {
        sender.send(futures[(n + 1) % count].clone()).unwrap();
    }
    futures
}

#[test]
fn two_workers_that_wait_for_each_other() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(2);
        let futures = ring(&pool, 2);
        for future in &futures {
            let text = graph_of(future.result().unwrap()).to_string();
            assert!(text.contains("runs `t0`, which waits for `t1`"), "{text}");
            assert!(text.contains("runs `t1`, which waits for `t0`"), "{text}");
        }
        assert_eq!(pool.submit(|| 42).result(), Ok(42), "the pool must stay usable");
    });
}

#[test]
fn a_worker_that_waits_for_a_task_in_its_own_full_pool() {
    fn wait_on_future(pool: ThreadPoolExecutor) -> Result<u64, TaskError> {
        pool.submit(|| 5_u64.pow(2)).result()
    }
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::builder().max_workers(1).thread_name_prefix("io").build().unwrap();
        let handle = pool.clone();
        let outer = pool.submit_named("wait_on_future", move || wait_on_future(handle));
        let text = graph_of(outer.result().unwrap()).to_string();
        assert_eq!(
            text,
            "worker 0 runs `wait_on_future`, which waits for `task 2`, which stands in the queue of `io`, \
             whose only worker waits"
        );
        assert_eq!(pool.submit(|| 42).result(), Ok(42));
    });
}

#[test]
fn a_task_that_waits_for_itself() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(4);
        let futures = ring(&pool, 1);
        let text = graph_of(futures[0].result().unwrap()).to_string();
        assert_eq!(text, "worker 0 runs `t0`, which waits for `t0`");
    });
}

#[test]
fn a_ring_across_two_pools() {
    within(LIMIT, || {
        let [one, two] = ["one", "two"].map(|name| {
            ThreadPoolExecutor::builder().max_workers(1).thread_name_prefix(name).build().unwrap()
        });
        let (sender, receiver) = mpsc::channel::<Future<Result<(), TaskError>>>();
        let first =
            one.submit_named("alice", move || receiver.recv().unwrap().result().and_then(|inner| inner));
        let waits_for = first.clone();
        let second = two.submit_named("bob", move || waits_for.result().and_then(|inner| inner));
        sender.send(second.clone()).unwrap();
        for future in [first, second] {
            let text = graph_of(future.result().unwrap()).to_string();
            assert!(text.contains("worker 0 of `one` runs `alice`, which waits for `bob`"), "{text}");
            assert!(text.contains("worker 0 of `two` runs `bob`, which waits for `alice`"), "{text}");
        }
    });
}

#[test]
fn those_who_only_wait_for_a_deadlock_are_not_part_of_it() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(3);
        let (sender, receiver) = mpsc::channel::<Future<Result<(), TaskError>>>();
        let first = pool.submit_named("alice", move || receiver.recv().unwrap().result().map(|_| ()));
        let waits_for = first.clone();
        let bystander = pool.submit_named("carol", move || waits_for.result());
        let waits_for = first.clone();
        let second = pool.submit_named("bob", move || {
            std::thread::sleep(Duration::from_millis(50));
            waits_for.result().map(|_| ())
        });
        sender.send(second.clone()).unwrap();
        let graph = graph_of(first.result().unwrap());
        assert!(!graph.to_string().contains("carol"), "{graph}");
        graph_of(second.result().unwrap());
        // Carol's wait ended well: with what alice returned.
        graph_of(bystander.result().unwrap().unwrap());
    });
}

#[test]
fn a_wait_with_a_time_out_is_no_deadlock() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(2);
        let (sender, receiver) = mpsc::channel::<Future<Result<(), TaskError>>>();
        let first = pool.submit(move || {
            receiver.recv().unwrap().result_timeout(Duration::from_millis(100)).and_then(|inner| inner)
        });
        let waits_for = first.clone();
        let second = pool.submit(move || waits_for.result().and_then(|inner| inner));
        sender.send(second.clone()).unwrap();
        assert_eq!(first.result().unwrap(), Err(TaskError::TimedOut));
        assert_eq!(second.result().unwrap(), Err(TaskError::TimedOut));
    });
}

#[test]
fn a_promise_that_another_thread_keeps_is_no_deadlock() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(1);
        let (promise, future) = Promise::new();
        let waiting = pool.submit(move || future.result());
        std::thread::sleep(Duration::from_millis(100));
        promise.set_result(7);
        assert_eq!(waiting.result().unwrap(), Ok(7));
    });
}

#[test]
fn a_full_queue_with_one_worker_at_work_is_no_deadlock() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(2);
        let busy = pool.submit(|| std::thread::sleep(Duration::from_millis(100)));
        let handle = pool.clone();
        let outer = pool.submit(move || handle.submit(|| 25).result());
        assert_eq!(outer.result().unwrap(), Ok(25));
        busy.result().unwrap();
    });
}

#[test]
fn waiting_for_several_is_stuck_if_all_of_them_or_the_one_that_counts_is() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(2);
        let (promise, kept) = Promise::<()>::new();
        let handle = pool.clone();
        let outer = pool.submit(move || {
            let occupy = handle.submit(|| std::thread::sleep(Duration::from_millis(50)));
            let futures = [occupy, kept];
            // Any of the two will do, and both may still come.
            try_wait(&futures, ReturnWhen::FirstCompleted, None).map(|waited| waited.done.len())
        });
        assert_eq!(outer.result().unwrap(), Ok(1));
        drop(promise);

        let pool = ThreadPoolExecutor::new(1);
        let handle = pool.clone();
        let any = pool.submit(move || {
            let futures: Vec<_> = (0..3).map(|_| handle.submit(|| ())).collect();
            try_wait(&futures, ReturnWhen::FirstCompleted, None).map(|_| ())
        });
        graph_of(any.result().unwrap());
        let handle = pool.clone();
        let (promise, kept) = Promise::<()>::new();
        let all = pool.submit(move || {
            let futures = [kept, handle.submit(|| ())];
            try_wait(&futures, ReturnWhen::AllCompleted, None).map(|_| ())
        });
        graph_of(all.result().unwrap());
        drop(promise);
    });
}

#[test]
fn a_deadlocked_wait_or_iterator_ends_its_task_with_the_graph() {
    within(LIMIT, || {
        let pool = ThreadPoolExecutor::new(1);
        let handle = pool.clone();
        let waits =
            pool.submit(move || wait(&[handle.submit(|| ())], ReturnWhen::AllCompleted, None).done.len());
        graph_of(waits.result());
        let handle = pool.clone();
        let iterates = pool.submit(move || as_completed([handle.submit(|| ())]).count());
        graph_of(iterates.result());
    });
}

#[test]
fn serial_tasks_wait_for_each_other_without_deadlock() {
    within(LIMIT, || {
        let executor = SerialExecutor::new();
        let inner = executor.clone();
        let outer = executor.submit(move || inner.submit(|| 25).result());
        assert_eq!(outer.result().unwrap(), Ok(25));
    });
}

#[test]
fn a_pool_of_many_workers_is_found_stuck() {
    for count in [8, 500] {
        let text = within(LIMIT, move || {
            let pool = ThreadPoolExecutor::new(count);
            let everybody = Arc::new(Barrier::new(count));
            let futures: Vec<_> = (0..count)
                .map(|_| {
                    let (handle, everybody) = (pool.clone(), everybody.clone());
                    pool.submit(move || {
                        everybody.wait();
                        handle.submit(|| ()).result()
                    })
                })
                .collect();
            let graphs: Vec<_> = futures.iter().map(|future| graph_of(future.result().unwrap())).collect();
            assert!(graphs.iter().all(|graph| *graph == graphs[0]), "one deadlock, one graph");
            graphs[0].to_string()
        });
        let expected = format!("whose {count} workers all wait");
        assert!(text.contains(&expected), "{text}");
    }
}
