//! Threads, locks and the rest of `threading`; deadlocks between them.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use threadbook_executor::ThreadPoolExecutor;
use threadbook_future::{TaskError, WaitGraph};
use threadbook_threading::*;

fn graph_of<T: std::fmt::Debug>(result: Result<T, TaskError>) -> WaitGraph {
    match result {
        Err(TaskError::Deadlock(graph)) => graph,
        other => panic!("expected a deadlock, got {other:?}"),
    }
}

/// `count` threads; thread n holds lock n and asks for lock n + 1. Returns what each got.
fn lock_ring(count: usize) -> Vec<Result<(), TaskError>> {
    let locks: Arc<Vec<_>> = Arc::new((0..count).map(|n| Lock::named(&format!("l{n}"), ())).collect());
    let start = Arc::new(std::sync::Barrier::new(count));
    let threads: Vec<_> = (0..count)
        .map(|n| {
            let (locks, start) = (locks.clone(), start.clone());
            let thread = Thread::new(move || {
                let _mine = locks[n].lock()?;
                start.wait();
                let _next = locks[(n + 1) % locks.len()].lock()?;
                Ok(())
            });
            thread.name(format!("t{n}"))
        })
        .collect();
    threads.iter().for_each(Thread::start);
    threads.iter().map(|thread| thread.join_timeout(Duration::from_secs(20)).unwrap()).collect()
}

#[test]
fn two_threads_that_take_two_locks_in_opposite_order() {
    let results = lock_ring(2);
    for result in results {
        let text = graph_of(result).to_string();
        assert!(text.contains("thread `t0` waits for lock `l1`, which thread `t1` holds"), "{text}");
        assert!(text.contains("thread `t1` waits for lock `l0`, which thread `t0` holds"), "{text}");
    }
}

#[test]
fn many_threads_in_a_ring_of_locks() {
    let results = lock_ring(20);
    let graphs: Vec<_> = results.into_iter().map(graph_of).collect();
    assert!(graphs.iter().all(|graph| *graph == graphs[0]));
    assert_eq!(graphs[0].sentences().count(), 20);
}

#[test]
fn a_thread_that_takes_a_lock_twice() {
    let lock = Lock::named("mine", 1);
    let held = lock.lock().unwrap();
    let text = graph_of(lock.lock()).to_string();
    assert!(text.contains("waits for lock `mine`, which thread"), "{text}");
    assert_eq!(lock.lock_timeout(Duration::from_millis(20)).unwrap_err(), TaskError::TimedOut);
    drop(held);
    assert_eq!(*lock.lock().unwrap(), 1);
}

#[test]
fn a_mix_of_a_lock_and_a_future() {
    let pool = ThreadPoolExecutor::new(2);
    let lock = Arc::new(Lock::named("shared", ()));
    let (sender, receiver) = mpsc::channel();
    let wants = lock.clone();
    let held = lock.lock().unwrap();
    let task = pool.submit_named("wants_lock", move || {
        sender.send(()).unwrap();
        wants.lock().map(|_| ())
    });
    receiver.recv().unwrap();
    let text = graph_of(task.result()).to_string();
    assert!(text.contains("worker 0 runs `wants_lock`, which waits for lock `shared`"), "{text}");
    assert!(text.contains("waits for `wants_lock`"), "{text}");
    drop(held);
    graph_of(task.result().unwrap());
    assert_eq!(pool.submit(|| 1).result(), Ok(1));
}

#[test]
fn a_thread_that_joins_one_that_wants_its_lock() {
    let lock = Arc::new(Lock::named("door", ()));
    let held = lock.lock().unwrap();
    let wants = lock.clone();
    let thread = Thread::new(move || wants.lock().map(|_| ())).name("guest");
    thread.start();
    let text = graph_of(thread.join()).to_string();
    assert!(text.contains("waits for thread `guest` to end"), "{text}");
    assert!(text.contains("thread `guest` waits for lock `door`"), "{text}");
    drop(held);
}

