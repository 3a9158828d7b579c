//! Worker processes that are killed, at any moment, and that send anything: nobody hangs, no result is wrong, and
//! nothing is left. Each test runs in a process of its own, so that it can count what is open.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::alone;
use threadbook_executor::{Future, ProcessPoolExecutor, StartMethod, TaskError};

const METHODS: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

fn pool(method: StartMethod, workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder().max_workers(workers).start_method(method).build().unwrap()
}

/// Waits until `condition` holds; the limit is for a test that fails.
fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    condition()
}

fn open_files() -> usize {
    std::fs::read_dir("/dev/fd").unwrap().count()
}

/// The processes that descend from this one, without `ps` itself and those that have ended.
fn descendants() -> Vec<u32> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid=,stat=,comm="]).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let processes: Vec<(u32, u32)> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() >= 4 && !fields[2].starts_with('Z') && !fields[3].ends_with("ps"))
        .map(|fields| (fields[0].parse().unwrap(), fields[1].parse().unwrap()))
        .collect();
    let mut found = vec![std::process::id()];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(processes.iter().filter(|(_, ppid)| *ppid == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

fn kill(pid: u32) {
    signal(pid, libc::SIGKILL);
}

fn signal(pid: u32, signal: i32) {
    // SAFETY: a plain call; the process is ours, or was.
    unsafe { libc::kill(pid as i32, signal) };
}

/// What has a name in the shared memory of the system and has to do with us.
fn named() -> BTreeSet<String> {
    let entries = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("threadbook")).collect()
}

fn work(n: u64) -> u64 {
    (0..n * 100).fold(n, |sum, k| sum ^ k)
}

/// Each future has the right value, or says that the pool is broken.
fn check(futures: Vec<Future<u64>>) {
    for (n, future) in (0..).zip(futures) {
        match future.result_timeout(Duration::from_secs(60)) {
            Ok(value) => assert_eq!(value, work(n)),
            Err(error) => assert!(matches!(error, TaskError::BrokenPool(_)), "{error}"),
        }
    }
}

/// Nothing is left of pools that were dropped.
fn check_settled(open: usize, named_before: &BTreeSet<String>) {
    assert!(wait_until(|| descendants().is_empty()), "{:?}", descendants());
    assert!(wait_until(|| open_files() == open), "{open} open files became {}", open_files());
    assert_eq!(named(), *named_before);
}

/// How often a test kills workers.
fn kills() -> usize {
    std::env::var("THREADBOOK_KILLS").map_or(40, |kills| kills.parse().unwrap())
}

/// Has what is made once and kept.
fn warm_up() -> (usize, BTreeSet<String>) {
    for method in METHODS {
        pool(method, 2).map(work, 0..50).for_each(|result| _ = result.unwrap());
    }
    (open_files(), named())
}

#[test]
fn random_workers_are_killed_at_random_moments() {
    if !alone("process_pool_killed::random_workers_are_killed_at_random_moments") {
        return;
    }
    let (open, names) = warm_up();
    for attempt in 0..kills() {
        let pool = pool(METHODS[attempt % 2], 2);
        let pid = pool.submit(|()| std::process::id(), ()).result().unwrap();
        let futures = (0..200).map(|n| pool.submit(work, n)).collect();
        std::thread::sleep(Duration::from_millis((attempt % 7) as u64));
        kill(pid);
        check(futures);
        drop(pool);
        check_settled(open, &names);
    }
}

/// As on a busy machine: tasks that the worker does not begin in time go back to the queue.
#[test]
fn a_worker_stands_still_at_random_moments() {
    let pool = pool(StartMethod::Spawn, 1);
    let pid = pool.submit(|()| std::process::id(), ()).result().unwrap();
    std::thread::scope(|scope| {
        let pausing = scope.spawn(|| {
            for pause in 0..5 * kills() {
                std::thread::sleep(Duration::from_micros((pause % 40 * 50) as u64));
                signal(pid, libc::SIGSTOP);
                std::thread::sleep(Duration::from_millis(8));
                signal(pid, libc::SIGCONT);
            }
        });
        while !pausing.is_finished() {
            let futures: Vec<_> = (0..200).map(|n| pool.submit(work, n)).collect();
            let values: Vec<_> = futures.iter().map(Future::result).collect();
            assert_eq!(values, (0..200).map(|n| Ok(work(n))).collect::<Vec<_>>());
        }
    });
}

#[test]
fn processes_are_killed_while_they_start() {
    if !alone("process_pool_killed::processes_are_killed_while_they_start") {
        return;
    }
    let (open, names) = warm_up();
    for attempt in 0..kills() {
        let pool = pool(METHODS[attempt % 2], 2);
        let futures = (0..20).map(|n| pool.submit(work, n)).collect();
        // Whoever is there first, the fork server too.
        let mut victim = None;
        wait_until(|| {
            victim = descendants().pop();
            victim.is_some()
        });
        std::thread::sleep(Duration::from_micros((attempt % 40 * 50) as u64));
        victim.into_iter().for_each(kill);
        check(futures);
        drop(pool);
        check_settled(open, &names);
    }
}

#[test]
fn anything_may_come_over_the_socket_of_a_worker() {
    if !alone("process_pool_killed::anything_may_come_over_the_socket_of_a_worker") {
        return;
    }
    let (open, names) = warm_up();
    let garble = |bytes: Vec<u8>| {
        for fd in 3..20 {
            // SAFETY: all that is pointed to is there; what is no socket refuses.
            unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) };
        }
    };
    // A simple generator is random enough, and always the same.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for attempt in 0..60 {
        let pool = pool(METHODS[attempt % 2], 1);
        let mut bytes: Vec<u8> = (0..1 + random() % 80).map(|_| random() as u8).collect();
        if attempt % 3 > 0 {
            // Else the first byte almost never gets past.
            bytes[0] = b"COTDRXFSVPEN"[random() as usize % 12];
            bytes.iter_mut().skip(1).take(8).for_each(|byte| *byte = 0);
        }
        let garbled = pool.submit(garble, bytes.clone());
        let next = pool.submit(work, 7);
        for result in [garbled.result_timeout(Duration::from_secs(60)).map(|()| work(7)), next.result()] {
            match result {
                Ok(value) => assert_eq!(value, work(7), "{bytes:?}"),
                Err(error) => assert!(matches!(error, TaskError::BrokenPool(_)), "{bytes:?}: {error}"),
            }
        }
        drop(pool);
        check_settled(open, &names);
    }
}

