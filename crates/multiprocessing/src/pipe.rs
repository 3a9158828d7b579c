//! Two ends that send values to each other.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use threadbook_executor::TaskError;
use threadbook_worker::{Descriptor, Message};

use crate::error::Error;
use crate::packet;

/// Makes two [`Connection`]s that are connected to each other.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Connection, Pipe, Process};
///
/// let (here, there) = Pipe::new::<u64, String>();
/// let answer = |questions: Connection<String, u64>| {
///     for number in questions.iter() {
///         questions.send(format!("{number}² = {}", number * number)).unwrap();
///     }
/// };
/// let process = Process::spawn(answer, there)?;
/// here.send(12)?;
/// assert_eq!(here.recv()?, "12² = 144");
/// drop(here); // the other end's `iter` ends
/// assert_eq!(process.join()?, 0);
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Pipe`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Pipe).
#[derive(Debug)]
pub enum Pipe {}

impl Pipe {
    /// Two ends, of which the first sends `A` and receives `B`, and the second the other way round.
    ///
    /// # Panics
    ///
    /// If the system gives no socket, most likely because the process has as many open files as it may have.
    #[allow(clippy::new_ret_no_self, reason = "it is Python's name for this")]
    pub fn new<A, B>() -> (Connection<A, B>, Connection<B, A>) {
        let (first, second) = ends();
        (Connection::new(first), Connection::new(second))
    }

    /// Two ends, of which the first only receives and the second only sends: Python's `Pipe(False)`.
    ///
    /// # Panics
    ///
    /// As [`Pipe::new`].
    pub fn one_way<T>() -> (Connection<Infallible, T>, Connection<T, Infallible>) {
        let (receiver, sender) = ends();
        packet::make_one_way(&receiver, &sender);
        (Connection::new(receiver), Connection::new(sender))
    }
}

fn ends() -> (OwnedFd, OwnedFd) {
    packet::pair().unwrap_or_else(|error| panic!("the system gives no pipe: {error}"))
}

/// One end of a [`Pipe`]: it sends values of type `S` and receives values of type `R`.
///
/// Values are serde values, and the types that this module shares: also other connections. A clone is the same
/// end, and so is the one that another process receives; an end is closed when the last of them is dropped. Several may use
/// an end at the same time: each message goes to one of them, whole, also when another one is killed.
///
/// If a cell ends the process of a notebook, and the notebook goes on in a copy of it, the connections are closed there.
pub struct Connection<S, R> {
    end: Arc<OwnedFd>,
    types: PhantomData<fn(S) -> R>,
}

impl<S, R> Connection<S, R> {
    fn new(socket: OwnedFd) -> Connection<S, R> {
        Connection { end: Arc::new(socket), types: PhantomData }
    }
}

impl<S: Serialize + 'static, R> Connection<S, R> {
    /// Sends a value. Waits while the pipe is full, which is so when the other end has not received for about
    /// 100 kB.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the other end is closed, [`TaskError::Failed`] if the value cannot be written, and
    /// [`TaskError::Interrupted`].
    pub fn send(&self, value: S) -> Result<(), TaskError> {
        let message = Message::new(&value).map_err(TaskError::from_error)?;
        packet::send(self.end.as_fd(), message)?.map_err(trouble)
    }
}

impl<S, R: DeserializeOwned + 'static> Connection<S, R> {
    /// Waits for a value.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the other end is closed and all that it sent was received, [`TaskError::Failed`] if
    /// the value that comes is no `R`, and [`TaskError::Interrupted`].
    pub fn recv(&self) -> Result<R, TaskError> {
        self.receive(None)
    }

    /// As [`Connection::recv`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::recv`], and [`TaskError::TimedOut`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<R, TaskError> {
        self.receive(Some(timeout))
    }

    /// Waits up to `timeout` until [`Connection::recv`] would not wait: there is a value, or there will be none.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn poll(&self, timeout: Duration) -> Result<bool, TaskError> {
        packet::poll(self.end.as_fd(), timeout)
    }

    /// Receives values until the other end is closed, the wait is interrupted, or a value is no `R`.
    pub fn iter(&self) -> impl Iterator<Item = R> {
        std::iter::from_fn(|| self.recv().ok())
    }

    fn receive(&self, timeout: Option<Duration>) -> Result<R, TaskError> {
        let message = packet::receive(self.end.as_fd(), timeout)?.map_err(trouble)?;
        message.ok_or(CLOSED)?.read().map_err(TaskError::from_error)
    }
}

const CLOSED: Error = Error::Closed("the other end of the pipe");

fn trouble(error: io::Error) -> TaskError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CLOSED.into(),
        _ => TaskError::from_error(error),
    }
}

impl<S, R> Clone for Connection<S, R> {
    fn clone(&self) -> Connection<S, R> {
        Connection { end: self.end.clone(), types: PhantomData }
    }
}

impl<S, R> Serialize for Connection<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        Descriptor::from(self.end.try_clone().map_err(Z::Error::custom)?).serialize(serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for Connection<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Connection<S, R>, D::Error> {
        let socket = Descriptor::deserialize(deserializer)?.into_owned();
        Ok(Connection::new(socket.map_err(D::Error::custom)?))
    }
}

impl<S, R> fmt::Debug for Connection<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}
