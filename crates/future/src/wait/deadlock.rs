//! Finding deadlocks: waits that can never end.
//!
//! # What is known
//!
//! An agent (a thread, see `agent`) that blocks registers its wait here, unless the wait ends by itself
//! or nobody could need the agent. So the table holds exactly the agents that do nothing but wait, and
//! an agent that is *not* in the table is taken to be *live*: it runs, or idles, or sleeps, or waits with
//! a time-out, or for something that this crate does not know. Each wait says what it needs: futures,
//! locks, the end of a thread or of a pool; all of them or any.
//!
//! # What is stuck
//!
//! The live agents are the least set such that an agent is live if it is not in the table, or if what it
//! needs can still come about through live agents:
//!
//! * a future: if it is done; if it is a promise (anybody may keep it); if its task runs on a live agent;
//!   or if its task stands in the queue of a pool that has, or may still start, a worker that is live;
//! * a lock: if it is free or its holder is live;
//! * the end of a thread: if the thread is live;
//! * the end of a pool: if all of its workers are live.
//!
//! All others are stuck. Nothing in that definition guesses: for a stuck agent to go on, another stuck
//! agent would have to go on first. So there are no false alarms. And a deadlock is found when its last
//! wait begins, because by then all of its agents are in the table and none is live.
//!
//! # When to look
//!
//! Only the beginning of a wait makes agents stuck, so that is when the table is searched, under one lock
//! for the whole process. Suppose agent `a` begins to wait and nothing was stuck before. If anything is
//! stuck now, `a` is (else the same agents would have been stuck before), and every stuck agent's chain
//! of needs leads to `a` (a set of stuck agents that can do without `a` would have been stuck before).
//! So it is enough to look at what `a` needs, transitively; most often the first step already ends at a
//! live agent.
//!
//! # Which waits fail
//!
//! Let `a` be stuck. Starting at `a`, follow needs from stuck agent to stuck agent. Each agent reached is
//! needed by `a` and, as shown above, needs `a`: these waits form the deadlock, and all of them fail.
//! Agents that are stuck only because they wait for one of these are *not* reached; their waits go on
//! and end when the agents of the deadlock, having got their errors, go on. Afterwards nothing is stuck,
//! which is what the argument above began with.
//!
//! # Memory ordering
//!
//! Who runs a task and who holds a lock are plain atomics, written by the agent in question before it
//! registers a wait. Registration takes the lock of the table, and so does the search: for an agent in
//! the table, its writes are visible. For an agent that is not in the table they need not be, because it
//! is live whatever they say. Whether a future is done is read with `Acquire`, and a stale "not done"
//! can only be read while the agent that completes it is not in the table.

mod drawing;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use crate::fork::Held;
use threadbook_trace::sync::Mutex;

use crate::agent::{self, Agent, AgentId, PoolId, Running};
use crate::state::{Maker, Tracked};

/// What a wait needs.
pub(crate) enum Need {
    /// Every one of these.
    All(Vec<Dependency>),
    /// At least one of these.
    Any(Vec<Dependency>),
}

/// One thing that a wait needs.
pub(crate) enum Dependency {
    /// A future that is done.
    Task(Arc<dyn Tracked>),
    /// A lock that is free.
    Lock(Arc<LockId>),
    /// A thread that has ended; the future is that of its result.
    End(Arc<dyn Tracked>),
    /// A pool whose workers have ended.
    Drained(PoolId),
}

/// A lock, as the detector knows it.
pub(crate) struct LockId {
    pub(crate) name: String,
    /// The agent that holds it, or 0.
    pub(crate) holder: AtomicU32,
}

struct Wait {
    agent: Arc<Agent>,
    running: Option<Running>,
    need: Need,
}

struct Pool {
    name: String,
    /// The number of workers that it has or may start.
    most: usize,
    /// Its workers in the table.
    waiting: HashSet<AgentId>,
}

#[derive(Default)]
struct Table {
    waits: HashMap<AgentId, Wait>,
    pools: HashMap<PoolId, Pool>,
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);
static LAST_POOL: AtomicU32 = AtomicU32::new(0);

/// Makes a pool known; it may have up to `most` workers.
pub(crate) fn add_pool(name: &str, most: usize) -> PoolId {
    let id = LAST_POOL.fetch_add(1, Relaxed) + 1;
    let pool = Pool { name: name.to_owned(), most, waiting: HashSet::new() };
    TABLE.lock().pools.insert(id, pool);
    id
}

/// Forgets a pool that has no more workers and tasks.
pub(crate) fn remove_pool(id: PoolId) {
    TABLE.lock().pools.remove(&id);
}

/// Notes that a pool will never have more than `most` workers, because no more threads can be started.
pub(crate) fn limit_pool(id: PoolId, most: usize) {
    let mut table = TABLE.lock();
    if let Some(pool) = table.pools.get_mut(&id) {
        pool.most = most;
    }
    // This is the one event besides the beginning of a wait that can make agents stuck.
    let agents: Vec<AgentId> = table.waits.keys().copied().collect();
    for agent in agents {
        table.judge(agent);
    }
}

/// Forgets all waits, in a copy of the process that has none of the threads that wait.
pub(crate) fn forget_waits() {
    let mut table = TABLE.lock();
    table.waits.clear();
    table.pools.values_mut().for_each(|pool| pool.waiting.clear());
}

/// Locks the table, as long as what is returned lives.
pub(crate) fn hold() -> Box<dyn Held> {
    Box::new(TABLE.lock())
}

