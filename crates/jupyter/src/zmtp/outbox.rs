//! What is to be sent to one peer.

use super::ZmtpError;
use super::limits::lock;
use super::stream::Writer;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

/// How long a peer's speed is measured.
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// A write of more than this would hide for how long the peer has taken nothing.
const MAX_WRITE: usize = 256 << 10;

/// A queue of encoded messages. An item stays in it until the last byte is written.
pub(super) struct Outbox<T> {
    state: Mutex<State<T>>,
    filled: Notify,
}

struct State<T> {
    queue: VecDeque<T>,
    /// Bytes of all items in the queue.
    backlog: usize,
    /// Bytes of all items that ever were in it.
    total: u64,
    /// When the peer last took something, or the queue began to fill.
    last: Instant,
    /// The beginning of the present window, and the bytes that the peer has taken since then.
    window: (Instant, usize),
}

/// How a peer gets on with its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// The bytes that it has yet to take.
    pub(super) backlog: usize,
    /// The bytes that it has taken since it connected.
    pub(super) total: u64,
    /// For how long it has taken nothing.
    pub(super) stalled: Duration,
    /// The bytes that it has taken in the present window, which is at least [`WINDOW`] long; `None` if the window is
    /// still shorter.
    pub(super) taken: Option<usize>,
}

impl<T: AsRef<[u8]> + Clone> Outbox<T> {
    pub(super) fn new() -> Outbox<T> {
        let now = Instant::now();
        let state = State { queue: VecDeque::new(), backlog: 0, total: 0, last: now, window: (now, 0) };
        Outbox { state: Mutex::new(state), filled: Notify::new() }
    }

    pub(super) fn push(&self, item: T) {
        let mut state = lock(&self.state);
        if state.queue.is_empty() {
            let now = Instant::now();
            (state.last, state.window) = (now, (now, 0));
        }
        state.backlog += item.as_ref().len();
        state.total += item.as_ref().len() as u64;
        state.queue.push_back(item);
        drop(state);
        self.filled.notify_one();
    }

    /// The bytes that the peer has yet to take.
    pub(super) fn backlog(&self) -> usize {
        lock(&self.state).backlog
    }

    pub(super) fn pace(&self, now: Instant) -> Pace {
        let state = lock(&self.state);
        let (since, taken) = state.window;
        Pace {
            backlog: state.backlog,
            total: state.total - state.backlog as u64,
            stalled: now.saturating_duration_since(state.last),
            taken: (now.saturating_duration_since(since) >= WINDOW).then_some(taken),
        }
    }

    /// Empties the queue of a peer that is given up.
    pub(super) fn clear(&self) {
        let mut state = lock(&self.state);
        state.total -= state.backlog as u64;
        state.backlog = 0;
        state.queue.clear();
    }

    /// Writes what is in the queue and what comes later. Returns when writing fails. One task calls this.
    pub(super) async fn write_to(&self, writer: &mut Writer) -> Result<Infallible, ZmtpError> {
        loop {
            let Some(item) = self.front() else {
                self.filled.notified().await;
                continue;
            };
            let mut rest = item.as_ref();
            while !rest.is_empty() {
                let count = writer.write(&rest[..rest.len().min(MAX_WRITE)]).await?;
                if count == 0 {
                    return Err(ZmtpError::Closed);
                }
                rest = &rest[count..];
                self.wrote(count);
            }
            self.pop();
        }
    }

    fn front(&self) -> Option<T> {
        lock(&self.state).queue.front().cloned()
    }

    fn wrote(&self, count: usize) {
        let mut state = lock(&self.state);
        state.last = Instant::now();
        state.window.1 += count;
        if state.last.saturating_duration_since(state.window.0) >= 2 * WINDOW {
            state.window = (state.last, 0);
        }
    }

    fn pop(&self) {
        let mut state = lock(&self.state);
        if let Some(item) = state.queue.pop_front() {
            state.backlog -= item.as_ref().len();
        }
    }
}
