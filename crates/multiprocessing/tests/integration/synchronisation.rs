//! The cases of CPython's `_test_multiprocessing` about locks, semaphores, conditions, events and barriers, each
//! named after its original, and what is ours.
//!
//! Left out are cases about `repr`, context managers, and a barrier's action and own time-out.

use crate::common::{LONG, SHORT, ended, wait_until};
use std::time::{Duration, Instant};
use threadbook_executor::TaskError;
use threadbook_multiprocessing::{
    Barrier, BoundedSemaphore, Condition, Event, Lock, Process, Queue, RLock, Semaphore, Value,
};

fn clones<T: Clone>(value: &T, count: usize) -> Vec<T> {
    vec![value.clone(); count]
}

#[test]
fn lock() {
    let lock = Lock::new();
    let guard = lock.lock().unwrap();
    assert!(lock.locked() && lock.try_lock().is_none());
    let said = lock.lock().unwrap_err().to_string();
    assert!(said.contains("would wait for itself"), "{said}");
    let pid = std::process::id();
    assert_eq!(format!("{lock:?}"), format!("Lock(held by process {pid})"));
    // To release a lock that one does not hold is no program.
    drop(guard);
    assert!(!lock.locked());
    assert_eq!(format!("{lock:?}"), "Lock(free)");
}

#[test]
fn rlock() {
    let lock = RLock::new();
    let guards = [lock.lock().unwrap(), lock.try_lock().unwrap(), lock.lock_timeout(SHORT).unwrap()];
    assert!(lock.is_owned());
    let is_free = |lock: &RLock| {
        let lock = lock.clone();
        std::thread::spawn(move || lock.try_lock().is_some()).join().unwrap()
    };
    for guard in guards {
        assert!(!is_free(&lock));
        drop(guard);
    }
    assert!(!lock.is_owned() && is_free(&lock));
}

#[test]
fn lock_context() {
    let (lock, value) = (Lock::new(), Value::new(0));
    // Without the lock, updates would be lost.
    let count = |(lock, value): (Lock, Value<u32>)| {
        for _ in 0..500 {
            let _guard = lock.lock().unwrap();
            value.set(value.get() + 1);
        }
    };
    let start = |args| Process::spawn(count, args).unwrap();
    let processes: Vec<Process> = clones(&(lock, value.clone()), 3).into_iter().map(start).collect();
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
    assert_eq!(value.get(), 1_500);
}

