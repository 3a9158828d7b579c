//! Workers as their owner sees them, in an ordinary program.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use threadbook_worker::{Answer, Call, Death, Descriptor, Start, Worker, decode};

fn starts() -> [Start; 2] {
    [Start::spawn(), Start::fork_server().unwrap()]
}

fn ask<F, A, R>(worker: &mut Worker, f: F, argument: A) -> Result<Answer, Death>
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: serde::Serialize + serde::de::DeserializeOwned + 'static,
    R: serde::Serialize + 'static,
{
    worker.send(&[&Call::new(f, argument).unwrap()])?;
    worker.receive()
}

fn value<R: serde::de::DeserializeOwned + 'static>(answer: Answer) -> R {
    match answer {
        Answer::Returned { value, descriptors, .. } => Answer::read(value, descriptors).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Waits until `condition` holds; the limit is for a test that fails.
fn wait_until(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    condition()
}

fn exists(pid: u32) -> bool {
    // A zombie has ended.
    let status = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    status.is_ok_and(|output| !output.stdout.is_empty() && !output.stdout.starts_with(b"Z"))
}

#[test]
fn it_calls_functions_in_another_process() {
    for start in starts() {
        let mut worker = Worker::start(&start).unwrap();
        assert_eq!(value::<u64>(ask(&mut worker, |n: u64| n + 1, 41).unwrap()), 42);
        let pid = value::<u32>(ask(&mut worker, |()| std::process::id(), ()).unwrap());
        assert_eq!(pid, worker.pid());
        assert_ne!(pid, std::process::id());
        assert!(value::<bool>(ask(&mut worker, |()| threadbook_worker::is_worker(), ()).unwrap()));
        assert_eq!(worker.finish(), Death::Exit(0));
        assert!(wait_until(|| !exists(pid)));
    }
    assert!(!threadbook_worker::is_worker());
}

#[test]
fn generic_functions_and_large_values() {
    fn reversed<T: Copy>(mut items: Vec<T>) -> Vec<T> {
        items.reverse();
        items
    }
    for start in starts() {
        let mut worker = Worker::start(&start).unwrap();
        assert_eq!(value::<Vec<char>>(ask(&mut worker, reversed, vec!['a', 'b']).unwrap()), ['b', 'a']);
        let large: Vec<u32> = (0..25 << 20).collect();
        let back: Vec<u32> = value(ask(&mut worker, reversed, large).unwrap());
        assert!(back.iter().rev().copied().eq(0..25 << 20));
    }
}

#[test]
fn several_calls_at_once_are_answered_in_order() {
    let mut worker = Worker::start(&Start::spawn()).unwrap();
    let calls: Vec<Call> = (0..100_u32).map(|n| Call::new(|n: u32| n * 2, n).unwrap()).collect();
    worker.send(&calls.iter().collect::<Vec<_>>()).unwrap();
    let mut last = None;
    for n in 0..100 {
        let Answer::Returned { started, finished, value, .. } = worker.receive().unwrap() else { panic!() };
        assert_eq!(decode::<u32>(value).unwrap(), n * 2);
        assert!(last <= Some(started) && started <= finished);
        last = Some(finished);
    }
}

#[test]
fn calls_that_are_not_begun_can_be_taken_back() {
    for start in starts() {
        let mut worker = Worker::start(&start).unwrap();
        for _ in 0..3 {
            let wait = |pipe: Descriptor| {
                let mut pipe = std::fs::File::from(pipe.into_owned().unwrap());
                pipe.read(&mut [0]).unwrap()
            };
            let (waited, mut here) = std::io::pipe().unwrap();
            let first = Call::new(wait, Descriptor::from(OwnedFd::from(waited))).unwrap();
            let others: Vec<Call> = (0..5_usize).map(|n| Call::new(|n: usize| n, n).unwrap()).collect();
            let calls: Vec<&Call> = std::iter::once(&first).chain(&others).collect();
            worker.send(&calls).unwrap();
            assert!(!worker.has_answer_within(Duration::from_millis(10)));
            assert_eq!(worker.take_back(), 5);
            here.write_all(&[1]).unwrap();
            assert!(worker.has_answer_within(Duration::from_secs(60)));
            assert_eq!(value::<usize>(worker.receive().unwrap()), 1);
            // It makes what comes next, and none of those.
            assert_eq!(worker.take_back(), 0);
            worker.send(&others.iter().rev().collect::<Vec<_>>()).unwrap();
            for n in (0..5).rev() {
                assert_eq!(value::<usize>(worker.receive().unwrap()), n);
            }
        }
    }
}

#[test]
fn a_panic_comes_back_with_its_place() {
    for start in starts() {
        let mut worker = Worker::start(&start).unwrap();
        let answer = ask(&mut worker, |n: i32| assert!(n > 5, "{n} is too small"), 3).unwrap();
        let Answer::Panicked { message, location, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(message, "3 is too small");
        assert!(location.unwrap().contains("worker.rs:"));
        // The worker lives on.
        assert_eq!(value::<u64>(ask(&mut worker, |n: u64| n, 1).unwrap()), 1);
    }
}

#[test]
fn every_way_to_die_is_told() {
    fn overflow(depth: u64) -> u64 {
        let page = std::hint::black_box([depth; 512]);
        if depth == u64::MAX { 0 } else { overflow(depth + 1) + page[7] }
    }
    for start in starts() {
        let worker = || Worker::start(&start).unwrap();
        assert_eq!(
            ask(&mut worker(), |()| -> () { std::process::exit(7) }, ()).map(drop),
            Err(Death::Exit(7))
        );
        let aborted = ask(&mut worker(), |()| -> () { std::process::abort() }, ()).map(drop);
        assert_eq!(aborted, Err(Death::Signal(6)));
        let overflowed = ask(&mut worker(), overflow, 0).map(drop);
        assert!(matches!(overflowed, Err(Death::Signal(6 | 11))), "{overflowed:?}");
        let killed = ask(
            &mut worker(),
            |()| {
                std::process::Command::new("kill")
                    .args(["-9", &std::process::id().to_string()])
                    .status()
                    .unwrap()
                    .success()
            },
            (),
        )
        .map(drop);
        assert_eq!(killed, Err(Death::Signal(9)));
        // What it prints is no message.
        let mut printing = worker();
        ask(&mut printing, |()| println!("\u{0}V\u{1}garbage"), ()).unwrap();
        assert_eq!(value::<u64>(ask(&mut printing, |n: u64| n, 1).unwrap()), 1);
    }
}

#[test]
fn a_worker_that_closes_its_descriptors_or_sends_garbage_is_ended() {
    for start in starts() {
        let mut worker = Worker::start(&start).unwrap();
        let close_all = |()| {
            for fd in 3..100 {
                // SAFETY: none of these is used any more but by what is being tested.
                unsafe { libc::close(fd) };
            }
        };
        assert!(ask(&mut worker, close_all, ()).is_err());
        let mut worker = Worker::start(&start).unwrap();
        let close_and_live = |()| {
            for fd in 3..20 {
                // SAFETY: a plain call.
                unsafe { libc::shutdown(fd, libc::SHUT_WR) };
            }
            std::thread::sleep(Duration::from_secs(600));
        };
        assert_eq!(ask(&mut worker, close_and_live, ()).map(drop), Err(Death::Closed));
        let mut worker = Worker::start(&start).unwrap();
        let garble = |()| {
            for fd in 3..20 {
                // SAFETY: the descriptor is only borrowed.
                let mut file = std::mem::ManuallyDrop::new(unsafe {
                    <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(fd)
                });
                let _ = file.write_all(&[0x42; 64]);
            }
        };
        assert_eq!(ask(&mut worker, garble, ()).map(drop), Err(Death::Garbage));
    }
}

#[test]
fn a_running_worker_ends_with_its_owner() {
    for start in starts() {
        let mut worker = Worker::start(&start).unwrap();
        let pid = worker.pid();
        worker.send(&[&Call::new(|()| std::thread::sleep(Duration::from_secs(600)), ()).unwrap()]).unwrap();
        worker.stopper().unwrap().stop();
        assert!(worker.receive().is_err());
        assert!(wait_until(|| !exists(pid)));
        let mut worker = Worker::start(&start).unwrap();
        let pid = worker.pid();
        worker
            .send(&[&Call::new(
                |()| -> () {
                    loop {
                        std::hint::spin_loop()
                    }
                },
                (),
            )
            .unwrap()])
            .unwrap();
        drop(worker);
        assert!(wait_until(|| !exists(pid)));
    }
}

#[test]
fn open_files_travel_both_ways() {
    for start in starts() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut worker = Worker::start(&start).unwrap();
        let write = |pipe: Descriptor| {
            std::fs::File::from(pipe.into_owned().unwrap()).write_all(b"from the worker").unwrap();
            Descriptor::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()))
        };
        let null: Descriptor =
            value(ask(&mut worker, write, Descriptor::from(OwnedFd::from(writer))).unwrap());
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "from the worker");
        assert_eq!(std::fs::File::from(null.into_owned().unwrap()).read(&mut [0]).unwrap(), 0);
    }
    let nowhere = Descriptor::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
    assert!(threadbook_worker::encode(&nowhere, &mut Vec::new()).is_err());
}

#[test]
fn a_call_may_be_all_that_a_process_is_for() {
    for start in starts() {
        let end = |call: Call| {
            let mut worker = Worker::start(&start).unwrap();
            worker.send(&[&call.and_exit()]).unwrap();
            worker.receive().unwrap_err()
        };
        assert_eq!(end(Call::new(|n: u8| n, 1).unwrap()), Death::Exit(0));
        assert_eq!(end(Call::new(|()| -> () { panic!("on purpose") }, ()).unwrap()), Death::Exit(1));
        assert_eq!(
            end(Call::new(|code: i32| -> () { std::process::exit(code) }, 9).unwrap()),
            Death::Exit(9)
        );
    }
}
