//! The cases of CPython's `_test_multiprocessing` about queues, each named after its original, and what is ours.
//!
//! Left out are cases about pickling, the thread that feeds a Python queue, and import locks.

use crate::common::{LONG, SHORT, ended, error};
use arbtest::arbtest;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use threadbook_executor::TaskError;
use threadbook_multiprocessing::{Connection, Error, Event, Pipe, Process, Queue};
use threadbook_worker::Message;

#[test]
fn put() {
    const MAXSIZE: usize = 6;
    let queue = Queue::bounded(MAXSIZE);
    let (child_can_start, parent_can_continue) = (Event::new(), Event::new());
    let take = |(queue, start, go_on): (Queue<i32>, Event, Event)| {
        start.wait().unwrap();
        for _ in 0..6 {
            queue.get().unwrap();
        }
        go_on.set();
    };
    let args = (queue.clone(), child_can_start.clone(), parent_can_continue.clone());
    let process = Process::new(take, args).daemon(true);
    process.start().unwrap();
    assert!(queue.empty() && !queue.full());
    for n in 1..=6 {
        queue.put(n).unwrap();
    }
    assert!(!queue.empty() && queue.full());
    assert_eq!(queue.try_put(7), Ok(false));
    let start = Instant::now();
    assert_eq!(queue.put_timeout(7, SHORT), Err(TaskError::TimedOut));
    assert!(start.elapsed() >= SHORT);
    child_can_start.set();
    assert_eq!(parent_can_continue.wait_timeout(LONG), Ok(true));
    assert!(queue.empty() && !queue.full());
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn get() {
    let queue = Queue::new();
    let fill = |queue: Queue<i32>| (2..=5).for_each(|n| queue.put(n).unwrap());
    assert!(queue.empty());
    let process = Process::spawn(fill, queue.clone()).unwrap();
    // What a process has put is there when it has ended.
    assert_eq!(ended(&process), Some(0));
    assert!(!queue.empty());
    assert_eq!(queue.get(), Ok(2));
    assert_eq!(queue.get_timeout(LONG), Ok(3));
    assert_eq!(queue.get_timeout(Duration::MAX), Ok(4));
    assert_eq!(queue.try_get(), Ok(Some(5)));
    assert!(queue.empty());
    assert_eq!(queue.try_get(), Ok(None));
}

#[test]
fn fork() {
    let queue = Queue::new();
    (0..10).for_each(|n| queue.put(n).unwrap());
    let process =
        Process::spawn(|queue: Queue<i32>| (10..20).for_each(|n| queue.put(n).unwrap()), queue.clone());
    let items: Vec<i32> = (0..20).map(|_| queue.get_timeout(LONG).unwrap()).collect();
    assert!(items.into_iter().eq(0..20));
    assert_eq!(queue.try_get(), Ok(None));
    assert_eq!(ended(&process.unwrap()), Some(0));
}

#[test]
fn qsize() {
    let queue = Queue::new();
    assert_eq!(queue.qsize(), 0);
    queue.put(1).unwrap();
    assert_eq!(queue.qsize(), 1);
    queue.put(5).unwrap();
    assert_eq!(queue.qsize(), 2);
    queue.get().unwrap();
    assert_eq!(queue.qsize(), 1);
    queue.get().unwrap();
    assert_eq!(queue.qsize(), 0);
    assert_eq!(format!("{queue:?}"), "Queue(0 items)");
}

#[test]
fn task_done() {
    let queue = Queue::new();
    let work = |queue: Queue<Option<u64>>| {
        while let Some(n) = queue.get().unwrap() {
            std::thread::sleep(Duration::from_millis(n));
            queue.task_done().unwrap();
        }
    };
    let workers: Vec<Process> = (0..4).map(|_| Process::spawn(work, queue.clone()).unwrap()).collect();
    (0..10).for_each(|n| queue.put(Some(n)).unwrap());
    queue.join_timeout(LONG).unwrap();
    assert!(queue.empty());
    workers.iter().for_each(|_| queue.put(None).unwrap());
    assert!(workers.iter().all(|worker| ended(worker) == Some(0)));
    assert_eq!(queue.join_timeout(SHORT), Err(TaskError::TimedOut));
    (0..4).for_each(|_| queue.task_done().unwrap());
    queue.join().unwrap();
    assert!(queue.task_done().is_err());
}

#[test]
fn timeout() {
    let queue = Queue::<u8>::new();
    let start = Instant::now();
    assert_eq!(queue.get_timeout(Duration::from_millis(200)), Err(TaskError::TimedOut));
    assert!(start.elapsed() >= Duration::from_millis(200));
}

/// Serde can describe it only if it is `true`.
#[derive(serde::Deserialize)]
struct Picky(bool);

impl serde::Serialize for Picky {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 { serializer.serialize_bool(true) } else { Err(serde::ser::Error::custom("picky")) }
    }
}

