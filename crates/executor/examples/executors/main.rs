//! Measures the executors beside their peers, in one run, and prints a JSON object a line.
//!
//! ```text
//! cargo run -p threadbook-executor --example executors [FILTER]
//! ```
//!
//! Each line has `workload`, `ours_ns`, `peer`, `peer_ns`, `ratio`, `ci_low` and `ci_high`: the medians of
//! both sides, the median of the ratios of rounds that ran next to each other, and the interval in which
//! 95 % of bootstrap samples put that median. Below 1 is faster than the peer.

mod compare;
mod python;

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use compare::{compare, compare_rounds};
use threadbook_executor::{Future, RayonExecutor, TaskError, ThreadPoolExecutor};

const TASKS: usize = 20_000;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let wanted = |workload: &str| workload.contains(&filter);
    if wanted("batch") {
        let (ours, rayon) = (ThreadPoolExecutor::new(2), rayon_pool());
        compare("batch of trivial tasks", || batch(&ours), "rayon spawn + oneshot", || rayon_batch(&rayon));
        let ours = RayonExecutor::new(2);
        compare(
            "batch, RayonExecutor",
            || batch_on_rayon(&ours),
            "rayon spawn + oneshot",
            || rayon_batch(&rayon),
        );
    }
    if wanted("one by one") {
        let (ours, rayon) = (ThreadPoolExecutor::new(2), rayon_pool());
        compare("one by one", || one_by_one(&ours), "rayon spawn + oneshot", || rayon_one_by_one(&rayon));
    }
    if wanted("python") {
        python_pool();
    }
    if wanted("primes") {
        primes();
    }
    if wanted("event") {
        event();
    }
    if wanted("deadlock") {
        deadlock(8);
        deadlock(500);
    }
}

fn rayon_pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads can be started")
}

/// Nanoseconds a task: all are submitted, then all results are taken.
fn batch(pool: &ThreadPoolExecutor) -> f64 {
    per_task(|| {
        let futures: Vec<Future<usize>> = (0..TASKS).map(|n| pool.submit(move || n)).collect();
        futures.iter().map(|future| future.result().unwrap()).sum()
    })
}

fn batch_on_rayon(pool: &RayonExecutor) -> f64 {
    per_task(|| {
        let futures: Vec<Future<usize>> = (0..TASKS).map(|n| pool.submit(move || n)).collect();
        futures.iter().map(|future| future.result().unwrap()).sum()
    })
}

fn rayon_batch(pool: &rayon::ThreadPool) -> f64 {
    per_task(|| {
        let answers: Vec<_> = (0..TASKS)
            .map(|n| {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                pool.spawn(move || assert!(sender.send(n).is_ok()));
                receiver
            })
            .collect();
        answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).sum()
    })
}

/// Nanoseconds a task: the result of each is taken before the next is submitted.
fn one_by_one(pool: &ThreadPoolExecutor) -> f64 {
    per_task(|| (0..TASKS).map(|n| pool.submit(move || n).result().unwrap()).sum())
}

fn rayon_one_by_one(pool: &rayon::ThreadPool) -> f64 {
    per_task(|| {
        (0..TASKS)
            .map(|n| {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                pool.spawn(move || assert!(sender.send(n).is_ok()));
                receiver.blocking_recv().unwrap()
            })
            .sum()
    })
}

fn per_task(work: impl FnOnce() -> usize) -> f64 {
    let before = Instant::now();
    assert_eq!(black_box(work()), TASKS * (TASKS - 1) / 2);
    before.elapsed().as_nanos() as f64 / TASKS as f64
}

fn python_pool() {
    let mut python = python::thread_pool(TASKS);
    let pool = ThreadPoolExecutor::new(2);
    compare(
        "python: batch of trivial tasks",
        || batch(&pool),
        "Python ThreadPoolExecutor",
        || python.ask("batch"),
    );
    compare("python: one by one", || one_by_one(&pool), "Python ThreadPoolExecutor", || python.ask("one"));
}

fn is_prime(n: u64) -> bool {
    !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|divisor| !n.is_multiple_of(divisor))
}

/// The notes' numbers.
const LARGE: [u64; 3] = [112272535095293, 1099726899285419, 112582705942171];

/// The notes' numbers and 10,000 smaller odd ones from `first` on.
fn numbers(first: u64) -> Vec<u64> {
    LARGE.into_iter().chain((0..10_000).map(|n| first + 2 * n)).collect()
}

