//! Who waits for whom in a deadlock.

use std::panic::Location;

use super::operation::{Operation, Wait};
use super::{Kind, ObjectId, Run, TaskId};

/// A thread that can never go on.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) task: TaskId,
    pub(crate) place: &'static Location<'static>,
    pub(crate) goal: Goal,
}

/// What a thread waits for.
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

impl Run {
    /// The waits of all threads that have not ended.
    pub(crate) fn waits(&self) -> Vec<Waiting> {
        let tasks = self.tasks.iter().enumerate().filter(|(_, task)| !task.is_finished);
        tasks
            .filter_map(|(id, task)| {
                let next = task.next.as_ref()?;
                Some(Waiting { task: id, place: next.place, goal: self.goal(id, next) })
            })
            .collect()
    }

    fn goal(&self, task: TaskId, operation: &Operation) -> Goal {
        let object = operation.object;
        match operation.wait {
            Wait::Notified { lock } if self.objects[object].has_signal_for(task) => self.lock(lock),
            Wait::Notified { .. } => Goal::Notification(object),
            Wait::End(task) => Goal::End(task),
            Wait::Token => Goal::Token,
            Wait::Message => Goal::Message(object),
            Wait::Room | Wait::Taken(_) => Goal::Room(object),
            Wait::Turn(_) => Goal::Barrier(object),
            Wait::Initialised => Goal::Initialisation(object, self.objects[object].holder),
            Wait::Lock | Wait::Read | Wait::Nothing => self.lock(object),
        }
    }

    fn lock(&self, lock: ObjectId) -> Goal {
        let object = &self.objects[lock];
        let holders = object.holder.iter().chain(&object.readers).copied().collect();
        debug_assert!(matches!(object.kind, Kind::Mutex | Kind::RwLock));
        Goal::Lock { lock, holders, taken: object.taken }
    }
}