#[test]
fn queue_feeder_donot_stop_onexc() {
    let queue = Queue::bounded(1);
    assert!(queue.put(Picky(false)).unwrap_err().to_string().contains("picky"));
    queue.put(Picky(true)).unwrap();
    assert_eq!(queue.qsize(), 1);
    assert!(queue.get().unwrap().0);
    assert!(queue.empty());
}

#[test]
fn closed_queue_put_get_exceptions() {
    let queue = Queue::new();
    queue.put("last".to_owned()).unwrap();
    queue.close();
    assert_eq!(error(queue.put("foo".to_owned())).to_string(), "the queue is closed");
    assert_eq!(queue.iter().collect::<Vec<_>>(), ["last"]);
    assert_eq!(error(queue.get()), Error::Closed("the queue"));
    assert_eq!(error(queue.try_get()), Error::Closed("the queue"));
    assert!(queue.is_closed());
}

#[test]
fn closing_wakes_those_who_wait_in_other_processes() {
    let (queue, started) = (Queue::<u8>::new(), Event::new());
    let wait = |(queue, started): (Queue<u8>, Event)| {
        started.set();
        assert_eq!(queue.iter().count(), 0);
    };
    let process = Process::spawn(wait, (queue.clone(), started.clone())).unwrap();
    assert_eq!(started.wait_timeout(LONG), Ok(true));
    queue.close();
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn empty() {
    let (queue, go_on) = (Queue::new(), Event::new());
    assert!(queue.empty());
    let put = |(queue, go_on): (Queue<bool>, Event)| {
        go_on.wait().unwrap();
        queue.put(true).unwrap();
        queue.put(false).unwrap();
    };
    let process = Process::spawn(put, (queue.clone(), go_on.clone())).unwrap();
    assert!(queue.empty());
    go_on.set();
    assert_eq!(ended(&process), Some(0));
    assert!(!queue.empty());
    assert_eq!([queue.get(), queue.get()], [Ok(true), Ok(false)]);
    assert!(queue.empty());
}

#[test]
fn many_producers_and_consumers_pass_each_item_on_once() {
    const EACH: u64 = 500;
    let (items, results) = (Queue::bounded(10), Queue::new());
    let produce = |(items, first): (Queue<u64>, u64)| {
        for n in first..first + EACH {
            items.put(n).unwrap();
        }
    };
    let consume =
        |(items, results): (Queue<u64>, Queue<Vec<u64>>)| results.put(items.iter().collect()).unwrap();
    let producers: Vec<Process> =
        (0..3).map(|n| Process::spawn(produce, (items.clone(), n * EACH)).unwrap()).collect();
    let consumers: Vec<Process> =
        (0..3).map(|_| Process::spawn(consume, (items.clone(), results.clone())).unwrap()).collect();
    assert!(producers.iter().all(|process| ended(process) == Some(0)));
    items.close();
    assert!(consumers.iter().all(|process| ended(process) == Some(0)));
    let seen: Vec<Vec<u64>> = (0..3).map(|_| results.get().unwrap()).collect();
    for one in &seen {
        for producer in 0..3 {
            let from_one = one.iter().filter(|n| **n / EACH == producer);
            assert!(from_one.is_sorted(), "the items of one producer stay in their order");
        }
    }
    let mut all = seen.concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..3 * EACH));
}

