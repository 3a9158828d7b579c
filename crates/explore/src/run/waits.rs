//! The waits of a deadlock.

use std::panic::Location;

use super::object::{ObjectId, TaskId};

/// A thread that can never go on.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) task: TaskId,
    pub(crate) place: &'static Location<'static>,
    pub(crate) goal: Goal,
}

/// The goal of a wait.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// A lock, and the threads that have it, each with whether it has ended. Each with the place of the lock.
    Lock { lock: ObjectId, holders: Vec<TaskId>, taken: Option<&'static Location<'static>> },
    /// A notification of a condition variable.
    Notification(ObjectId),
    /// The end of a thread.
    End(TaskId),
    /// To be unparked.
    Token,
    /// A message.
    Message(ObjectId),
    /// Room in a channel, or that its message is taken.
    Room(ObjectId),
    /// The other threads at a barrier.
    Barrier(ObjectId),
    /// The end of an initialisation, and the thread that runs it.
    Initialisation(ObjectId, Option<TaskId>),
}
