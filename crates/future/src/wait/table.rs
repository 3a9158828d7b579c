//! The table of waits, in which deadlocks are found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use threadbook_trace::TaskLabel;

use super::thread::{PoolId, Running, ThreadData, ThreadNumber};

/// The condition of a wait.
pub enum Need {
    /// All of these.
    All(Vec<Arc<dyn Awaited>>),
    /// At least one of these. If there are none, any thread may end the wait.
    Any(Vec<Arc<dyn Awaited>>),
}

/// A future, lock, thread or pool that a thread can wait for.
pub trait Awaited: Send + Sync {
    /// The threads that can bring it about. If it is there already: [`Supplier::Anyone`].
    fn supplier(&self) -> Supplier;

    /// Its node in the graph of a deadlock.
    fn node(&self) -> AwaitedNode<'_>;
}

/// The threads that can bring about what another thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supplier {
    /// Any thread, known or not; or the wait is over.
    Anyone,
    /// This thread.
    Thread(ThreadNumber),
    /// Any worker of this pool.
    AnyOf(PoolId),
    /// All workers of this pool together.
    AllOf(PoolId),
}

/// Something awaited, as a graph shows it.
pub enum AwaitedNode<'a> {
    /// A task, with the pool that it was submitted to.
    Task(TaskLabel, PoolId),
    /// A lock, by its name.
    Lock(&'a str),
    /// The end of a thread.
    ThreadEnd,
    /// The end of a pool.
    PoolEnd,
}

impl Need {
    pub(super) fn awaited(&self) -> &[Arc<dyn Awaited>] {
        let (Need::All(needs) | Need::Any(needs)) = self;
        needs
    }
}

/// The end of a pool, when all of its workers have ended.
pub struct PoolEnd(pub PoolId);

impl Awaited for PoolEnd {
    fn supplier(&self) -> Supplier {
        Supplier::AllOf(self.0)
    }

    fn node(&self) -> AwaitedNode<'_> {
        AwaitedNode::PoolEnd
    }
}

pub(super) struct Wait {
    pub(super) thread: Arc<ThreadData>,
    pub(super) running: Option<Running>,
    pub(super) need: Need,
}

pub(super) struct Pool {
    pub(super) name: String,
    /// The number of workers that it has or may start.
    pub(super) max_workers: usize,
    /// Its workers in the table.
    pub(super) waiting: BTreeSet<ThreadNumber>,
}

pub(super) struct Table {
    pub(super) waits: BTreeMap<ThreadNumber, Wait>,
    pub(super) pools: BTreeMap<PoolId, Pool>,
}

impl Table {
    pub(super) fn remove(&mut self, id: ThreadNumber) -> Option<Wait> {
        let wait = self.waits.remove(&id)?;
        if let Some(pool) = self.pools.get_mut(&wait.thread.pool()) {
            pool.waiting.remove(&id);
        }
        Some(wait)
    }
}