#[test]
fn connections_and_queues_travel_through_a_queue() {
    type Question = (Connection<String, ()>, Queue<usize>);
    let questions: Queue<Question> = Queue::new();
    let answer = |questions: Queue<Question>| {
        for (connection, queue) in questions.iter() {
            connection.send("hello".into()).unwrap();
            queue.put(1).unwrap();
        }
    };
    let process = Process::spawn(answer, questions.clone()).unwrap();
    let queue = Queue::new();
    let ends: Vec<Connection<(), String>> = (0..20)
        .map(|_| {
            let (here, there) = Pipe::new();
            questions.put((there, queue.clone())).unwrap();
            here
        })
        .collect();
    for end in &ends {
        assert_eq!(end.recv_timeout(LONG), Ok("hello".into()));
    }
    questions.close();
    assert_eq!(ended(&process), Some(0));
    assert_eq!(queue.qsize(), 20);
    assert!(ends.iter().all(|end| end.recv_timeout(LONG).is_err()));
}

#[test]
fn a_queue_is_a_queue() {
    // Of what size the items are, so that some compactions happen, which begin at 1 MB.
    let item = |random: &mut arbtest::arbitrary::Unstructured<'_>, n: u32| {
        let length = *random.choose(&[0_usize, 1, 100, 5_000, 300_000])?;
        arbtest::arbitrary::Result::Ok(vec![n; length])
    };
    arbtest(|random| {
        let most = random.int_in_range(1..=40_usize)?;
        let here: Queue<Vec<u32>> = Queue::bounded(most);
        let there: Queue<Vec<u32>> = Message::new(&here).unwrap().read().unwrap();
        let mut model = VecDeque::new();
        for n in 0..random.int_in_range(0..=80)? {
            let queue = if random.arbitrary()? { &here } else { &there };
            if random.ratio(3, 5)? {
                let item = item(random, n)?;
                let fits = model.len() < most;
                assert_eq!(queue.try_put(item.clone()), Ok(fits));
                if fits {
                    model.push_back(item);
                }
            } else {
                assert!(queue.try_get() == Ok(model.pop_front()));
            }
            assert_eq!((queue.qsize(), queue.empty()), (model.len(), model.is_empty()));
            assert_eq!(queue.full(), model.len() == most);
        }
        here.close();
        assert!(there.iter().eq(model));
        Ok(())
    })
    .budget_ms(3_000);
}

#[test]
fn a_queue_that_never_runs_empty_does_not_grow() {
    let queue = Queue::new();
    let item = || vec![7_u8; 10_000];
    queue.put(item()).unwrap();
    for _ in 0..5_000 {
        queue.put(item()).unwrap();
        assert_eq!(queue.get().unwrap().len(), 10_000);
    }
    // 50 MB went through it.
    let length = Message::new(&queue).unwrap().descriptors.into_iter().map(|file| {
        let metadata = file.as_file().metadata().unwrap();
        metadata.len()
    });
    assert!(length.max().unwrap() < 3 << 20);
}

#[test]
fn a_hundred_megabytes_go_through() {
    let (queue, back) = (Queue::<Vec<u8>>::new(), Queue::<Vec<u8>>::new());
    let turn = |(queue, back): (Queue<Vec<u8>>, Queue<Vec<u8>>)| {
        let mut bytes = queue.get().unwrap();
        bytes.reverse();
        back.put(bytes).unwrap();
    };
    let process = Process::spawn(turn, (queue.clone(), back.clone())).unwrap();
    let large: Vec<u8> = (0..100_u32 << 20).map(|n| (n % 251) as u8).collect();
    queue.put(large.clone()).unwrap();
    assert!(back.get_timeout(LONG).unwrap().iter().rev().eq(&large));
    assert_eq!(ended(&process), Some(0));
}
