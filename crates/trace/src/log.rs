//! The events of one worker, in a ring that holds the last [`CAPACITY`] events.
//!
//! # How writing stays cheap
//!
//! A log has one writer, the worker, and any number of readers. An event is five words. The writer puts
//! them into the slot after the newest one and then publishes by storing the new count. A reader copies
//! slots and afterwards reads the count again: slots that may have been overwritten in the meantime are
//! thrown away. That is a seqlock whose sequence number is the count itself:
//!
//! * the count is stored with `Release` after the words, so a reader that sees the count sees the words;
//! * a `Release` fence separates that store from the words of the *next* event, and an `Acquire` fence
//!   separates the reader's copying from its second look at the count. So a reader that copied a word of
//!   event *n* also sees that *n* events were counted, and knows that the slot of event *n* − CAPACITY
//!   is spoilt.
//!
//! Slots are allocated in chunks as they are first needed: ten thousand idle workers cost nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::*, fence};

use crate::clock::Ticks;
use crate::name::{NameId, TaskLabel};

/// The number of events that a worker's log holds before the oldest are overwritten.
pub const CAPACITY: usize = 8192;

const CHUNK: usize = 256;
const WORDS: usize = 5;

type Slot = [AtomicU64; WORDS];

/// The events of one worker. Only that worker may write.
pub struct Log {
    name: String,
    count: AtomicU64,
    running: [AtomicU64; 4],
    chunks: [OnceLock<Box<[Slot]>>; CAPACITY / CHUNK],
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// The task returned a value.
    Returned = 0,
    /// The task panicked.
    Panicked = 1,
    /// The task has not ended yet.
    Running = 2,
    /// An async task that was polled and has to wait before it goes on.
    Suspended = 3,
}

impl Outcome {
    pub(crate) fn from_bits(bits: u8) -> Outcome {
        match bits {
            0 => Outcome::Returned,
            1 => Outcome::Panicked,
            3 => Outcome::Suspended,
            _ => Outcome::Running,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Returned => "returned",
            Outcome::Panicked => "panicked",
            Outcome::Running => "running",
            Outcome::Suspended => "suspended",
        }
    }
}

/// A task that ran from start to end.
#[derive(Clone, Copy, Debug)]
pub struct TaskSpan {
    /// Which task.
    pub task: TaskLabel,
    /// When it was handed to the executor.
    pub submitted: Ticks,
    /// When the worker began with it.
    pub started: Ticks,
    /// When the worker was done with it.
    pub finished: Ticks,
    /// How it ended.
    pub outcome: Outcome,
}

/// A wait inside a task.
#[derive(Clone, Copy, Debug)]
pub struct WaitSpan {
    /// The task that waited.
    pub task: TaskLabel,
    /// The task, lock or other thing that it waited for.
    pub what: TaskLabel,
    /// When the wait began.
    pub started: Ticks,
    /// When it ended, successfully or not.
    pub finished: Ticks,
}

#[derive(Clone, Copy)]
pub(crate) enum Event {
    Task { task: TaskLabel, submitted: u64, started: u64, finished: u64, outcome: Outcome },
    Wait { task: TaskLabel, what: TaskLabel, started: u64, finished: u64 },
}

pub(crate) struct Snapshot {
    pub(crate) events: Vec<Event>,
    pub(crate) lost: u64,
    pub(crate) running: Option<(TaskLabel, u64, u64)>,
}

const WAIT: u64 = 0xff;

impl Log {
    /// An empty log of the worker called `name`.
    pub fn new(name: impl Into<String>) -> Log {
        Log {
            name: name.into(),
            count: AtomicU64::new(0),
            running: Default::default(),
            chunks: [const { OnceLock::new() }; CAPACITY / CHUNK],
        }
    }

    /// The worker's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes which task is on the worker now, for a timeline that is drawn meanwhile.
    #[inline]
    pub fn started(&self, task: TaskLabel, submitted: Ticks, started: Ticks) {
        self.running[0].store(task.number, Relaxed);
        self.running[1].store(u64::from(task.name.0), Relaxed);
        self.running[2].store(submitted.0, Relaxed);
        self.running[3].store(started.0, Release);
    }

    /// Notes a task that ran.
    #[inline]
    pub fn finished(&self, span: TaskSpan) {
        let head = span.outcome as u64 | u64::from(span.task.name.0) << 32;
        self.push([head, span.task.number, span.submitted.0, span.started.0, span.finished.0]);
        // Afterwards, so that a reader that finds no task here finds its event.
        self.running[3].store(0, Release);
    }

    /// Notes a wait that ended.
    pub fn waited(&self, span: WaitSpan) {
        let names = u64::from(span.task.name.0) << 32;
        let what = u64::from(span.what.name.0) << 32 | (span.what.number & 0xffff_ffff);
        // The kind sits in the low byte of the first word; the number of the task needs no more than
        // the other 64 bits, the number of the other task is cut to 32.
        self.push([WAIT | names, span.task.number, what, span.started.0, span.finished.0]);
    }

