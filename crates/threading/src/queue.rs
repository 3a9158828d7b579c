//! Queues between threads.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use threadbook_future::TaskError;

use crate::monitor::Monitor;

/// A queue between threads: first in, first out.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use threadbook_threading::{Queue, Thread};
///
/// let queue = Arc::new(Queue::bounded(2));
/// let source = queue.clone();
/// let producer = Thread::spawn(move || {
///     (1..=5).for_each(|n| source.put(n).unwrap());
///     source.close();
/// });
/// assert_eq!(queue.iter().sum::<i32>(), 15);
/// # producer.join().unwrap();
/// ```
pub struct Queue<T> {
    state: Monitor<State<T>>,
    max_items: usize,
}

struct State<T> {
    items: VecDeque<T>,
    /// Items that were put and not reported as done.
    unfinished: usize,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue for any number of items.
    pub fn new() -> Queue<T> {
        Queue::bounded(usize::MAX)
    }

    /// A queue for at most `max_items` items; [`Queue::put`] waits while it is full.
    ///
    /// # Panics
    ///
    /// If `max_items` is 0.
    pub fn bounded(max_items: usize) -> Queue<T> {
        assert!(max_items > 0, "a queue needs room for at least 1 item");
        let state = State { items: VecDeque::new(), unfinished: 0, closed: false };
        Queue { state: Monitor::new("a queue", state), max_items }
    }

    /// Waits until there is room and adds an item.
    ///
    /// # Errors
    ///
    /// [`TaskError::Closed`] if the queue is closed; [`TaskError::Interrupted`].
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

    /// Adds an item if there is room; returns it otherwise, or if the queue is closed.
    pub fn try_put(&self, item: T) -> Result<(), T> {
        let mut item = Some(item);
        self.state.update(|state| state.add(&mut item, self.max_items));
        item.map_or(Ok(()), Err)
    }

    fn put_within(&self, item: T, timeout: Option<Duration>) -> Result<(), TaskError> {
        let mut item = Some(item);
        let added = self.state.wait(timeout, |state| {
            if state.closed { Some(false) } else { state.add(&mut item, self.max_items).then_some(true) }
        })?;
        // Threads that wait for an item, and threads that wait for room, may be in the list.
        self.state.update(|_| ());
        if added { Ok(()) } else { Err(TaskError::Closed) }
    }

    /// Waits for an item and takes it out.
    ///
    /// # Errors
    ///
    /// [`TaskError::Closed`] if the queue is closed and empty; [`TaskError::Interrupted`].
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
    pub fn try_get(&self) -> Option<T> {
        self.state.update(|state| state.items.pop_front())
    }

    fn get_within(&self, timeout: Option<Duration>) -> Result<T, TaskError> {
        let item = self.state.wait(timeout, |state| match state.items.pop_front() {
            Some(item) => Some(Some(item)),
            None => state.closed.then_some(None),
        })?;
        if self.max_items != usize::MAX {
            self.state.update(|_| ());
        }
        item.ok_or(TaskError::Closed)
    }

    /// Takes items out until the queue is closed and empty, or the wait is interrupted.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.get().ok())
    }

    /// Marks an item that was taken out as done, for threads in [`Queue::join`].
    ///
    /// # Errors
    ///
    /// [`TaskError::Failed`] if it is called more often than items were put.
    pub fn task_done(&self) -> Result<(), TaskError> {
        let counted = self.state.update(|state| match state.unfinished.checked_sub(1) {
            Some(left) => {
                state.unfinished = left;
                true
            }
            None => false,
        });
        let excess = "task_done was called more often than items were put into the queue";
        if counted { Ok(()) } else { Err(TaskError::from_error(excess)) }
    }

    /// Waits until [`Queue::task_done`] was called for every item that was put.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn join(&self) -> Result<(), TaskError> {
        Ok(self.state.wait(None, |state| (state.unfinished == 0).then_some(()))?)
    }

    /// Closes the queue: it takes no more items, and the present ones can still be taken out.
    pub fn close(&self) {
        self.state.update(|state| state.closed = true);
    }

    /// How many items there are now.
    pub fn len(&self) -> usize {
        self.state.read(|state| state.items.len())
    }

    /// Whether there are no items now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room now.
    pub fn is_full(&self) -> bool {
        self.len() >= self.max_items
    }
}

impl<T> State<T> {
    fn add(&mut self, item: &mut Option<T>, max_items: usize) -> bool {
        if self.closed || self.items.len() >= max_items {
            return false;
        }
        self.items.extend(item.take());
        self.unfinished += 1;
        true
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue::new()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.state.read(|state| state.closed) { ", closed" } else { "" };
        write!(f, "Queue({} items{state})", self.len())
    }
}