#[test]
fn workers_close_all_that_they_have_open() {
    if !alone("process_pool_killed::workers_close_all_that_they_have_open") {
        return;
    }
    let (open, names) = warm_up();
    for method in METHODS {
        let pool = pool(method, 2);
        let close = |()| {
            for fd in 0..100 {
                // SAFETY: none of these is used any more but by what is being tested.
                unsafe { libc::close(fd) };
            }
        };
        let error = pool.submit(close, ()).result_timeout(Duration::from_secs(60)).unwrap_err();
        assert!(matches!(error, TaskError::BrokenPool(_)), "{error}");
        drop(pool);
        check_settled(open, &names);
    }
}

/// Pools come and go, with panics, cancellations and deaths.
#[test]
fn a_soak() {
    if !alone("process_pool_killed::a_soak") {
        return;
    }
    let (open, names) = warm_up();
    let mut counts = [0; 4];
    for round in 0..10 {
        let builder = ProcessPoolExecutor::builder().max_workers(2).start_method(METHODS[round % 2]);
        let pool = builder.max_tasks_per_child(500).build().unwrap();
        let some = |n: u64| {
            assert!(!n.is_multiple_of(97), "on purpose");
            work(n % 50)
        };
        let futures: Vec<Future<u64>> = (1..=2000).map(|n| pool.submit(some, n)).collect();
        futures.iter().skip(1900).step_by(3).for_each(|future| _ = future.cancel());
        for (n, future) in (1_u64..).zip(&futures) {
            match future.result_timeout(Duration::from_secs(60)) {
                Ok(value) => assert_eq!((value, n % 97 > 0), (work(n % 50), true)),
                Err(TaskError::Panicked { .. }) => assert_eq!(n % 97, 0),
                Err(error) => assert_eq!(error, TaskError::Cancelled),
            }
            let kind =
                [future.result().is_ok(), !future.cancelled(), true].iter().position(|is| *is).unwrap();
            counts[kind] += 1;
        }
        if round % 3 == 0 {
            let _: Result<(), _> = pool.submit(|()| std::process::abort(), ()).result();
        }
        drop(pool);
        check_settled(open, &names);
    }
    assert_eq!(counts.iter().sum::<i32>(), 20_000);
    println!("returned, panicked, cancelled: {counts:?}");
}
