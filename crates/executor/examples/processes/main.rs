//! Measures the process pool beside Python's, in one run, and prints a JSON object a line, as `executors` does.
//!
//! ```text
//! cargo run -p threadbook-executor --example processes [FILTER]
//! ```

#[path = "../executors/compare.rs"]
#[allow(dead_code)]
mod compare;
#[path = "../executors/python.rs"]
#[allow(dead_code)]
mod python;

use std::hint::black_box;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Instant;

use compare::{compare, compare_rounds};
use python::Peer;
use threadbook_executor::{Future, ProcessPoolExecutor, StartMethod};

/// Answers each word on standard input with the nanoseconds that its workload took.
const POOL: &str = "
import sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
def same(x):
    return x
def run(word, pool):
    count = 1
    if word == 'pipelined':
        count = 2000
        for future in [pool.submit(same, 1) for _ in range(count)]:
            future.result()
    elif word == 'one':
        count = 200
        for _ in range(count):
            pool.submit(same, 1).result()
    elif word == 'chunked':
        count = 100_000
        sum(pool.map(same, range(count), chunksize=1000))
    elif word == 'large':
        pool.submit(same, large).result()
    return count
large = bytes(8 << 20)
if __name__ == '__main__':
    pool = ProcessPoolExecutor(max_workers=2, mp_context=get_context('fork'))
    list(pool.map(same, range(100)))
    for line in sys.stdin:
        word = line.strip()
        before = time.perf_counter_ns()
        if word in ('spawn', 'forkserver'):
            count = 1
            with ProcessPoolExecutor(max_workers=1, mp_context=get_context(word)) as fresh:
                fresh.submit(same, 1).result()
                took = time.perf_counter_ns() - before
        else:
            count = run(word, pool)
            took = time.perf_counter_ns() - before
        print(took / count, flush=True)
";

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let wanted = |workload: &str| workload.contains(&filter);
    if ["pipelined", "one", "chunked", "large", "start"].into_iter().any(wanted) {
        beside_python(&wanted);
    }
    if wanted("socket") {
        beside_a_socket();
    }
    if wanted("primes") {
        primes();
    }
}

fn nanos(tasks: u64, work: impl FnOnce()) -> f64 {
    let before = Instant::now();
    work();
    before.elapsed().as_nanos() as f64 / tasks as f64
}

fn same(n: u64) -> u64 {
    n
}

fn beside_python(wanted: &impl Fn(&str) -> bool) {
    // Python's `spawn` runs the main module again, so it has to be a file.
    let script = std::env::temp_dir().join(format!("threadbook-pool-{}.py", std::process::id()));
    std::fs::write(&script, POOL).expect("the temporary directory can be written to");
    let mut python = Peer::start(Command::new("python3").arg(&script));
    let pool = ProcessPoolExecutor::new(2);
    pool.map(same, 0..100).for_each(drop);
    let peer = "Python's ProcessPoolExecutor";
    if wanted("pipelined") {
        let ours = || {
            nanos(2000, || {
                let futures: Vec<Future<u64>> = (0..2000).map(|n| pool.submit(same, n)).collect();
                futures.iter().for_each(|future| drop(black_box(future.result())));
            })
        };
        compare("processes: pipelined tasks", ours, peer, || python.ask("pipelined"));
    }
    if wanted("one") {
        let ours = || nanos(200, || (0..200).for_each(|n| drop(black_box(pool.submit(same, n).result()))));
        compare("processes: one by one", ours, peer, || python.ask("one"));
    }
    if wanted("chunked") {
        let ours = || nanos(100_000, || pool.map_chunked(same, 0..100_000, 1000).for_each(drop));
        compare("processes: map_chunked of 100,000", ours, peer, || python.ask("chunked"));
    }
    if wanted("large") {
        let large = vec![0_u8; 8 << 20];
        let echo = |bytes: Vec<u8>| bytes;
        let ours = || {
            let large = large.clone();
            nanos(1, || drop(black_box(pool.submit(echo, large).into_result())))
        };
        compare("processes: 8 MiB echoed", ours, peer, || python.ask("large"));
    }
    if wanted("start") {
        for (method, word) in [(StartMethod::Spawn, "spawn"), (StartMethod::ForkServer, "forkserver")] {
            let ours = || {
                let pool =
                    ProcessPoolExecutor::builder().max_workers(1).start_method(method).build().unwrap();
                nanos(1, || drop(pool.submit(same, 1).result()))
            };
            compare(&format!("processes: start and first result, {word}"), ours, peer, || python.ask(word));
        }
        // What another worker costs once the server is there, beside a process that does nothing.
        let builder = ProcessPoolExecutor::builder().max_workers(1).start_method(StartMethod::ForkServer);
        let pool = builder.max_tasks_per_child(1).build().unwrap();
        let ours = || nanos(10, || pool.map(same, 0..10).for_each(drop));
        let spawn_true = || nanos(10, || (0..10).for_each(|_| drop(Command::new("true").status())));
        compare("processes: a worker of the fork server, used once", ours, "spawn of `true`", spawn_true);
    }
    let _ = std::fs::remove_file(script);
}