#[test]
fn a_lock_of_another_process_is_waited_for_and_a_time_out_ends_that() {
    let (lock, held, let_go) = (Lock::new(), Event::new(), Event::new());
    let hold = |(lock, held, let_go): (Lock, Event, Event)| {
        let _guard = lock.lock()?;
        held.set();
        let_go.wait()
    };
    let process = Process::spawn(hold, (lock.clone(), held.clone(), let_go.clone())).unwrap();
    assert_eq!(held.wait_timeout(LONG), Ok(true));
    let start = Instant::now();
    assert_eq!(lock.lock_timeout(3 * SHORT).map(drop), Err(TaskError::TimedOut));
    assert!(start.elapsed() >= 3 * SHORT);
    assert!(!lock.recover(), "its holder lives");
    let_go.set();
    drop(lock.lock().unwrap());
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn semaphore() {
    let semaphore = Semaphore::new(2);
    let first = semaphore.acquire().unwrap();
    assert_eq!(semaphore.available(), 1);
    let second = semaphore.acquire().unwrap();
    assert!(semaphore.try_acquire().is_none());
    drop(first);
    assert_eq!(semaphore.available(), 1);
    drop(second);
    assert_eq!(semaphore.available(), 2);
    semaphore.release();
    semaphore.release();
    assert_eq!(semaphore.available(), 4);
}

#[test]
fn bounded_semaphore() {
    let semaphore = BoundedSemaphore::new(2);
    let both = [semaphore.acquire().unwrap(), semaphore.acquire().unwrap()];
    assert!(semaphore.try_acquire().is_none());
    drop(both);
    assert_eq!(semaphore.available(), 2);
    let said = semaphore.release().unwrap_err().to_string();
    assert!(said.contains("2 places and all of them are free"), "{said}");
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn timeout() {
    let semaphore = Semaphore::new(0);
    assert!(semaphore.try_acquire().is_none());
    let start = Instant::now();
    assert_eq!(semaphore.acquire_timeout(SHORT).map(drop), Err(TaskError::TimedOut));
    assert!(start.elapsed() >= SHORT);
    let (lock, condition) = (Lock::new(), Condition::new());
    let start = Instant::now();
    let (guard, called) = condition.wait_timeout(lock.lock().unwrap(), 2 * SHORT).unwrap();
    assert!(!called && start.elapsed() >= 2 * SHORT && lock.locked());
    drop(guard);
}

#[test]
fn a_semaphore_admits_no_more_than_it_has_places() {
    type Args = (Semaphore, Value<u32>, Value<u32>);
    let args: Args = (Semaphore::new(2), Value::new(0), Value::new(0));
    let enter = |(semaphore, inside, most): Args| {
        for _ in 0..50 {
            let _permit = semaphore.acquire().unwrap();
            let now = inside.update(|n| n + 1);
            most.update(|most| most.max(now));
            std::thread::yield_now();
            inside.update(|n| n - 1);
        }
    };
    let start = |args| Process::spawn(enter, args).unwrap();
    let processes: Vec<Process> = clones(&args, 4).into_iter().map(start).collect();
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
    assert_eq!((args.0.available(), args.1.get()), (2, 0));
    assert!((1..=2).contains(&args.2.get()));
}

/// What those who wait for a condition have, and how long they do.
type Sleep = (Condition, Lock, Semaphore, Semaphore, Option<Duration>);

fn sleep((condition, lock, sleeping, woken, timeout): Sleep) {
    let guard = lock.lock().unwrap();
    sleeping.release();
    let guard = match timeout {
        Some(timeout) => condition.wait_timeout(guard, timeout).unwrap().0,
        None => condition.wait(guard).unwrap(),
    };
    woken.release();
    drop(guard);
}

struct Sleepers {
    lock: Lock,
    condition: Condition,
    sleeping: Semaphore,
    woken: Semaphore,
    processes: Vec<Process>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Sleepers {
    fn new() -> Sleepers {
        let (lock, condition) = (Lock::new(), Condition::new());
        let (sleeping, woken) = (Semaphore::new(0), Semaphore::new(0));
        Sleepers { lock, condition, sleeping, woken, processes: Vec::new(), threads: Vec::new() }
    }

    /// As many processes and as many threads; waits until they sleep.
    fn add(&mut self, count: usize, timeout: Option<Duration>) {
        for _ in 0..count {
            let (condition, lock) = (self.condition.clone(), self.lock.clone());
            let args = (condition, lock, self.sleeping.clone(), self.woken.clone(), timeout);
            self.processes.push(Process::spawn(sleep, args.clone()).unwrap());
            self.threads.push(std::thread::spawn(move || sleep(args)));
        }
        for _ in 0..2 * count {
            self.sleeping.acquire_timeout(LONG).unwrap().forget();
        }
        // The last one has the lock until it sleeps.
        drop(self.lock.lock().unwrap());
    }

    fn notify(&self, count: usize) {
        let _guard = self.lock.lock().unwrap();
        self.condition.notify(count);
    }

    fn woken_are(&self, count: usize) {
        assert!(wait_until(|| self.woken.available() == count), "{} are awake", self.woken.available());
        std::thread::sleep(SHORT);
        assert_eq!(self.woken.available(), count);
    }

    fn end(self) {
        assert_eq!(format!("{:?}", self.condition), "Condition(0 waiting)");
        assert!(self.processes.iter().all(|process| ended(process) == Some(0)));
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn notify() {
    let mut sleepers = Sleepers::new();
    sleepers.add(1, None);
    sleepers.woken_are(0);
    sleepers.notify(1);
    sleepers.woken_are(1);
    sleepers.condition.notify_one();
    sleepers.woken_are(2);
    sleepers.end();
}

#[test]
fn notify_all() {
    let mut sleepers = Sleepers::new();
    sleepers.add(2, Some(SHORT));
    for _ in 0..4 {
        sleepers.woken.acquire_timeout(LONG).unwrap().forget();
    }
    assert_eq!(sleepers.woken.available(), 0);
    sleepers.add(2, None);
    sleepers.woken_are(0);
    sleepers.condition.notify_all();
    sleepers.woken_are(4);
    sleepers.end();
}

#[test]
fn notify_n() {
    let mut sleepers = Sleepers::new();
    sleepers.add(3, None);
    sleepers.woken_are(0);
    sleepers.notify(2);
    sleepers.woken_are(2);
    sleepers.notify(4);
    sleepers.woken_are(6);
    sleepers.notify(3);
    sleepers.woken_are(6);
    sleepers.end();
}

#[test]
fn waitfor() {
    type Args = (Condition, Lock, Value<i32>);
    let args: Args = (Condition::new(), Lock::new(), Value::new(-1));
    let wait = |(condition, lock, state): Args| {
        let guard = lock.lock().unwrap();
        state.set(0);
        condition.notify_one();
        let _guard = condition.wait_while(guard, || state.get() != 4).unwrap();
        assert_eq!(state.get(), 4);
    };
    let process = Process::spawn(wait, args.clone()).unwrap();
    let (condition, lock, state) = args;
    let guard = lock.lock().unwrap();
    let (guard, reached) = condition.wait_while_timeout(guard, || state.get() != 0, LONG).unwrap();
    assert!(reached && state.get() == 0);
    drop(guard);
    for _ in 0..4 {
        let _guard = lock.lock().unwrap();
        state.update(|n| n + 1);
        condition.notify_one();
    }
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn condition_timeout() {
    let (lock, condition) = (Lock::new(), Condition::new());
    let start = Instant::now();
    let (guard, is_notified) = condition.wait_timeout(lock.lock().unwrap(), SHORT).unwrap();
    assert!(!is_notified && lock.locked() && start.elapsed() >= SHORT);
    drop(guard);
    assert!(!lock.locked());
}

#[test]
fn waitfor_timeout() {
    type Args = (Condition, Lock, Value<i32>, Event);
    let args: Args = (Condition::new(), Lock::new(), Value::new(0), Event::new());
    let wait = |(condition, lock, state, started): Args| {
        started.set();
        let start = Instant::now();
        let guard = lock.lock().unwrap();
        let waited = condition.wait_while_timeout(guard, || state.get() != 4, 2 * SHORT).unwrap();
        assert!(!waited.1 && start.elapsed() >= 2 * SHORT);
    };
    let process = Process::spawn(wait, args.clone()).unwrap();
    let (condition, lock, state, started) = args;
    assert_eq!(started.wait_timeout(LONG), Ok(true));
    for _ in 0..3 {
        let _guard = lock.lock().unwrap();
        state.update(|n| n + 1);
        condition.notify_one();
    }
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn wait_result() {
    let (condition, lock) = (Condition::new(), Lock::new());
    let guard = lock.lock().unwrap();
    let (guard, called) = condition.wait_timeout(guard, Duration::ZERO).unwrap();
    assert!(!called);
    let notify = |(condition, lock): (Condition, Lock)| {
        let _guard = lock.lock().unwrap();
        condition.notify_one();
    };
    let process = Process::spawn(notify, (condition.clone(), lock.clone())).unwrap();
    let (guard, called) = condition.wait_timeout(guard, LONG).unwrap();
    assert!(called);
    drop(guard);
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn a_wait_gives_an_rlock_away_as_often_as_it_was_taken() {
    let (condition, lock) = (Condition::new(), RLock::new());
    let notify = |(condition, lock): (Condition, RLock)| {
        let _guard = lock.lock().unwrap();
        condition.notify_one();
    };
    let outer = lock.lock().unwrap();
    let inner = lock.lock().unwrap();
    let process = Process::spawn(notify, (condition.clone(), lock.clone())).unwrap();
    let (inner, called) = condition.wait_timeout(inner, LONG).unwrap();
    assert!(called && lock.is_owned());
    drop(inner);
    assert!(lock.is_owned());
    drop(outer);
    assert!(!lock.is_owned());
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn more_than_a_condition_has_places_for_is_an_error() {
    let (condition, lock) = (Condition::new(), Lock::new());
    let wait = |condition: Condition, lock: Lock| move || condition.wait(lock.lock()?).map(drop);
    let threads: Vec<_> =
        (0..64).map(|_| std::thread::spawn(wait(condition.clone(), lock.clone()))).collect();
    assert!(wait_until(|| format!("{condition:?}") == "Condition(64 waiting)"));
    let said = wait(condition.clone(), lock.clone())().unwrap_err().to_string();
    assert!(said.contains("64 threads wait"), "{said}");
    condition.notify_all();
    threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
}

#[test]
fn event() {
    let event = Event::new();
    assert!(!event.is_set());
    assert_eq!(event.wait_timeout(Duration::ZERO), Ok(false));
    let start = Instant::now();
    assert_eq!(event.wait_timeout(SHORT), Ok(false));
    assert!(start.elapsed() >= SHORT);
    event.set();
    assert!(event.is_set());
    event.wait().unwrap();
    assert_eq!(event.wait_timeout(SHORT), Ok(true));
    assert_eq!(format!("{event:?}"), "Event(set)");
    event.clear();
    assert_eq!(format!("{event:?}"), "Event(unset)");
    let set = |event: Event| {
        std::thread::sleep(SHORT);
        event.set();
    };
    let process = Process::spawn(set, event.clone()).unwrap();
    event.wait().unwrap();
    assert_eq!(ended(&process), Some(0));
}

/// Runs `party` in `count` threads, half of them in other processes; returns what they put.
fn parties<T, F>(count: usize, barrier: &Barrier, party: F) -> Vec<T>
where
    T: threadbook_executor::Portable,
    F: Fn((Barrier, Queue<T>)) + Copy + Send + Sync + 'static,
{
    let results = Queue::new();
    let args = (barrier.clone(), results.clone());
    let start = |args| Process::spawn(party, args).unwrap();
    let processes: Vec<Process> = clones(&args, count / 2).into_iter().map(start).collect();
    let threads: Vec<_> = clones(&args, count - count / 2)
        .into_iter()
        .map(|args| std::thread::spawn(move || party(args)))
        .collect();
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    results.close();
    results.iter().collect()
}

const N: usize = 4;

#[test]
fn barrier() {
    let barrier = Barrier::new(N);
    let passed: Vec<u32> = parties(N, &barrier, |(barrier, results)| {
        for pass in 0..10 {
            results.put(pass).unwrap();
            barrier.wait().unwrap();
            assert!(results.qsize() >= (pass as usize + 1) * N);
            barrier.wait().unwrap();
        }
    });
    assert!(passed.into_iter().eq((0..10).flat_map(|pass| [pass; N])), "in lockstep");
    assert!(barrier.n_waiting() == 0 && !barrier.broken());
}

#[test]
fn wait_return() {
    let mut places =
        parties(N, &Barrier::new(N), |(barrier, results)| results.put(barrier.wait().unwrap()).unwrap());
    places.sort_unstable();
    assert!(places.into_iter().eq(0..N));
}

#[test]
fn abort() {
    let barrier = Barrier::new(N);
    let results: Vec<bool> = parties(N, &barrier, |(barrier, results)| {
        if barrier.wait().unwrap() == N / 2 {
            barrier.abort();
        } else {
            results.put(barrier.wait().is_ok()).unwrap();
        }
    });
    assert_eq!(results, [false; N - 1]);
    assert!(barrier.broken());
}

#[test]
fn reset() {
    let barrier = Barrier::new(N);
    let results: Vec<(u8, bool)> = parties(N, &barrier, |(barrier, results)| {
        if barrier.wait().unwrap() == N / 2 {
            assert!(wait_until(|| barrier.n_waiting() == N - 1));
            barrier.reset();
        } else {
            results.put((1, barrier.wait().is_ok())).unwrap();
        }
        results.put((2, barrier.wait().is_ok())).unwrap();
    });
    let of = |stage| results.iter().filter(move |(of, _)| *of == stage).map(|(_, passed)| *passed);
    assert!(of(1).eq([false; N - 1]));
    assert!(of(2).eq([true; N]));
}

#[test]
fn abort_and_reset() {
    type Args = (Barrier, Barrier, Queue<(u8, bool)>);
    let args: Args = (Barrier::new(N), Barrier::new(N), Queue::new());
    let party = |(first, second, results): Args| {
        if first.wait().unwrap() == N / 2 {
            first.abort();
        } else {
            results.put((1, first.wait().is_ok())).unwrap();
        }
        // Everybody has left it before it is reset, and nobody enters it before that.
        if second.wait().unwrap() == N / 2 {
            first.reset();
        }
        second.wait().unwrap();
        results.put((2, first.wait().is_ok())).unwrap();
    };
    let start = |args| Process::spawn(party, args).unwrap();
    let processes: Vec<Process> = clones(&args, N).into_iter().map(start).collect();
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
    let results = args.2;
    results.close();
    let (first, second): (Vec<_>, Vec<_>) = results.iter().partition(|(stage, _)| *stage == 1);
    assert_eq!(first, [(1, false); N - 1]);
    assert_eq!(second, [(2, true); N]);
}

#[test]
fn a_party_that_is_late_breaks_the_barrier() {
    let barrier = Barrier::new(2);
    let wait = |barrier: Barrier| assert_eq!(barrier.wait_timeout(SHORT), Err(TaskError::TimedOut));
    assert_eq!(ended(&Process::spawn(wait, barrier.clone()).unwrap()), Some(0));
    assert!(barrier.broken());
    let said = barrier.wait().unwrap_err().to_string();
    assert!(said.contains("barrier is broken"), "{said}");
    assert_eq!(format!("{barrier:?}"), "Barrier(0 of 2 there, broken)");
}

#[test]
fn single_thread() {
    let barrier = Barrier::new(1);
    assert_eq!((barrier.wait(), barrier.wait()), (Ok(0), Ok(0)));
    assert_eq!(barrier.parties(), 1);
}
