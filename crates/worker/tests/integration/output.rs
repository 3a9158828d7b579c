//! What workers print, where a printer is set.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use threadbook_worker::{Answer, Call, Printer, Start, Stream, Worker, set_printer};

static ORIGIN: AtomicU64 = AtomicU64::new(1);
static PRINTED: Mutex<Vec<(u64, Stream, String)>> = Mutex::new(Vec::new());

struct Noting;

impl Printer for Noting {
    fn origin(&self) -> u64 {
        ORIGIN.load(Ordering::Relaxed)
    }

    fn print(&self, origin: u64, stream: Stream, text: &[u8]) {
        let text = String::from_utf8_lossy(text).into_owned();
        PRINTED.lock().unwrap().push((origin, stream, text));
    }
}

/// What was printed for an origin on a stream, since it was asked for last.
fn printed(origin: u64, stream: Stream) -> String {
    let mut all = PRINTED.lock().unwrap();
    let found = all.extract_if(.., |(of, on, _)| (*of, *on) == (origin, stream));
    found.map(|(_, _, text)| text).collect()
}

/// A worker of each kind that prints for an origin of its own.
fn workers(start: fn(&Start) -> Worker) -> impl Iterator<Item = (Worker, u64)> {
    set_printer(Noting);
    let kinds = [Start::spawn(), Start::fork_server().unwrap()];
    kinds.into_iter().map(move |kind| {
        static NEXT: AtomicU64 = AtomicU64::new(1000);
        let origin = NEXT.fetch_add(1000, Ordering::Relaxed);
        let worker = start(&kind);
        worker.set_origin(origin);
        (worker, origin)
    })
}

fn plain(start: &Start) -> Worker {
    Worker::start(start).unwrap()
}

fn labelled(start: &Start) -> Worker {
    Worker::start_labelled(start).unwrap()
}

fn ask<F: Fn(u32) + Copy + Send + Sync + 'static>(worker: &mut Worker, f: F) {
    worker.send(&[&Call::new(f, 0_u32).unwrap()]).unwrap();
    assert!(matches!(worker.receive(), Ok(Answer::Returned { .. })));
}

fn write(bytes: &[u8]) {
    let mut out = std::io::stdout();
    out.write_all(bytes).and_then(|()| out.flush()).unwrap();
}

#[test]
fn all_of_it_is_shown_before_the_answer() {
    for (mut worker, origin) in workers(plain) {
        for _ in 0..200 {
            ask(&mut worker, |_| {
                print!("out");
                eprint!("err");
            });
            assert_eq!(printed(origin, Stream::Stdout), "out");
            assert_eq!(printed(origin, Stream::Stderr), "err");
        }
    }
}

#[test]
fn it_is_shown_for_whom_it_was_printed() {
    for (mut worker, origin) in workers(plain) {
        for number in 0..100 {
            worker.set_origin(origin + number);
            ask(&mut worker, |_| print!("one"));
        }
        for number in 0..100 {
            assert_eq!(printed(origin + number, Stream::Stdout), "one");
        }
    }
}

#[test]
fn a_worker_prints_for_what_its_start_was_for() {
    set_printer(Noting);
    let mut worker = plain(&Start::spawn());
    ask(&mut worker, |_| println!("from the start"));
    let said = printed(ORIGIN.load(Ordering::Relaxed), Stream::Stdout);
    assert_eq!(said, "from the start\n");
}

#[test]
fn it_is_shown_while_no_call_runs() {
    for (mut worker, origin) in workers(plain) {
        ask(&mut worker, |_| {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                write(b"later");
            });
        });
        let end = Instant::now() + Duration::from_secs(20);
        let mut said = String::new();
        while said.is_empty() && Instant::now() < end {
            said = printed(origin, Stream::Stdout);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(said, "later");
    }
}

#[test]
fn the_last_words_of_a_worker_that_dies_are_shown() {
    for (mut worker, origin) in workers(plain) {
        let call = |_: u32| -> () {
            write(b"the last words");
            std::process::abort()
        };
        worker.send(&[&Call::new(call, 0).unwrap()]).unwrap();
        worker.receive().unwrap_err();
        assert_eq!(printed(origin, Stream::Stdout), "the last words");
    }
}

#[test]
fn a_character_comes_in_one_piece() {
    for (mut worker, origin) in workers(plain) {
        let crab = "🦀".as_bytes();
        ask(&mut worker, |_| write(&"🦀".as_bytes()[..3]));
        assert_eq!(printed(origin, Stream::Stdout), "");
        ask(&mut worker, |_| write(&"🦀".as_bytes()[3..]));
        assert_eq!(printed(origin, Stream::Stdout).as_bytes(), crab);
        ask(&mut worker, |_| write(b"a\xffb"));
        assert_eq!(printed(origin, Stream::Stdout), "a\u{fffd}b");
    }
}

#[test]
fn much_is_as_good_as_little() {
    for (mut worker, origin) in workers(plain) {
        ask(&mut worker, |_| {
            for number in 0..50_000 {
                println!("{number}");
            }
        });
        let said = printed(origin, Stream::Stdout);
        assert!(said.lines().eq((0..50_000).map(|number| number.to_string())));
    }
}

#[test]
fn labels_stand_before_each_line_of_both_streams() {
    for (mut worker, origin) in workers(labelled) {
        let pid = worker.pid();
        ask(&mut worker, |_| {
            println!("one\ntwo");
            eprintln!("three");
            print!("no end");
        });
        assert_eq!(printed(origin, Stream::Stdout), format!("[{pid}] one\n[{pid}] two\n[{pid}] three\n"));
        worker.finish();
        assert_eq!(printed(origin, Stream::Stdout), format!("[{pid}] no end\n"));
        assert_eq!(printed(origin, Stream::Stderr), "");
    }
}