/// A round trip beside the least that two processes can do: a byte there, a byte back.
fn beside_a_socket() {
    let pool = ProcessPoolExecutor::new(1);
    let (mut here, there) = UnixStream::pair().expect("a socket pair");
    let there_too = there.try_clone().expect("a descriptor can be duplicated");
    let mut cat = Command::new("cat")
        .stdin(OwnedFd::from(there))
        .stdout(OwnedFd::from(there_too))
        .spawn()
        .expect("`cat` can be started");
    pool.submit(same, 1).result().expect("the pool works");
    let ours = || nanos(500, || (0..500).for_each(|n| drop(black_box(pool.submit(same, n).result()))));
    let mut payload = [0_u8; 64];
    let theirs = || {
        nanos(500, || {
            for _ in 0..500 {
                here.write_all(&payload).expect("cat listens");
                here.read_exact(&mut payload).expect("cat answers");
            }
        })
    };
    compare("processes: one round trip", ours, "socket pair and cat", theirs);
    let _ = cat.kill();
    let _ = cat.wait();
}

/// A `map` of `is_prime` over primes, beside half of the time of a serial loop, and so two bare threads that
/// share the numbers beforehand: what they lose is the machine's. The primes like the notes' take about
/// 15 ms each, the shorter ones 1.5 ms.
fn primes() {
    fn is_prime(n: u64) -> bool {
        !n.is_multiple_of(2) && (3..).step_by(2).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
    }
    let primes = |from: u64, count| (from..).step_by(2).filter(|n| is_prime(*n)).take(count).collect();
    let pool = ProcessPoolExecutor::new(2);
    let sizes: [(&str, Vec<u64>); 2] =
        [("primes", primes(112_272_535_095_293, 36)), ("shorter primes", primes(1_250_000_000_001, 300))];
    for (size, numbers) in &sizes {
        let serial = || nanos(2, || numbers.iter().for_each(|n| assert!(is_prime(black_box(*n)))));
        let processes =
            || nanos(1, || assert!(pool.map(is_prime, numbers.clone()).all(|prime| prime == Ok(true))));
        let threads = || {
            nanos(1, || {
                std::thread::scope(|scope| {
                    for half in numbers.chunks(numbers.len() / 2) {
                        scope.spawn(|| half.iter().for_each(|n| assert!(is_prime(black_box(*n)))));
                    }
                });
            })
        };
        compare_rounds(&format!("processes: {size}, 2 workers"), processes, "serial / 2", serial, 11);
        compare_rounds(&format!("processes: {size}, 2 bare threads"), threads, "serial / 2", serial, 11);
    }
}