/// A `map` of `is_prime` on two workers, beside half of the time of a serial loop.
///
/// With the smaller numbers just above 10^12 a call takes 0.15 ms on average. The short ones, above
/// 4 * 10^10, take 0.03 ms, and all together 0.2 s: then the few milliseconds count in which the threads
/// have not found a processor each.
fn primes() {
    let (threads, rayon) = (ThreadPoolExecutor::new(2), RayonExecutor::new(2));
    let (larger, short) = (numbers(1_000_000_000_001), numbers(40_000_000_001));
    for (size, numbers) in [("primes", &larger), ("short primes", &short)] {
        let expected = count_serially(numbers);
        let time = |work: &dyn Fn() -> usize| {
            let before = Instant::now();
            assert_eq!(black_box(work()), expected);
            before.elapsed().as_nanos() as f64
        };
        let serial = || count_serially(numbers);
        let on_threads = || count(threads.map(is_prime, numbers.to_vec()));
        let on_rayon = || count(rayon.map(is_prime, numbers.to_vec()));
        let at_best = || count_on_two_threads(numbers);
        let runs: [(&str, &dyn Fn() -> usize); 3] =
            [("threads", &on_threads), ("rayon", &on_rayon), ("two bare threads", &at_best)];
        for (kind, parallel) in runs {
            let half = || time(&serial) / 2.0;
            compare_rounds(&format!("{size}, {kind}"), || time(parallel), "half of a serial loop", half, 11);
        }
    }
    let ours = || {
        let before = Instant::now();
        black_box(count(threads.map(is_prime, short.to_vec())));
        before.elapsed().as_nanos() as f64
    };
    let mut python = python::primes(&short);
    compare_rounds("short primes, beside Python", ours, "Python ProcessPoolExecutor", || python.ask(""), 5);
}

fn count(results: impl Iterator<Item = Result<bool, TaskError>>) -> usize {
    results.filter(|result| *result.as_ref().expect("is_prime does not panic")).count()
}

fn count_serially(numbers: &[u64]) -> usize {
    numbers.iter().filter(|n| is_prime(**n)).count()
}

/// What the machine gives at best: two threads that share nothing but the place of the next number.
fn count_on_two_threads(numbers: &[u64]) -> usize {
    let next = AtomicUsize::new(0);
    let take = || {
        let mine = std::iter::from_fn(|| numbers.get(next.fetch_add(1, Relaxed)));
        mine.filter(|n| is_prime(**n)).count()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(take);
        take() + other.join().expect("is_prime does not panic")
    })
}

/// What one event costs in the log of a worker, against 50 ns.
fn event() {
    use threadbook_trace::{Log, NameId, Outcome, TaskLabel, TaskSpan, Ticks};
    let log = Log::new("worker 0");
    let mut number = 0;
    let ours = || {
        let before = Instant::now();
        for _ in 0..TASKS {
            number += 1;
            let (task, at) = (TaskLabel { number, name: NameId::NONE }, Ticks::now());
            log.finished(TaskSpan {
                task,
                submitted: at,
                started: at,
                finished: at,
                outcome: Outcome::Returned,
            });
        }
        before.elapsed().as_nanos() as f64 / TASKS as f64
    };
    compare("event", ours, "the limit", || 50.0);
}

/// From the moment when the last worker is about to wait to the moment when all have their error.
fn deadlock(workers: usize) {
    let ours = || {
        let pool = ThreadPoolExecutor::new(workers);
        let everybody = Arc::new(Barrier::new(workers));
        let (sender, receiver) = mpsc::channel::<Instant>();
        let futures: Vec<_> = (0..workers)
            .map(|_| {
                let (handle, everybody, sender) = (pool.clone(), everybody.clone(), sender.clone());
                pool.submit(move || {
                    if everybody.wait().is_leader() {
                        sender.send(Instant::now()).expect("the receiver is there");
                    }
                    handle.submit(|| ()).result()
                })
            })
            .collect();
        let before = receiver.recv().expect("one of them leads");
        for future in &futures {
            assert!(matches!(future.result(), Ok(Err(TaskError::Deadlock(_)))));
        }
        before.elapsed().as_nanos() as f64
    };
    let limit = Duration::from_millis(100).as_nanos() as f64;
    compare_rounds(&format!("deadlock of {workers} workers"), ours, "the limit", || limit, 11);
}
