//! Operations: the next action of a thread, and the condition that it waits for.

use std::panic::Location;

use super::object::{ObjectId, TaskId};

/// The condition under which an operation can be carried out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wait {
    /// At any time.
    Nothing,
    /// The lock is free.
    Lock,
    /// No thread has the lock for itself.
    Read,
    /// There is a notification for the thread, and the lock is free.
    Notified { lock: ObjectId },
    /// A thread has ended.
    End(TaskId),
    /// The thread was unparked.
    Token,
    /// There is a message in the channel, or no sender any more.
    Message,
    /// There is room in the channel, or no receiver any more.
    Room,
    /// So many messages were taken out of the channel, or there is no receiver any more.
    Taken(usize),
    /// All threads have arrived at the barrier, so many times.
    Turn(usize),
    /// No thread runs the initialisation.
    Initialised,
}

/// An operation of a thread.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The name of the function, as std has it.
    pub(crate) verb: &'static str,
    pub(crate) object: ObjectId,
    /// Where the program calls it.
    pub(crate) place: &'static Location<'static>,
    pub(crate) wait: Wait,
    /// Whether it also ends without its condition.
    pub(crate) has_time_out: bool,
    /// Whether others can see that it was carried out.
    pub(crate) is_write: bool,
}

impl Operation {
    /// An operation that reads the state of an object.
    pub(crate) fn on(object: ObjectId, verb: &'static str, place: &'static Location<'static>) -> Operation {
        Operation { verb, object, place, wait: Wait::Nothing, has_time_out: false, is_write: false }
    }

    pub(crate) fn writing(self) -> Operation {
        Operation { is_write: true, ..self }
    }

    pub(crate) fn after(self, wait: Wait) -> Operation {
        Operation { wait, is_write: true, ..self }
    }

    pub(crate) fn with_time_out(self, has_time_out: bool) -> Operation {
        Operation { has_time_out, ..self }
    }

    /// A number that differs for most different operations.
    pub(crate) fn mark(&self) -> u64 {
        let parts = [
            self.object as u64,
            self.place.line().into(),
            self.place.column().into(),
            self.verb.len() as u64,
        ];
        parts.into_iter().fold(0xcbf2_9ce4_8422_2325, mix)
    }

    /// A number that stays the same when lines are added to the program.
    pub(crate) fn shape(&self) -> u64 {
        self.verb.bytes().map(u64::from).fold(self.object as u64, mix)
    }
}

/// FNV-1a, by words.
pub(crate) fn mix(hash: u64, part: u64) -> u64 {
    (hash ^ part).wrapping_mul(0x0000_0100_0000_01b3)
}
