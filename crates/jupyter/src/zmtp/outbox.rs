//! The queue of messages to one peer.

use super::ZmtpError;
use super::limits::lock;
use super::stream::Writer;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

/// The maximum size of a write: small, so that the progress of a peer is visible early.
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
    /// Bytes written in total.
    taken: u64,
}

impl<T: AsRef<[u8]> + Clone> Outbox<T> {
    pub(super) fn new() -> Outbox<T> {
        let state = State { queue: VecDeque::new(), backlog: 0, taken: 0 };
        Outbox { state: Mutex::new(state), filled: Notify::new() }
    }

    pub(super) fn push(&self, item: T) {
        let mut state = lock(&self.state);
        state.backlog += item.as_ref().len();
        state.queue.push_back(item);
        drop(state);
        self.filled.notify_one();
    }

    /// The bytes that the peer has yet to take.
    pub(super) fn backlog(&self) -> usize {
        lock(&self.state).backlog
    }

    /// The bytes that the peer has taken since it connected.
    pub(super) fn taken(&self) -> u64 {
        lock(&self.state).taken
    }

    /// Empties the queue of a peer that is to be disconnected.
    pub(super) fn clear(&self) {
        let mut state = lock(&self.state);
        state.backlog = 0;
        state.queue.clear();
    }

    /// Writes the queue, and later messages as they arrive. Returns when writing fails. Only one task calls
    /// this.
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
                lock(&self.state).taken += count as u64;
            }
            self.pop();
        }
    }

    fn front(&self) -> Option<T> {
        lock(&self.state).queue.front().cloned()
    }

    fn pop(&self) {
        let mut state = lock(&self.state);
        if let Some(item) = state.queue.pop_front() {
            state.backlog -= item.as_ref().len();
        }
    }
}
