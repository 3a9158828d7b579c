//! A queue between processes.
//!
//! The items lie one after the other in a file in memory, behind a [`Monitor`] with the beginning of the first
//! and the end of the last. Only the change of the monitor adds or removes an item, so a process that is killed
//! while it puts or gets leaves no half item.
//!
//! Open files cannot lie in memory. They travel over a socket, beside their item, and both bear the same label.
//! If a process was killed between the two, the next one finds a label that is too old, and drops those files;
//! or one that is too new, and returns an error because the files of its item are lost.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use threadbook_executor::{Portable, TaskError};
use threadbook_worker::{Descriptor, Message};

use crate::error::Error;
use crate::monitor::Monitor;
use crate::packet;

/// Where the items begin; the monitor lies before.
const BEGIN: u64 = 4096;
const _: () = assert!(Monitor::<State>::SIZE as u64 <= BEGIN);

/// Unless more than this is used up, the file is left as it is.
const WORTHWHILE: u64 = 1 << 20;

/// A queue between processes: first in, first out.
///
/// A clone is the same queue; so is the one that another process receives. Items are serde values, and the types that this
/// module shares: also connections and queues. A queue is in shared memory, so an item is in it
/// as soon as [`Queue::put`] returns, also when the process ends then, and the counts are exact.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Process, Queue};
///
/// let (tasks, results) = (Queue::new(), Queue::new());
/// let worker = |(tasks, results): (Queue<u64>, Queue<u64>)| {
///     tasks.iter().for_each(|n| results.put(n * n).unwrap())
/// };
/// let process = Process::spawn(worker, (tasks.clone(), results.clone()))?;
/// for n in 1..=3 {
///     tasks.put(n)?;
/// }
/// tasks.close();
/// assert_eq!([results.get()?, results.get()?, results.get()?], [1, 4, 9]);
/// # process.join()?;
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Queue`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Queue)
/// and `JoinableQueue`, which is the same here.
pub struct Queue<T> {
    state: Monitor<State>,
    /// Items are written at the end, and read at the beginning.
    files: (Descriptor, Descriptor),
    item: PhantomData<fn(T) -> T>,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct State {
    /// Where the first item begins, and the last ends.
    head: u64,
    tail: u64,
    /// How many items there are, and may be.
    size: u64,
    max_items: u64,
    /// Items that were put and not reported as done.
    unfinished: u64,
    /// How many items were put.
    count: u64,
    closed: bool,
}

/// The header of an item.
struct Header {
    length: u64,
    files: u64,
    label: [u64; 2],
}

impl Header {
    const SIZE: u64 = 32;

    fn to_bytes(&self) -> [u8; Self::SIZE as usize] {
        let mut bytes = [0; Self::SIZE as usize];
        let numbers = [self.length, self.files, self.label[0], self.label[1]];
        for (to, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *to = number.to_ne_bytes();
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::SIZE as usize]) -> Header {
        let number = |index: usize| u64::from_ne_bytes(bytes.as_chunks::<8>().0[index]);
        Header { length: number(0), files: number(1), label: [number(2), number(3)] }
    }
}

impl<T> Queue<T> {
    /// A queue for any number of items.
    ///
    /// # Panics
    ///
    /// If the system gives no shared memory, most likely because the process has as many open files as it may
    /// have: each queue is three.
    #[allow(clippy::new_without_default, reason = "a queue that nobody shares is of no use")]
    pub fn new() -> Queue<T> {
        Queue::bounded(usize::MAX)
    }

    /// A queue for at most `max_items` items; [`Queue::put`] waits while it is full.
    ///
    /// # Panics
    ///
    /// If `max_items` is 0, and as [`Queue::new`].
    pub fn bounded(max_items: usize) -> Queue<T> {
        assert!(max_items > 0, "a queue needs room for at least 1 item");
        let max_items = max_items as u64;
        let state =
            State { head: BEGIN, tail: BEGIN, size: 0, max_items, unfinished: 0, count: 0, closed: false };
        let pair = packet::pair().unwrap_or_else(|error| panic!("the system gives no socket: {error}"));
        Queue { state: Monitor::new(state), files: (pair.0.into(), pair.1.into()), item: PhantomData }
    }

    /// Closes the queue for all processes: it takes no more items. Those that are left can still be taken out.
    pub fn close(&self) {
        self.state.update(|state| state.closed = true);
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.state.state().closed
    }

    /// How many items there are now.
    pub fn qsize(&self) -> usize {
        self.state.state().size as usize
    }

    /// Whether there is no item now.
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether there is no room now.
    pub fn full(&self) -> bool {
        let state = self.state.state();
        state.size >= state.max_items
    }

    /// Marks an item that was taken out as done, for threads in [`Queue::join`].
    ///
    /// # Errors
    ///
    /// [`TaskError::Failed`] if it is called more often than items were put.
    pub fn task_done(&self) -> Result<(), TaskError> {
        let counted = self.state.update(|state| {
            let left = state.unfinished.checked_sub(1);
            state.unfinished = left.unwrap_or(0);
            left.is_some()
        });
        let excess = || TaskError::from_error("task_done was called more often than items were put");
        if counted { Ok(()) } else { Err(excess()) }
    }

    /// Waits until [`Queue::task_done`] was called for each item that was put.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn join(&self) -> Result<(), TaskError> {
        self.state.take(None, |state| (state.unfinished == 0).then_some(()))
    }

    /// As [`Queue::join`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// [`TaskError::TimedOut`] and [`TaskError::Interrupted`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), TaskError> {
        self.state.take(Some(timeout), |state| (state.unfinished == 0).then_some(()))
    }
}

impl<T: Portable> Queue<T> {
    /// Waits until there is room and adds an item.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the queue is closed, [`TaskError::Failed`] if the item cannot be written or there is
    /// no memory for it, and [`TaskError::Interrupted`].
    pub fn put(&self, item: T) -> Result<(), TaskError> {
        self.put_within(item, None)
    }

    /// As [`Queue::put`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::put`], and [`TaskError::TimedOut`].
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), TaskError> {
        self.put_within(item, Some(timeout))
    }

    /// Adds an item if there is room, and returns whether there was.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::put`].
    pub fn try_put(&self, item: T) -> Result<bool, TaskError> {
        match self.put_within(item, Some(Duration::ZERO)) {
            Err(TaskError::TimedOut) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Waits for an item and takes it out.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the queue is closed and empty, [`TaskError::Failed`] if the item cannot be read, and
    /// [`TaskError::Interrupted`].
    pub fn get(&self) -> Result<T, TaskError> {
        self.get_within(None)
    }

    /// As [`Queue::get`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::get`], and [`TaskError::TimedOut`].
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, TaskError> {
        self.get_within(Some(timeout))
    }

    /// Takes an item out if there is one.
    ///
    /// # Errors
    ///
    /// Those of [`Queue::get`].
    pub fn try_get(&self) -> Result<Option<T>, TaskError> {
        match self.get_within(Some(Duration::ZERO)) {
            Err(TaskError::TimedOut) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Takes items out until the queue is closed and empty, the wait is interrupted, or an item cannot be read.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.get().ok())
    }

    fn put_within(&self, item: T, timeout: Option<Duration>) -> Result<(), TaskError> {
        let message = Message::new(&item).map_err(TaskError::from_error)?;
        self.state.wait(timeout, |state| {
            if state.closed {
                return Some(Err(CLOSED.into()));
            }
            if state.size >= state.max_items {
                return None;
            }
            match self.add(state, &message) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                other => Some(other.map_err(TaskError::from_error)),
            }
        })?
    }

    fn get_within(&self, timeout: Option<Duration>) -> Result<T, TaskError> {
        let (message, may_shrink) = self.state.wait(timeout, |state| {
            if state.size == 0 {
                return state.closed.then(|| Err(CLOSED.into()));
            }
            Some(self.remove(state).map_err(TaskError::from_error))
        })??;
        if may_shrink {
            // Not before the last item is out for good.
            self.state.update(|state| {
                if state.size == 0 {
                    let _ = self.state.file().set_len(BEGIN);
                }
            });
        }
        message.and_then(|message| message.read().map_err(TaskError::from_error))
    }

    /// Adds an item. The written bytes become valid with the state.
    fn add(&self, state: &mut State, message: &Message) -> io::Result<()> {
        let file = self.state.file();
        let (used, length) = (state.head - BEGIN, Header::SIZE + message.bytes.len() as u64);
        if state.size == 0 {
            (state.head, state.tail) = (BEGIN, BEGIN);
        } else if used > WORTHWHILE && used >= state.tail - state.head + length {
            // Before the first item there is room for all of them and the new one, so the bytes that are valid until the
            // state changes are not touched.
            let mut items = vec![0; (state.tail - state.head) as usize];
            file.read_exact_at(&mut items, state.head)?;
            file.write_all_at(&items, BEGIN)?;
            (state.head, state.tail) = (BEGIN, BEGIN + items.len() as u64);
        }
        let header = Header {
            length: message.bytes.len() as u64,
            files: message.descriptors.len() as u64,
            label: [state.count, unique()],
        };
        file.write_all_at(&[&header.to_bytes()[..], &message.bytes].concat(), state.tail)?;
        if header.files > 0 {
            packet::try_send(self.files.1.as_fd(), &label_bytes(header.label), &message.descriptors)?;
        }
        state.tail += length;
        state.size += 1;
        state.unfinished += 1;
        state.count += 1;
        Ok(())
    }

    /// Takes an item out. Returns also whether the file can be shortened.
    #[allow(clippy::type_complexity, reason = "it is used in one place")]
    fn remove(&self, state: &mut State) -> io::Result<(Result<Message, TaskError>, bool)> {
        let file = self.state.file();
        let mut header = [0; Header::SIZE as usize];
        file.read_exact_at(&mut header, state.head)?;
        let header = Header::from_bytes(&header);
        let mut bytes = vec![0; header.length as usize];
        file.read_exact_at(&mut bytes, state.head + Header::SIZE)?;
        let descriptors = if header.files > 0 { self.files_of(header.label)? } else { Some(Vec::new()) };
        state.head += Header::SIZE + header.length;
        state.size -= 1;
        let lost =
            || TaskError::from_error("a process was killed that had taken the item's open files already");
        let message = descriptors.map(|descriptors| Message { bytes, descriptors }).ok_or_else(lost);
        Ok((message, state.size == 0 && state.tail > WORTHWHILE))
    }

    /// The open files with this label, if they are still there.
    fn files_of(&self, label: [u64; 2]) -> io::Result<Option<Vec<Descriptor>>> {
        let socket = self.files.0.as_fd();
        loop {
            let mut next = [0; 16];
            if packet::peek(socket, &mut next) != Some(next.len()) {
                return Ok(None);
            }
            let [count, _] = [0, 1].map(|index| u64::from_ne_bytes(next.as_chunks::<8>().0[index]));
            if count > label[0] {
                return Ok(None);
            }
            let received = packet::try_receive(socket)?;
            if next == label_bytes(label) {
                return Ok(received.map(|message| message.descriptors));
            }
        }
    }
}

const CLOSED: Error = Error::Closed("the queue");

fn label_bytes(label: [u64; 2]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&label[0].to_ne_bytes());
    bytes[8..].copy_from_slice(&label[1].to_ne_bytes());
    bytes
}

/// A number that no other process, and no other call, gives.
fn unique() -> u64 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    u64::from(std::process::id()) << 32 | u64::from(NEXT.fetch_add(1, Relaxed))
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Queue<T> {
        Queue { state: self.state.clone(), files: self.files.clone(), item: PhantomData }
    }
}

impl<T> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.state, &self.files.0, &self.files.1).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Queue<T>, D::Error> {
        let (state, first, second) = <(Monitor<State>, Descriptor, Descriptor)>::deserialize(deserializer)?;
        Ok(Queue { state, files: (first, second), item: PhantomData })
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { size, closed, .. } = self.state.state();
        let s = if size == 1 { "" } else { "s" };
        write!(f, "Queue({size} item{s}{})", if closed { ", closed" } else { "" })
    }
}