/// Registers that `agent`, the calling thread, waits. If that makes a deadlock, every agent in it,
/// perhaps including this one, finds a verdict.
pub(crate) fn enter(agent: &Arc<Agent>, need: Need) {
    let id = agent.id;
    let wait = Wait { agent: Arc::clone(agent), running: agent::running(), need };
    let mut table = TABLE.lock();
    if let Some(pool) = table.pools.get_mut(&agent.pool()) {
        pool.waiting.insert(id);
    }
    table.waits.insert(id, wait);
    table.judge(id);
}

/// Takes the registration back, and a verdict that came too late to be looked at.
pub(crate) fn leave(agent: &Agent) {
    TABLE.lock().remove(agent.id);
    agent.take_verdict();
}

impl Table {
    fn remove(&mut self, id: AgentId) -> Option<Wait> {
        let wait = self.waits.remove(&id)?;
        if let Some(pool) = self.pools.get_mut(&wait.agent.pool()) {
            pool.waiting.remove(&id);
        }
        Some(wait)
    }

    /// Fails the waits of the deadlock that `start` is in, if it is in one.
    fn judge(&mut self, start: AgentId) {
        let Some(wait) = self.waits.get(&start) else {
            return;
        };
        let nobody = HashSet::new();
        if self.can_go_on(wait, &nobody) {
            return;
        }
        let reached = self.reach(start, |_| true);
        let live = self.live_among(&reached);
        if live.contains(&start) {
            return;
        }
        let stuck = self.reach(start, |agent| !live.contains(&agent));
        let graph = self.draw(&stuck);
        for agent in stuck {
            if let Some(wait) = self.remove(agent) {
                wait.agent.convict(graph.clone());
            }
        }
    }

    /// The registered agents that `start` needs, transitively and including itself, in the order of a
    /// breadth-first search that enters only agents that are `wanted`.
    fn reach(&self, start: AgentId, wanted: impl Fn(AgentId) -> bool) -> Vec<AgentId> {
        let mut found = vec![start];
        let mut seen = HashSet::from([start]);
        let mut pools = HashSet::new();
        let mut next = 0;
        while let Some(agent) = found.get(next).copied() {
            next += 1;
            let mut enter = |agent: AgentId| {
                if self.waits.contains_key(&agent) && wanted(agent) && seen.insert(agent) {
                    found.push(agent);
                }
            };
            for dependency in self.waits[&agent].need.dependencies() {
                match self.suppliers(dependency) {
                    Suppliers::Nobody => {}
                    Suppliers::Agent(agent) => enter(agent),
                    Suppliers::Pool(id) => {
                        if pools.insert(id)
                            && let Some(pool) = self.pools.get(&id)
                        {
                            pool.waiting.iter().copied().for_each(&mut enter);
                        }
                    }
                }
            }
        }
        found
    }

    /// Those of `agents` that are live, by the definition above.
    fn live_among(&self, agents: &[AgentId]) -> HashSet<AgentId> {
        let mut live = HashSet::new();
        // Needs lead from the front of the list to its back, mostly: from the back, a round or two do.
        loop {
            let before = live.len();
            for agent in agents.iter().rev() {
                if !live.contains(agent) && self.can_go_on(&self.waits[agent], &live) {
                    live.insert(*agent);
                }
            }
            if live.len() == before {
                return live;
            }
        }
    }

    fn can_go_on(&self, wait: &Wait, live: &HashSet<AgentId>) -> bool {
        let can_come = |dependency: &Dependency| self.can_come(dependency, live);
        match &wait.need {
            Need::All(needs) => needs.iter().all(can_come),
            Need::Any(needs) => needs.is_empty() || needs.iter().any(can_come),
        }
    }

    fn can_come(&self, dependency: &Dependency, live: &HashSet<AgentId>) -> bool {
        let is_live = |agent: &AgentId| !self.waits.contains_key(agent) || live.contains(agent);
        match (self.suppliers(dependency), dependency) {
            (Suppliers::Nobody, _) => true,
            (Suppliers::Agent(agent), _) => is_live(&agent),
            (Suppliers::Pool(id), Dependency::Drained(_)) => {
                self.pools.get(&id).is_none_or(|pool| pool.waiting.iter().all(is_live))
            }
            (Suppliers::Pool(id), _) => self
                .pools
                .get(&id)
                .is_none_or(|pool| pool.waiting.len() < pool.most || pool.waiting.iter().any(is_live)),
        }
    }

    fn suppliers(&self, dependency: &Dependency) -> Suppliers {
        match dependency {
            Dependency::Task(task) | Dependency::End(task) if task.state().is_done() => Suppliers::Nobody,
            Dependency::Task(task) | Dependency::End(task) => match task.state().header().maker() {
                Maker::Anybody => Suppliers::Nobody,
                Maker::Thread(agent) => Suppliers::Agent(agent),
                Maker::Queue(pool) => Suppliers::Pool(pool),
            },
            Dependency::Lock(lock) => match lock.holder.load(Relaxed) {
                0 => Suppliers::Nobody,
                agent => Suppliers::Agent(agent),
            },
            Dependency::Drained(pool) => Suppliers::Pool(*pool),
        }
    }
}

/// Who has to act for a need to be met.
enum Suppliers {
    /// It is met already, or somebody unknown will see to it.
    Nobody,
    Agent(AgentId),
    Pool(PoolId),
}

impl Need {
    fn dependencies(&self) -> &[Dependency] {
        let (Need::All(needs) | Need::Any(needs)) = self;
        needs
    }
}
