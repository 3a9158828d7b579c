//! The objects that threads share: locks, atomics, channels and other threads, as the scheduler sees them.

use std::panic::Location;

/// The index of a thread in its run, in the order of their start.
pub(crate) type TaskId = usize;

/// The place of an object in its run.
pub(crate) type ObjectId = usize;

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Mutex,
    RwLock,
    Condvar,
    Once,
    Barrier,
    Channel,
    Atomic,
    Thread,
}

impl Kind {
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Kind::Mutex | Kind::RwLock => "lock",
            Kind::Condvar => "condition variable",
            Kind::Once => "once",
            Kind::Barrier => "barrier",
            Kind::Channel => "channel",
            Kind::Atomic => "atomic",
            Kind::Thread => "thread",
        }
    }
}

/// The state of an object that decides which operations can be carried out.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    /// Where the program made it.
    pub(crate) made: &'static Location<'static>,
    /// The thread that has the lock for itself, or runs the initialisation.
    pub(crate) holder: Option<TaskId>,
    /// The place where the holder took it.
    pub(crate) taken: Option<&'static Location<'static>>,
    pub(crate) readers: Vec<TaskId>,
    pub(crate) is_poisoned: bool,
    /// Messages in a channel, or threads that have arrived at a barrier.
    pub(crate) count: usize,
    /// The most messages that a channel has room for.
    pub(crate) capacity: usize,
    /// How often all threads have arrived at a barrier.
    pub(crate) generation: usize,
    /// Whether the other end of a channel is gone, or an initialisation is done.
    pub(crate) is_closed: bool,
    /// The threads that wait for a notification.
    pub(crate) waiters: Vec<TaskId>,
    /// The notifications that no thread has received, each with the threads that can.
    pub(crate) signals: Vec<Vec<TaskId>>,
    /// How often it has changed.
    pub(crate) version: u64,
    /// The value, as text, if the run is recorded.
    pub(crate) value: Option<String>,
    /// The outcome of the last operation, if the run is recorded.
    pub(crate) outcome: Option<String>,
}

impl Object {
    pub(crate) fn new(kind: Kind, made: &'static Location<'static>) -> Object {
        Object {
            kind,
            made,
            holder: None,
            taken: None,
            readers: Vec::new(),
            is_poisoned: false,
            count: 0,
            capacity: usize::MAX,
            generation: 0,
            is_closed: false,
            waiters: Vec::new(),
            signals: Vec::new(),
            version: 0,
            value: None,
            outcome: None,
        }
    }

    pub(crate) fn is_free(&self) -> bool {
        self.holder.is_none() && self.readers.is_empty()
    }

    pub(crate) fn has_signal_for(&self, task: TaskId) -> bool {
        self.signals.iter().any(|signal| signal.contains(&task))
    }

    /// Stops the wait of a thread. Returns whether a notification ended it.
    pub(crate) fn wake(&mut self, task: TaskId) -> bool {
        self.waiters.retain(|waiter| *waiter != task);
        let received = self.signals.iter().position(|signal| signal.contains(&task));
        if let Some(index) = received {
            self.signals.remove(index);
        }
        for signal in &mut self.signals {
            signal.retain(|waiter| *waiter != task);
        }
        self.signals.retain(|signal| !signal.is_empty());
        received.is_some()
    }

    /// Notifies one of the threads that wait.
    pub(crate) fn signal(&mut self) {
        // Each of the earlier notifications will be one thread's, so there must be more threads than these.
        let able = self.waiters.clone();
        if able.len() > self.signals.len() {
            self.signals.push(able);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_for_one_of_those_who_waited_at_its_time() {
        let mut object = Object::new(Kind::Condvar, Location::caller());
        object.signal();
        assert!(object.signals.is_empty(), "nobody waits");
        object.waiters = vec![1, 2];
        object.signal();
        object.waiters.push(3);
        assert!(object.has_signal_for(1) && object.has_signal_for(2) && !object.has_signal_for(3));
        assert!(object.wake(2));
        assert!(!object.has_signal_for(1));
        assert!(!object.wake(1), "a time-out");
        assert_eq!(object.waiters, [3]);
    }

    #[test]
    fn two_notifications_are_for_two_threads() {
        let mut object = Object::new(Kind::Condvar, Location::caller());
        object.waiters = vec![1, 2];
        (0..3).for_each(|_| object.signal());
        assert_eq!(object.signals.len(), 2);
        assert!(object.wake(1) && object.wake(2));
        assert!(object.signals.is_empty());
    }
}
