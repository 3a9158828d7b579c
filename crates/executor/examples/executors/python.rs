//! Other programs that measure themselves, Python's executors among them.

use std::process::{Command, Stdio};

const THREADS: &str = "
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

/// Python's `is_prime` of the notes, over a process pool.
const PRIMES: &str = "
import math, sys, time
from concurrent.futures import ProcessPoolExecutor
def is_prime(n):
    if n % 2 == 0:
        return False
    for i in range(3, int(math.floor(math.sqrt(n))) + 1, 2):
        if n % i == 0:
            return False
    return True
numbers = [int(n) for n in sys.stdin.readline().split()]
with ProcessPoolExecutor(max_workers=2) as pool:
    for line in sys.stdin:
        before = time.perf_counter_ns()
        sum(pool.map(is_prime, numbers))
        print(time.perf_counter_ns() - before, flush=True)
";

/// Answers `batch` and `one` with the nanoseconds a task.
pub fn thread_pool(tasks: usize) -> Peer {
    Peer::start(Command::new("python3").args(["-c", THREADS, &tasks.to_string()]))
}

/// Answers each line with the nanoseconds for all numbers.
pub fn primes(numbers: &[u64]) -> Peer {
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    let mut python = Peer::start(Command::new("python3").args(["-c", PRIMES]));
    python.tell(&numbers.join(" "));
    python
}

/// A process that answers each line with a number.
pub struct Peer {
    process: std::process::Child,
    answers: std::io::BufReader<std::process::ChildStdout>,
}

impl Peer {
    pub fn start(command: &mut Command) -> Peer {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let answers = std::io::BufReader::new(process.stdout.take().expect("stdout is piped"));
        Peer { process, answers }
    }

    pub fn tell(&mut self, what: &str) {
        use std::io::Write;
        let stdin = self.process.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "{what}").expect("the peer listens");
    }

    pub fn ask(&mut self, what: &str) -> f64 {
        use std::io::BufRead;
        self.tell(what);
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