    #[inline]
    fn push(&self, words: [u64; WORDS]) {
        let count = self.count.load(Relaxed);
        let index = count as usize % CAPACITY;
        let chunk = self.chunks[index / CHUNK].get_or_init(empty_chunk);
        fence(Release);
        for (slot, word) in chunk[index % CHUNK].iter().zip(words) {
            slot.store(word, Relaxed);
        }
        self.count.store(count + 1, Release);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        // Before the events: a task that ends meanwhile is among them, too.
        let running = self.running();
        let count = self.count.load(Acquire);
        let oldest = count.saturating_sub(CAPACITY as u64);
        let mut copied = Vec::with_capacity((count - oldest) as usize);
        for at in oldest..count {
            let index = at as usize % CAPACITY;
            if let Some(chunk) = self.chunks[index / CHUNK].get() {
                let slot = &chunk[index % CHUNK];
                copied.push((at, std::array::from_fn(|word| slot[word].load(Relaxed))));
            }
        }
        fence(Acquire);
        // The event that is being written now spoils the slot of the one CAPACITY before it.
        let oldest = (self.count.load(Relaxed) + 1).saturating_sub(CAPACITY as u64);
        let events = copied.into_iter().filter(|(at, _)| *at >= oldest).map(|(_, words)| decode(words));
        let events: Vec<_> = events.collect();
        let has_ended = |task: TaskLabel| {
            events
                .iter()
                .rev()
                .any(|event| matches!(event, Event::Task { task: other, .. } if *other == task))
        };
        let running = running.filter(|(task, ..)| !has_ended(*task));
        let running = running.map(|(task, submitted, started)| (task, submitted.0, started.0));
        Snapshot { events, lost: oldest, running }
    }

    /// Which task is on the worker now, when it was submitted, and when it started.
    pub fn running(&self) -> Option<(TaskLabel, Ticks, Ticks)> {
        let started = self.running[3].load(Acquire);
        let [number, name, submitted] = std::array::from_fn(|word| self.running[word].load(Relaxed));
        fence(Acquire);
        let still = started != 0 && self.running[3].load(Relaxed) == started;
        still.then_some((TaskLabel { number, name: NameId(name as u32) }, Ticks(submitted), Ticks(started)))
    }
}

fn empty_chunk() -> Box<[Slot]> {
    (0..CHUNK).map(|_| Slot::default()).collect()
}

fn decode([head, number, third, started, finished]: [u64; WORDS]) -> Event {
    let task = TaskLabel { number, name: NameId((head >> 32) as u32) };
    if head & 0xff == WAIT {
        let what = TaskLabel { number: third & 0xffff_ffff, name: NameId((third >> 32) as u32) };
        Event::Wait { task, what, started, finished }
    } else {
        let outcome = Outcome::from_bits(head as u8);
        Event::Task { task, submitted: third, started, finished, outcome }
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({:?}, {} events)", self.name, self.count.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(number: u64) -> TaskSpan {
        let at = Ticks(number * 10 + 1);
        let task = TaskLabel { number, name: NameId::NONE };
        TaskSpan { task, submitted: at, started: at, finished: at, outcome: Outcome::Returned }
    }

    #[test]
    fn a_full_ring_keeps_the_newest_events_and_says_how_many_it_lost() {
        let log = Log::new("worker 0");
        let total = CAPACITY as u64 + 100;
        for number in 0..total {
            log.finished(span(number));
        }
        let snapshot = log.snapshot();
        assert_eq!(snapshot.events.len() as u64 + snapshot.lost, total);
        assert!(snapshot.events.len() >= CAPACITY - 1);
        match snapshot.events.last() {
            Some(Event::Task { task, .. }) => assert_eq!(task.number, total - 1),
            _ => panic!("the newest event is missing"),
        }
    }

    #[test]
    fn a_reader_beside_the_writer_never_sees_a_torn_event() {
        let log = Log::new("worker 0");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..300_000).for_each(|number| log.finished(span(number))));
            while !writer.is_finished() {
                let mut next = None;
                for event in log.snapshot().events {
                    let Event::Task { task, submitted, finished, .. } = event else {
                        panic!("no wait was written")
                    };
                    assert_eq!((submitted, finished), (task.number * 10 + 1, task.number * 10 + 1));
                    assert!(next.is_none_or(|next| next == task.number), "events out of order");
                    next = Some(task.number + 1);
                }
            }
        });
    }

    #[test]
    fn a_task_that_ends_meanwhile_is_seen_once() {
        let log = Log::new("worker 0");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 0..300_000 {
                    let TaskSpan { task, submitted, started, .. } = span(number);
                    log.started(task, submitted, started);
                    log.finished(span(number));
                }
            });
            let mut most = 0;
            while !writer.is_finished() {
                let Snapshot { events, lost, running } = log.snapshot();
                let last = match events.last() {
                    Some(Event::Task { task, .. }) => task.number + 1,
                    _ => lost,
                };
                let seen = running.map_or(last, |(task, ..)| last.max(task.number + 1));
                assert!(seen >= most, "{seen} tasks after {most}");
                let ended =
                    |number| matches!(events.last(), Some(Event::Task { task, .. }) if task.number == number);
                assert!(!running.is_some_and(|(task, ..)| ended(task.number)), "a task runs that has ended");
                most = seen;
            }
        });
    }

    #[test]
    fn the_running_task_is_seen_until_it_ends() {
        let log = Log::new("worker 0");
        let task = TaskLabel { number: 7, name: NameId::NONE };
        log.started(task, Ticks(3), Ticks(5));
        assert_eq!(log.snapshot().running, Some((task, 3, 5)));
        log.finished(span(7));
        assert_eq!(log.snapshot().running, None);
    }
}
