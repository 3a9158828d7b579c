//! A million tasks through each executor, with panics, cancellations, time-outs and shutdowns at random.
//!
//! ```text
//! cargo run --release -p threadbook-executor --example soak [TASKS]
//! ```
//!
//! Ends with an error if a task is lost or run twice, a thread is left behind, or memory grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use threadbook_executor::{
    Future, RayonExecutor, SerialExecutor, TaskError, ThreadPoolExecutor, TokioExecutor,
};

/// How many tasks a pool gets before it is shut down and the next one made.
const A_POOL: u64 = 10_000;

fn main() {
    let tasks = std::env::args().nth(1);
    let tasks = tasks.map_or(1_000_000, |text| text.parse().expect("a number of tasks"));
    std::process::exit(i32::from(!run_all(tasks)));
}

/// Returns whether all is well.
pub fn run_all(tasks: u64) -> bool {
    let soaks: [(&str, Soak); 4] = [
        ("SerialExecutor", soak_serial),
        ("ThreadPoolExecutor", soak_threads),
        ("RayonExecutor", soak_rayon),
        ("TokioExecutor", soak_tokio),
    ];
    soaks.map(|(name, soak)| run(name, soak, tasks)).iter().all(|good| *good)
}

/// Runs a round, from a seed and a number of tasks.
type Soak = fn(u64, u64) -> Tally;

/// How the futures of a round ended, and how often a task ran.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    returned: u64,
    panicked: u64,
    cancelled: u64,
    refused: u64,
    timed_out_waits: u64,
    runs: u64,
    wrong: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.returned += other.returned;
        self.panicked += other.panicked;
        self.cancelled += other.cancelled;
        self.refused += other.refused;
        self.timed_out_waits += other.timed_out_waits;
        self.runs += other.runs;
        self.wrong += other.wrong;
    }
}

fn run(name: &str, soak: Soak, tasks: u64) -> bool {
    let before = Instant::now();
    let threads_before = settled_threads(usize::MAX);
    let rounds = tasks.div_ceil(A_POOL);
    let mut total = Tally::default();
    let mut early_memory = 0;
    for round in 0..rounds {
        total.add(soak(round, A_POOL.min(tasks - round * A_POOL)));
        if round == rounds / 10 {
            early_memory = resident_kib();
        }
    }
    let (memory, threads) = (resident_kib(), settled_threads(threads_before));
    let ended = total.returned + total.panicked + total.cancelled + total.refused;
    let all_there = ended == tasks && total.runs == total.returned + total.panicked && total.wrong == 0;
    let no_thread_left = threads <= threads_before;
    // The first tenth fills the allocator's caches; what comes after must not add up.
    let flat = memory <= early_memory + early_memory / 4 + 8 * 1024;
    println!(
        "{name}: {tasks} tasks in {:.1?}; {} returned, {} panicked, {} cancelled, {} refused after shutdown; \
         {} waits timed out; memory {early_memory} KiB after a tenth, {memory} KiB at the end; \
         threads {threads_before} before, {threads} after",
        before.elapsed(),
        total.returned,
        total.panicked,
        total.cancelled,
        total.refused,
        total.timed_out_waits,
    );
    for (good, complaint) in [
        (all_there, format!("{name}: tasks were lost or run twice: {total:?}")),
        (no_thread_left, format!("{name}: threads were left behind")),
        (flat, format!("{name}: memory grew")),
    ] {
        if !good {
            eprintln!("{complaint}");
        }
    }
    all_there && no_thread_left && flat
}

/// The same round for executors of different types.
macro_rules! soak {
    ($name:ident, $pool:expr) => {
        fn $name(seed: u64, tasks: u64) -> Tally {
            let mut random = Random(seed + 1);
            let pool = $pool;
            let runs = Arc::new(AtomicU64::new(0));
            let shutdown_at = match random.below(4) {
                0 => random.below(tasks),
                _ => tasks,
            };
            let mut futures: Vec<(u64, Future<u64>)> = Vec::with_capacity(tasks as usize);
            let mut tally = Tally::default();
            for n in 0..tasks {
                if n == shutdown_at {
                    if random.below(2) == 0 {
                        pool.shutdown_now();
                    } else {
                        pool.shutdown();
                    }
                }
                let counted = runs.clone();
                let panics = random.below(50) == 0;
                let future = pool.submit(move || {
                    counted.fetch_add(1, Relaxed);
                    if panics {
                        panic!("as planned");
                    }
                    n
                });
                if random.below(10) == 0 {
                    future.cancel();
                }
                if random.below(200) == 0 {
                    let timeout = Duration::from_nanos(random.below(20_000));
                    let timed_out = future.result_timeout(timeout) == Err(TaskError::TimedOut);
                    tally.timed_out_waits += u64::from(timed_out);
                }
                futures.push((n, future));
            }
            for (n, future) in &futures {
                match future.result_timeout(Duration::from_secs(60)) {
                    Ok(value) if value == *n => tally.returned += 1,
                    Err(TaskError::Panicked { .. }) => tally.panicked += 1,
                    Err(TaskError::Cancelled) => tally.cancelled += 1,
                    Err(TaskError::ShutDown) => tally.refused += 1,
                    _ => tally.wrong += 1,
                }
            }
            drop(pool);
            tally.runs = runs.load(Relaxed);
            tally
        }
    };
}

soak!(soak_serial, SerialExecutor::new());
soak!(soak_threads, ThreadPoolExecutor::new(4));
soak!(soak_rayon, RayonExecutor::new(4));
soak!(soak_tokio, TokioExecutor::new(4));

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// A line of `/proc/self/status`; 0 where there is none, which turns these two checks off.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim_start_matches(':').split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn resident_kib() -> u64 {
    status("VmRSS")
}

/// The number of threads, once those that are about to end have ended or two seconds have passed.
fn settled_threads(expected: usize) -> usize {
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        let threads = status("Threads") as usize;
        if threads <= expected || Instant::now() > until {
            return threads;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