#[test]
fn locks_under_contention_lose_no_update_and_raise_no_alarm() {
    let locks: Arc<Vec<_>> = Arc::new((0..3).map(|_| Lock::new(0_u32)).collect());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let locks = locks.clone();
            Thread::spawn(move || {
                for n in 0..2000 {
                    // Always in the same order, so there is never a deadlock.
                    let first = (n + thread) % 2;
                    let mut one = locks[first].lock().unwrap();
                    let mut two = locks[2].lock().unwrap();
                    *one += 1;
                    *two += 1;
                }
            })
        })
        .collect();
    threads.iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*locks[2].lock().unwrap(), 8000);
    assert_eq!(*locks[0].lock().unwrap() + *locks[1].lock().unwrap(), 8000);
}

#[test]
fn a_panic_releases_the_lock_and_is_the_threads_error() {
    let lock = Arc::new(Lock::new(1));
    let held = lock.clone();
    let thread = Thread::new(move || {
        let _guard = held.lock().unwrap();
        panic!("oh no");
    });
    let thread: Thread<()> = thread.name("clumsy");
    thread.start();
    match thread.join() {
        Err(TaskError::Panicked { message, location: Some(location), task }) => {
            assert_eq!((message.as_str(), task.as_str()), ("oh no", "clumsy"));
            assert!(location.contains("tests/threading.rs"), "{location}");
        }
        other => panic!("{other:?}"),
    }
    assert!(lock.try_lock().is_some());
}

#[test]
fn an_rlock_can_be_taken_again_by_its_holder_only() {
    let lock = Arc::new(RLock::named("again", 5));
    let outer = lock.lock().unwrap();
    let inner = lock.lock().unwrap();
    assert!(lock.is_owned());
    let other = lock.clone();
    let tried = Thread::spawn(move || other.try_lock().is_some());
    assert_eq!(tried.join(), Ok(false));
    drop(outer);
    let other = lock.clone();
    let timed = Thread::spawn(move || other.lock_timeout(Duration::from_millis(20)).map(|guard| *guard));
    assert_eq!(timed.join().unwrap(), Err(TaskError::TimedOut));
    drop(inner);
    let other = lock.clone();
    assert_eq!(Thread::spawn(move || other.lock().map(|guard| *guard)).join().unwrap(), Ok(5));
}

#[test]
fn rlocks_in_opposite_order() {
    let locks = Arc::new([RLock::named("a", ()), RLock::named("b", ())]);
    let start = Arc::new(std::sync::Barrier::new(2));
    let threads = [0, 1].map(|n| {
        let (locks, start) = (locks.clone(), start.clone());
        Thread::spawn(move || {
            let _mine = locks[n].lock()?;
            let _again = locks[n].lock()?;
            start.wait();
            locks[1 - n].lock().map(|_| ())
        })
    });
    for thread in &threads {
        graph_of(thread.join().unwrap());
    }
}

#[test]
fn a_condition_wakes_those_who_wait_in_order() {
    let shared = Arc::new((Lock::new(Vec::new()), Condition::new()));
    let threads: Vec<_> = (0..3)
        .map(|n| {
            let shared = shared.clone();
            let thread = Thread::spawn(move || {
                let guard = shared.0.lock().unwrap();
                let mut guard = shared.1.wait(guard).unwrap();
                guard.push(n);
            });
            std::thread::sleep(Duration::from_millis(30));
            thread
        })
        .collect();
    for thread in &threads {
        shared.1.notify_one();
        thread.join().unwrap();
    }
    assert_eq!(*shared.0.lock().unwrap(), [0, 1, 2]);
    let guard = shared.0.lock().unwrap();
    let (_guard, notified) = shared.1.wait_timeout(guard, Duration::from_millis(10)).unwrap();
    assert!(!notified);
}

#[test]
fn a_semaphore_admits_no_more_than_it_has_places() {
    let seats = Arc::new(Semaphore::new(2));
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Each thread's first time inside is with another one's, so that there are ever two.
    let pair = Arc::new(std::sync::Barrier::new(2));
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let (seats, inside, most, pair) = (seats.clone(), inside.clone(), most.clone(), pair.clone());
            Thread::spawn(move || {
                for round in 0..50 {
                    let _seat = seats.acquire().unwrap();
                    most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                    if round == 0 {
                        pair.wait();
                    }
                    std::thread::yield_now();
                    inside.fetch_sub(1, SeqCst);
                }
            })
        })
        .collect();
    threads.iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(most.load(SeqCst), 2);
    assert_eq!(seats.available(), 2);
}

