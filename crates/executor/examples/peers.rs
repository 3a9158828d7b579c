//! Measures the executors beside their peers, in one run, and prints a JSON object a line.
//!
//! ```text
//! cargo run --release -p threadbook-executor --example peers [FILTER]
//! ```
//!
//! Each line has `workload`, `ours_ns`, `peer`, `peer_ns`, `ratio`, `ci_low` and `ci_high`: the medians of
//! both sides, the median of the ratios of rounds that ran next to each other, and the interval in which
//! 95 % of bootstrap samples put that median. Below 1 is faster than the peer.
//!
//! To see what tracing and detection cost, build the example once more without them and name it:
//!
//! ```text
//! RUSTFLAGS="--cfg threadbook_bare" cargo build -p threadbook-executor --example peers --target-dir target/bare
//! THREADBOOK_BARE=target/bare/debug/examples/peers cargo run -p threadbook-executor --example peers
//! ```

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use threadbook_executor::{Future, RayonExecutor, TaskError, ThreadPoolExecutor};

const TASKS: usize = 20_000;
const ROUNDS: usize = 41;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    if let Some(workload) = filter.strip_prefix("--child=") {
        return child(workload);
    }
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
        python();
    }
    if wanted("bare") {
        bare();
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

/// Nanoseconds of processor time that this process has used. On a machine that is busy with other things
/// it says more than the clock on the wall.
fn processor_ns() -> f64 {
    // SAFETY: all zeros is a valid `rusage`, and the call fills it in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage
    };
    let ns = |time: libc::timeval| time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3;
    ns(usage.ru_utime) + ns(usage.ru_stime)
}

/// The processor time that a measurement took, for a task.
fn in_processor_time(measurement: impl FnOnce() -> f64) -> f64 {
    let before = processor_ns();
    measurement();
    (processor_ns() - before) / TASKS as f64
}

const PYTHON: &str = "
import sys, time
from concurrent.futures import ThreadPoolExecutor
tasks = int(sys.argv[1])
work = lambda: 1
with ThreadPoolExecutor(max_workers=2) as pool:
    for line in sys.stdin:
        before = time.perf_counter_ns()
        if line.strip() == 'batch':
            futures = [pool.submit(work) for _ in range(tasks)]
            for future in futures:
                future.result()
        else:
            for _ in range(tasks):
                pool.submit(work).result()
        print((time.perf_counter_ns() - before) / tasks, flush=True)
";

fn python() {
    let tasks = TASKS.to_string();
    let mut python = Peer::start(Command::new("python3").args(["-c", PYTHON, &tasks]));
    let pool = ThreadPoolExecutor::new(2);
    compare(
        "python: batch of trivial tasks",
        || batch(&pool),
        "Python ThreadPoolExecutor",
        || python.ask("batch"),
    );
    compare("python: one by one", || one_by_one(&pool), "Python ThreadPoolExecutor", || python.ask("one"));
}

/// A process that answers each line with a number.
struct Peer {
    process: std::process::Child,
    answers: std::io::BufReader<std::process::ChildStdout>,
}

impl Peer {
    fn start(command: &mut Command) -> Peer {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let answers = std::io::BufReader::new(process.stdout.take().expect("stdout is piped"));
        Peer { process, answers }
    }

