//! The waits of a deadlock as the graph that its error carries.

use std::collections::HashMap;
use std::sync::Arc;

use threadbook_trace::{NodeId, NodeKind, Relation, WaitGraph, WaitGraphBuilder};

use super::{Dependency, Suppliers, Table};
use crate::agent::{AgentId, PoolId};
use crate::state::{Maker, Tracked};

impl Table {
    pub(super) fn draw(&self, stuck: &[AgentId]) -> WaitGraph {
        let mut drawing = Drawing::default();
        for agent in stuck {
            self.agent_node(&mut drawing, *agent);
        }
        for agent in stuck {
            let wait = &self.waits[agent];
            let mut waiter = self.agent_node(&mut drawing, *agent);
            if let Some(running) = wait.running.filter(|running| !running.is_thread) {
                let pool = self.pools.get(&running.pool).map(|pool| pool.name.clone());
                let key = (running.pool, running.label);
                let task = *drawing
                    .tasks
                    .entry(key)
                    .or_insert_with(|| drawing.graph.node(NodeKind::Task, running.label.to_string(), pool));
                drawing.graph.edge(waiter, Relation::Runs, task);
                waiter = task;
            }
            for dependency in wait.need.dependencies() {
                if let Some(goal) = self.goal_node(&mut drawing, dependency) {
                    drawing.graph.edge(waiter, Relation::WaitsFor, goal);
                }
            }
        }
        drawing.graph.build()
    }

    fn agent_node(&self, drawing: &mut Drawing, agent: AgentId) -> NodeId {
        *drawing.agents.entry(agent).or_insert_with(|| {
            let agent = self.waits.get(&agent).map(|wait| &wait.agent);
            let pool = agent.and_then(|agent| self.pools.get(&agent.pool()));
            let kind = if pool.is_some() { NodeKind::Worker } else { NodeKind::Thread };
            let name = agent.map_or("another thread", |agent| &agent.name);
            drawing.graph.node(kind, name, pool.map(|pool| pool.name.clone()))
        })
    }

    /// A node for what is needed; none if the need is met.
    fn goal_node(&self, drawing: &mut Drawing, dependency: &Dependency) -> Option<NodeId> {
        match (dependency, self.suppliers(dependency)) {
            (Dependency::Task(task), Suppliers::Agent(_) | Suppliers::Pool(_)) => {
                Some(self.task_node(drawing, task.as_ref()))
            }
            (Dependency::Lock(lock), Suppliers::Agent(holder)) => {
                let address = Arc::as_ptr(lock) as usize;
                if let Some(node) = drawing.locks.get(&address) {
                    return Some(*node);
                }
                let node = drawing.graph.node(NodeKind::Lock, &*lock.name, None);
                drawing.locks.insert(address, node);
                let holder = self.agent_node(drawing, holder);
                drawing.graph.edge(node, Relation::HeldBy, holder);
                Some(node)
            }
            (Dependency::End(_), Suppliers::Agent(agent)) => Some(self.agent_node(drawing, agent)),
            (Dependency::Drained(pool), _) => Some(self.pool_node(drawing, *pool)),
            _ => None,
        }
    }

    fn task_node(&self, drawing: &mut Drawing, task: &dyn Tracked) -> NodeId {
        let header = task.state().header();
        let key = (header.pool, header.label);
        let queue = match header.maker() {
            Maker::Queue(pool) => Some(pool),
            _ => None,
        };
        if let Some(node) = drawing.tasks.get(&key) {
            return *node;
        }
        let pool = self.pools.get(&header.pool).map(|pool| pool.name.clone());
        let node = drawing.graph.node(NodeKind::Task, header.label.to_string(), pool);
        drawing.tasks.insert(key, node);
        if let Some(queue) = queue {
            let pool = self.pool_node(drawing, queue);
            drawing.graph.edge(node, Relation::QueuedIn, pool);
        }
        node
    }

    fn pool_node(&self, drawing: &mut Drawing, id: PoolId) -> NodeId {
        if let Some(node) = drawing.pools.get(&id) {
            return *node;
        }
        let pool = self.pools.get(&id);
        let name = pool.map_or("a pool", |pool| &pool.name);
        let node = drawing.graph.node(NodeKind::Pool, name, None);
        drawing.pools.insert(id, node);
        let mut workers: Vec<AgentId> =
            pool.into_iter().flat_map(|pool| pool.waiting.iter().copied()).collect();
        workers.sort_unstable();
        for worker in workers {
            let worker = self.agent_node(drawing, worker);
            drawing.graph.edge(node, Relation::NeedsWorker, worker);
        }
        node
    }
}

/// The nodes that were drawn already.
#[derive(Default)]
struct Drawing {
    graph: WaitGraphBuilder,
    agents: HashMap<AgentId, NodeId>,
    tasks: HashMap<(PoolId, threadbook_trace::TaskLabel), NodeId>,
    locks: HashMap<usize, NodeId>,
    pools: HashMap<PoolId, NodeId>,
}