#[test]
fn a_barrier_breaks_for_all_when_one_gives_up() {
    let barrier = Arc::new(Barrier::new(3));
    let other = barrier.clone();
    let patient = Thread::spawn(move || other.wait());
    while barrier.n_waiting() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(barrier.wait_timeout(Duration::from_millis(20)), Err(TaskError::TimedOut));
    assert!(matches!(patient.join().unwrap(), Err(TaskError::Failed(_))));
    assert!(barrier.broken());
    barrier.reset();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let barrier = barrier.clone();
            Thread::spawn(move || (0..100).map(|_| barrier.wait().unwrap()).sum::<usize>())
        })
        .collect();
    let mine: usize = (0..100).map(|_| barrier.wait().unwrap()).sum();
    let theirs: usize = threads.iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(mine + theirs, 300);
}

#[test]
fn a_bounded_queue_passes_everything_on_once() {
    let queue = Arc::new(Queue::bounded(3));
    let sources: Vec<_> = (0..2)
        .map(|source| {
            let queue = queue.clone();
            Thread::spawn(move || (0..1000).for_each(|n| queue.put(source * 1000 + n).unwrap()))
        })
        .collect();
    let sinks: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            Thread::spawn(move || {
                let taken: Vec<i32> = queue.iter().inspect(|_| queue.task_done().unwrap()).collect();
                taken
            })
        })
        .collect();
    sources.iter().for_each(|source| source.join().unwrap());
    queue.join().unwrap();
    queue.close();
    let mut all: Vec<i32> = sinks.iter().flat_map(|sink| sink.join().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..2000).collect::<Vec<_>>());
    assert_eq!(queue.put(1), Err(TaskError::Closed));
    assert_eq!(queue.get(), Err(TaskError::Closed));
    assert!(TaskError::Closed.to_string().contains("the queue is closed"));
    assert!(queue.task_done().is_err());
}

#[test]
fn queue_time_outs_and_tries() {
    let queue = Queue::bounded(1);
    assert_eq!(queue.get_timeout(Duration::from_millis(5)), Err(TaskError::TimedOut));
    assert_eq!(queue.try_get(), None);
    queue.put(1).unwrap();
    assert_eq!(queue.try_put(2), Err(2));
    assert_eq!(queue.put_timeout(3, Duration::from_millis(5)), Err(TaskError::TimedOut));
    assert!(queue.is_full());
    assert_eq!(queue.get(), Ok(1));
}

#[test]
fn a_timer_runs_later_or_not_at_all() {
    let (sender, receiver) = mpsc::channel();
    let before = Instant::now();
    let timer = Timer::new(Duration::from_millis(50), move || sender.send(()).unwrap());
    timer.start();
    receiver.recv().unwrap();
    assert!(before.elapsed() >= Duration::from_millis(50));

    let (sender, receiver) = mpsc::channel::<()>();
    let timer = Timer::new(Duration::from_secs(60), move || sender.send(()).unwrap());
    timer.start();
    timer.cancel();
    timer.join().unwrap();
    assert!(receiver.recv().is_err());
}

#[test]
fn threads_have_names_and_are_listed() {
    let (sender, receiver) = mpsc::channel::<()>();
    let thread = Thread::new(move || {
        let _ = receiver.recv();
        current_thread().name
    });
    let thread = thread.name("lister").daemon(true);
    assert!(!thread.is_alive());
    assert!(matches!(thread.join(), Err(TaskError::Failed(_))), "it was not started");
    thread.start();
    while !enumerate().iter().any(|info| info.name == "lister") {
        std::thread::yield_now();
    }
    assert!(thread.is_alive() && thread.is_daemon());
    drop(sender);
    assert_eq!(thread.join().unwrap(), "lister");
    assert!(!thread.is_alive());
    assert!(timeline().rows.iter().any(|row| row.name == "lister"));
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| thread.start()));
    assert!(again.is_err());
}

#[test]
fn a_local_value_is_dropped_with_its_thread() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let count = drops.clone();
    let local = Arc::new(Local::new(move || Counted(count.clone())));
    let other = local.clone();
    std::thread::spawn(move || other.with(|_| ())).join().unwrap();
    assert_eq!(drops.load(SeqCst), 1);
    local.with(|_| ());
    drop(local);
    assert_eq!(drops.load(SeqCst), 2);
}
