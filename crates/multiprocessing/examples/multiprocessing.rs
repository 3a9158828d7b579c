//! Measures this crate beside Python's `multiprocessing`, in one run, and prints a JSON object a line.
//!
//! ```text
//! cargo run -p threadbook-multiprocessing --example multiprocessing [FILTER]
//! ```

#[path = "../../executor/examples/executors/compare.rs"]
#[allow(dead_code)]
mod compare;
#[path = "../../executor/examples/executors/python.rs"]
#[allow(dead_code)]
mod python;

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use compare::compare;
use python::Peer;
use threadbook_multiprocessing::{Connection, Lock, Pipe, Process, Queue, Value};

/// Answers each word on standard input with the nanoseconds that its workload took.
const PYTHON: &str = "
import sys, time
from multiprocessing import get_context
def nothing():
    pass
def echo(connection):
    while True:
        connection.send(connection.recv())
def drain(queue, done):
    while True:
        for _ in range(queue.get()):
            queue.get()
        done.put(None)
def work(word):
    count = 1
    if word in ('spawn', 'fork'):
        process = get_context(word).Process(target=nothing)
        process.start()
        process.join()
    elif word == 'pipe':
        count = 500
        for n in range(count):
            here.send(n)
            here.recv()
    elif word == 'large':
        here.send(large)
        here.recv()
    elif word == 'queue':
        count = 2000
        queue.put(count)
        for n in range(count):
            queue.put(n)
        done.get()
    elif word == 'lock':
        count = 20_000
        for _ in range(count):
            with lock:
                pass
    elif word == 'value':
        count = 20_000
        for _ in range(count):
            with value.get_lock():
                value.value += 1
    return count
large = bytes(8 << 20)
if __name__ == '__main__':
    fork = get_context('fork')
    here, there = fork.Pipe()
    queue, done, lock, value = fork.Queue(), fork.Queue(), fork.Lock(), fork.Value('q', 0)
    fork.Process(target=echo, args=(there,), daemon=True).start()
    fork.Process(target=drain, args=(queue, done), daemon=True).start()
    for line in sys.stdin:
        before = time.perf_counter_ns()
        count = work(line.strip())
        print((time.perf_counter_ns() - before) / count, flush=True)
";

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let wanted = |workload: &str| format!("multiprocessing: {workload}").contains(&filter);
    // Python's `spawn` runs the main module again, so it has to be a file.
    let script = std::env::temp_dir().join(format!("threadbook-multiprocessing-{}.py", std::process::id()));
    std::fs::write(&script, PYTHON).expect("the temporary directory can be written to");
    let mut python = Peer::start(Command::new("python3").arg(&script));
    // Now it has read the file, which is removed at the end.
    python.ask("nothing");
    let mut beside = |workload: &str, count: u64, word: &str, mut work: Box<dyn FnMut()>| {
        if !wanted(workload) {
            return;
        }
        let ours = || {
            let before = Instant::now();
            work();
            before.elapsed().as_nanos() as f64 / count as f64
        };
        let theirs = || python.ask(word);
        compare(&format!("multiprocessing: {workload}"), ours, "Python's multiprocessing", theirs);
    };

    let start = || drop(black_box(Process::spawn(|()| (), ()).and_then(|process| process.join())));
    beside("start and join a process", 1, "spawn", Box::new(start));
    beside("start and join a process, beside fork", 1, "fork", Box::new(start));

    let (here, there) = Pipe::new::<u64, u64>();
    let echo =
        |there: Connection<u64, u64>| there.iter().for_each(|n| there.send(n).expect("somebody is there"));
    let _echo = daemon(echo, there);
    let round_trip = move || {
        for n in 0..500 {
            here.send(n).and_then(|()| here.recv()).expect("the other end answers");
        }
    };
    beside("pipe, a round trip", 500, "pipe", Box::new(round_trip));

    let (here, there) = Pipe::new::<Vec<u8>, Vec<u8>>();
    let echo = |there: Connection<Vec<u8>, Vec<u8>>| {
        there.iter().for_each(|bytes| there.send(bytes).expect("somebody is there"))
    };
    let _large_echo = daemon(echo, there);
    let large = vec![0_u8; 8 << 20];
    let round_trip = move || {
        here.send(large.clone()).and_then(|()| here.recv()).expect("the other end answers");
    };
    beside("pipe, 8 MiB there and back", 1, "large", Box::new(round_trip));

    let (queue, done) = (Queue::<u64>::new(), Queue::<()>::new());
    let drain = |(queue, done): (Queue<u64>, Queue<()>)| {
        while let Ok(count) = queue.get() {
            (0..count).for_each(|_| drop(queue.get()));
            let _ = done.put(());
        }
    };
    let _drain = daemon(drain, (queue.clone(), done.clone()));
    let through = move || {
        queue.put(2000).expect("the queue is open");
        (0..2000).for_each(|n| queue.put(n).expect("the queue is open"));
        done.get().expect("the other process is there");
    };
    beside("queue, an item to another process", 2000, "queue", Box::new(through));

    let lock = Lock::new();
    let take = move || (0..20_000).for_each(|_| drop(lock.lock().expect("nobody holds it")));
    beside("lock and unlock", 20_000, "lock", Box::new(take));

    let value = Value::new(0_i64);
    let add = move || (0..20_000).for_each(|_| _ = value.update(|n| n + 1));
    beside("add to a value", 20_000, "value", Box::new(add));
    let _ = std::fs::remove_file(script);
}

fn daemon<A: threadbook_executor::Portable>(
    target: impl Fn(A) + Copy + Send + Sync + 'static,
    args: A,
) -> Process {
    let process = Process::new(target, args).daemon(true);
    process.start().expect("a process can be started");
    process
}