    fn ask(&mut self, what: &str) -> f64 {
        use std::io::{BufRead, Write};
        let stdin = self.process.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "{what}").expect("the peer listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the peer answers");
        line.trim().parse().unwrap_or_else(|_| panic!("the peer answered {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Tracing and detection on, against the same program without them. Both run as child processes, so that
/// they differ in nothing else.
fn bare() {
    let Ok(path) = std::env::var("THREADBOOK_BARE") else {
        eprintln!("THREADBOOK_BARE is not set; what tracing costs is not measured");
        return;
    };
    let ours = std::env::current_exe().expect("this program has a path");
    for workload in ["batch", "one", "batch, processor time", "one, processor time"] {
        let child = format!("--child={workload}");
        let mut with = Peer::start(Command::new(&ours).arg(&child));
        let mut without = Peer::start(Command::new(&path).arg(&child));
        let name = format!("bare: tracing and detection, {workload}");
        compare(&name, || with.ask(""), "without them", || without.ask(""));
    }
}

fn child(workload: &str) {
    let pool = ThreadPoolExecutor::new(2);
    let run = || {
        if workload.starts_with("batch") { batch(&pool) } else { one_by_one(&pool) }
    };
    for _ in std::io::stdin().lines() {
        let ns = if workload.ends_with("processor time") { in_processor_time(run) } else { run() };
        println!("{ns}");
    }
}

fn is_prime(n: u64) -> bool {
    n >= 2 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

/// `map` over large primes, and over ten thousand smaller numbers, against half the time of a loop.
fn primes() {
    let large: Vec<u64> = [
        112272535095293,
        112582705942171,
        112272535095293,
        115280095190773,
        115797848077099,
        109972689928541,
    ]
    .to_vec();
    let small: Vec<u64> = (1_000_000..1_010_000).map(|n| n * 1000 + 1).collect();
    let threads = ThreadPoolExecutor::new(2);
    let rayon = RayonExecutor::new(2);
    for (name, numbers) in [("6 large", &large), ("10,000 small", &small)] {
        let time = |work: &dyn Fn() -> usize| {
            let before = Instant::now();
            black_box(work());
            before.elapsed().as_nanos() as f64
        };
        let count = |results: &mut dyn Iterator<Item = Result<bool, TaskError>>| {
            results.filter(|result| *result.as_ref().unwrap()).count()
        };
        let processor_time = |work: &dyn Fn() -> usize| {
            let before = processor_ns();
            black_box(work());
            processor_ns() - before
        };
        let serial = || numbers.iter().filter(|n| is_prime(**n)).count();
        let on_threads = || count(&mut threads.map(is_prime, numbers.clone()));
        let on_rayon = || count(&mut rayon.map(is_prime, numbers.clone()));
        let runs: [(&str, &dyn Fn() -> usize); 2] = [("threads", &on_threads), ("rayon", &on_rayon)];
        for (kind, parallel) in runs {
            let half = || time(&serial) / 2.0;
            let workload = format!("primes: {name}, {kind}");
            compare_rounds(&workload, || time(parallel), "half of a serial loop", half, 11);
            let all = || processor_time(&serial);
            let workload = format!("primes: {name}, {kind}, processor time");
            compare_rounds(&workload, || processor_time(parallel), "a serial loop", all, 11);
        }
    }
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

fn compare(workload: &str, ours: impl FnMut() -> f64, peer: &str, theirs: impl FnMut() -> f64) {
    compare_rounds(workload, ours, peer, theirs, ROUNDS);
}

fn compare_rounds(
    workload: &str,
    mut ours: impl FnMut() -> f64,
    peer: &str,
    mut theirs: impl FnMut() -> f64,
    rounds: usize,
) {
    // Warm up: threads start, memory is mapped.
    ours();
    theirs();
    let rounds: Vec<(f64, f64)> = (0..rounds)
        .map(|round| {
            // Whoever is first finds the caches as the other one left them: take turns.
            if round % 2 == 0 {
                let mine = ours();
                (mine, theirs())
            } else {
                let other = theirs();
                (ours(), other)
            }
        })
        .collect();
    let ratios: Vec<f64> = rounds.iter().map(|(ours, theirs)| ours / theirs).collect();
    let (low, high) = interval(&ratios);
    let ours = median(rounds.iter().map(|round| round.0).collect());
    let theirs = median(rounds.iter().map(|round| round.1).collect());
    let ratio = median(ratios);
    println!(
        r#"{{"workload":"{workload}","ours_ns":{ours:.1},"peer":"{peer}","peer_ns":{theirs:.1},"ratio":{ratio:.4},"ci_low":{low:.4},"ci_high":{high:.4}}}"#
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The middle 95 % of the medians of resamples.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut medians: Vec<f64> = (0..2000)
        .map(|_| median((0..values.len()).map(|_| values[random(values.len())]).collect()))
        .collect();
    medians.sort_by(f64::total_cmp);
    (medians[50], medians[1949])
}
