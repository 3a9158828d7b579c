//! The threads of a run that wait, and for which others.

use super::object::{Kind, ObjectId, TaskId};
use super::operation::{Operation, Wait};
use super::state::Run;
use super::waits::{Goal, Waiting};

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
