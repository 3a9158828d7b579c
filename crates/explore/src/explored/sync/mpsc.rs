//! `std::sync::mpsc`.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::run::{Handle, Kind, ObjectId, Operation, Run, Wait, change, step};

pub use ::std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

struct Channel<T> {
    handle: Handle,
    capacity: usize,
    messages: Mutex<VecDeque<T>>,
    senders: AtomicUsize,
    has_receiver: AtomicBool,
}

impl<T> Channel<T> {
    fn new(handle: Handle, capacity: usize) -> Arc<Channel<T>> {
        Arc::new(Channel {
            handle,
            capacity,
            messages: Mutex::default(),
            senders: AtomicUsize::new(1),
            has_receiver: AtomicBool::new(true),
        })
    }

    fn id(&self, run: &mut Run) -> Result<ObjectId, String> {
        let id = self.handle.id(run)?;
        run.objects[id].capacity = self.capacity;
        Ok(id)
    }

    /// Puts a message in, and returns how many must be taken out until it is taken.
    fn push(&self, run: &mut Run, message: T) -> usize {
        let Ok(id) = self.id(run) else { return 0 };
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push_back(message);
        run.touch(id, true);
        run.objects[id].count += 1;
        run.objects[id].generation + run.objects[id].count
    }

    fn pop(&self, run: &mut Run) -> Option<T> {
        let message = self.messages.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        if let Ok(id) = self.id(run) {
            run.touch(id, true);
            run.objects[id].count -= 1;
            run.objects[id].generation += 1;
        }
        Some(message)
    }

    fn send(&self, place: &'static Location<'static>, message: T) -> Result<(), SendError<T>> {
        let taken = step(
            |run| Ok(Operation::on(self.id(run)?, "send", place).after(Wait::Room)),
            |run, _| match self.has_receiver.load(Relaxed) {
                true => Ok(self.push(run, message)),
                false => Err(SendError(message)),
            },
        )?;
        if self.capacity > 0 {
            return Ok(());
        }
        step(
            |run| Ok(Operation::on(self.id(run)?, "hand over", place).after(Wait::Taken(taken))),
            |run, _| {
                let is_taken = self.handle.id(run).is_ok_and(|id| run.objects[id].generation >= taken);
                match is_taken {
                    true => Ok(()),
                    false => self.pop(run).map_or(Ok(()), |message| Err(SendError(message))),
                }
            },
        )
    }

    /// Takes note that one of the ends is gone.
    fn close(&self, verb: &'static str) {
        let place = self.handle.made();
        change(
            |run| Ok(Operation::on(self.id(run)?, verb, place).writing()),
            |run| {
                if let Ok(id) = self.id(run) {
                    run.objects[id].is_closed = true;
                }
            },
        );
    }

    fn drop_sender(&self) {
        if self.senders.fetch_sub(1, Relaxed) == 1 {
            self.close("drop the last sender of");
        }
    }
}

/// As [`std::sync::mpsc::channel`].
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Channel::new(Handle::new(Kind::Channel), usize::MAX);
    (Sender { channel: channel.clone() }, Receiver { channel, _not_sync: PhantomData })
}

/// As [`std::sync::mpsc::sync_channel`].
#[track_caller]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let channel = Channel::new(Handle::new(Kind::Channel), bound);
    (SyncSender { channel: channel.clone() }, Receiver { channel, _not_sync: PhantomData })
}

/// As [`std::sync::mpsc::Sender`].
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// As std's.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.channel.send(Location::caller(), message)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.channel.senders.fetch_add(1, Relaxed);
        Sender { channel: self.channel.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// As [`std::sync::mpsc::SyncSender`].
pub struct SyncSender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> SyncSender<T> {
    /// As std's.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.channel.send(Location::caller(), message)
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// The message, if there is no room for it or the receiver is gone.
    #[track_caller]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let (channel, place) = (&self.channel, Location::caller());
        step(
            |run| Ok(Operation::on(channel.id(run)?, "try_send", place)),
            |run, _| {
                if !channel.has_receiver.load(Relaxed) {
                    return Err(TrySendError::Disconnected(message));
                }
                let Ok(id) = channel.id(run) else { return Err(TrySendError::Full(message)) };
                let receives = |run: &Run| {
                    let mut next = run.tasks.iter().filter_map(|task| task.next.as_ref());
                    next.any(|next| next.object == id && next.wait == Wait::Message)
                };
                let count = run.objects[id].count;
                let has_room =
                    count < channel.capacity || channel.capacity == 0 && count == 0 && receives(run);
                if !has_room {
                    run.say(id, || "no room".into());
                    return Err(TrySendError::Full(message));
                }
                channel.push(run, message);
                Ok(())
            },
        )
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> SyncSender<T> {
        self.channel.senders.fetch_add(1, Relaxed);
        SyncSender { channel: self.channel.clone() }
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        self.channel.drop_sender();
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

/// As [`std::sync::mpsc::Receiver`].
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    /// As in std: not `Sync`.
    _not_sync: PhantomData<Cell<()>>,
}

impl<T> Receiver<T> {
    /// As std's.
    ///
    /// # Errors
    ///
    /// If there is no message, and no sender any more.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_at(Location::caller())
    }

    fn recv_at(&self, place: &'static Location<'static>) -> Result<T, RecvError> {
        let channel = &self.channel;
        step(
            |run| Ok(Operation::on(channel.id(run)?, "recv", place).after(Wait::Message)),
            |run, _| channel.pop(run).ok_or(RecvError),
        )
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If there is no message now.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let (channel, place) = (&self.channel, Location::caller());
        step(
            |run| Ok(Operation::on(channel.id(run)?, "try_recv", place)),
            |run, _| match channel.pop(run) {
                Some(message) => Ok(message),
                None if channel.senders.load(Relaxed) == 0 => Err(TryRecvError::Disconnected),
                None => {
                    if let Ok(id) = channel.id(run) {
                        run.say(id, || "no message".into());
                    }
                    Err(TryRecvError::Empty)
                }
            },
        )
    }

    /// As std's. The time-out may end the wait at any time, or not at all.
    ///
    /// # Errors
    ///
    /// If there is no message until the time-out, or no sender any more.
    #[track_caller]
    pub fn recv_timeout(&self, _timeout: Duration) -> Result<T, RecvTimeoutError> {
        let (channel, place) = (&self.channel, Location::caller());
        step(
            |run| {
                Ok(Operation::on(channel.id(run)?, "recv_timeout", place)
                    .after(Wait::Message)
                    .with_time_out(true))
            },
            |run, timed_out| match channel.pop(run) {
                Some(message) => Ok(message),
                None if timed_out => Err(RecvTimeoutError::Timeout),
                None => Err(RecvTimeoutError::Disconnected),
            },
        )
    }

    /// As std's.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// As std's.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.has_receiver.store(false, Relaxed);
        self.channel.close("drop the receiver of");
        // As std's, which drops the messages that no thread will receive.
        let messages = self.channel.messages.lock().map(|mut messages| std::mem::take(&mut *messages));
        drop(messages);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// As [`std::sync::mpsc::Iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv_at(Location::caller()).ok()
    }
}

/// As [`std::sync::mpsc::TryIter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

/// As [`std::sync::mpsc::IntoIter`].
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv_at(Location::caller()).ok()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
