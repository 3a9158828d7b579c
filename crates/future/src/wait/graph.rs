//! The waits of a deadlock as the graph that its error carries.

use std::collections::HashMap;
use std::sync::Arc;

use threadbook_trace::{NodeId, NodeKind, Relation, TaskLabel, WaitGraph, WaitGraphBuilder};

use super::table::{Awaited, AwaitedNode, Supplier, Table};
use super::thread::{PoolId, ThreadNumber};

/// The graph of the waits of the threads `stuck`.
pub(super) fn draw(table: &Table, stuck: &[ThreadNumber]) -> WaitGraph {
    let mut drawing = Drawing::new(table);
    for thread in stuck {
        drawing.thread(*thread);
    }
    for thread in stuck {
        let wait = &table.waits[thread];
        let mut waiter = drawing.thread(*thread);
        if let Some(running) = wait.running.filter(|running| !running.is_thread) {
            let task = drawing.task(running.label, running.pool);
            drawing.graph.edge(waiter, Relation::Runs, task);
            waiter = task;
        }
        for awaited in wait.need.awaited() {
            if let Some(goal) = drawing.goal(awaited) {
                drawing.graph.edge(waiter, Relation::WaitsFor, goal);
            }
        }
    }
    drawing.graph.build()
}

/// A graph, with the nodes that it has already.
struct Drawing<'a> {
    table: &'a Table,
    graph: WaitGraphBuilder,
    threads: HashMap<ThreadNumber, NodeId>,
    tasks: HashMap<(PoolId, TaskLabel), NodeId>,
    locks: HashMap<usize, NodeId>,
    pools: HashMap<PoolId, NodeId>,
}

impl Drawing<'_> {
    fn new(table: &Table) -> Drawing<'_> {
        let (graph, threads) = (WaitGraphBuilder::default(), HashMap::new());
        Drawing { table, graph, threads, tasks: HashMap::new(), locks: HashMap::new(), pools: HashMap::new() }
    }

    fn pool_name(&self, id: PoolId) -> Option<String> {
        self.table.pools.get(&id).map(|pool| pool.name.clone())
    }

    fn thread(&mut self, number: ThreadNumber) -> NodeId {
        if let Some(node) = self.threads.get(&number) {
            return *node;
        }
        let thread = self.table.waits.get(&number).map(|wait| &wait.thread);
        let pool = thread.and_then(|thread| self.pool_name(thread.pool()));
        let kind = if pool.is_some() { NodeKind::Worker } else { NodeKind::Thread };
        let name = thread.map_or("another thread", |thread| &thread.name);
        let node = self.graph.node(kind, name, pool);
        self.threads.insert(number, node);
        node
    }

    /// A node for something awaited; none if the wait for it is over.
    fn goal(&mut self, awaited: &Arc<dyn Awaited>) -> Option<NodeId> {
        match (awaited.node(), awaited.supplier()) {
            (AwaitedNode::Task(label, pool), Supplier::Thread(_)) => Some(self.task(label, pool)),
            (AwaitedNode::Task(label, pool), Supplier::AnyOf(queue)) => {
                let is_new = !self.tasks.contains_key(&(pool, label));
                let node = self.task(label, pool);
                if is_new {
                    let queue = self.pool(queue);
                    self.graph.edge(node, Relation::QueuedIn, queue);
                }
                Some(node)
            }
            (AwaitedNode::Lock(name), Supplier::Thread(holder)) => {
                let address = Arc::as_ptr(awaited).cast::<()>() as usize;
                if let Some(node) = self.locks.get(&address) {
                    return Some(*node);
                }
                let node = self.graph.node(NodeKind::Lock, name, None);
                self.locks.insert(address, node);
                let holder = self.thread(holder);
                self.graph.edge(node, Relation::HeldBy, holder);
                Some(node)
            }
            (AwaitedNode::ThreadEnd, Supplier::Thread(thread)) => Some(self.thread(thread)),
            (AwaitedNode::PoolEnd, Supplier::AllOf(pool)) => Some(self.pool(pool)),
            _ => None,
        }
    }

    fn task(&mut self, label: TaskLabel, pool: PoolId) -> NodeId {
        if let Some(node) = self.tasks.get(&(pool, label)) {
            return *node;
        }
        let node = self.graph.node(NodeKind::Task, label.to_string(), self.pool_name(pool));
        self.tasks.insert((pool, label), node);
        node
    }

    fn pool(&mut self, id: PoolId) -> NodeId {
        if let Some(node) = self.pools.get(&id) {
            return *node;
        }
        let pool = self.table.pools.get(&id);
        let name = pool.map_or("a pool", |pool| &pool.name);
        let node = self.graph.node(NodeKind::Pool, name, None);
        self.pools.insert(id, node);
        for worker in pool.into_iter().flat_map(|pool| &pool.waiting) {
            let worker = self.thread(*worker);
            self.graph.edge(node, Relation::NeedsWorker, worker);
        }
        node
    }
}
