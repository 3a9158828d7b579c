//! The graph of the waits of a deadlock.

use std::fmt;
use std::sync::Arc;

/// The kind of a node of a [`WaitGraph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A worker of a pool.
    Worker,
    /// Any other thread, such as `main`.
    Thread,
    /// A task.
    Task,
    /// A lock.
    Lock,
    /// A pool.
    Pool,
}

/// The relation between the two ends of an edge of a [`WaitGraph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// A worker or thread runs a task.
    Runs,
    /// A task, or a thread that runs no task, waits for a task, lock, thread or pool.
    WaitsFor,
    /// A lock is held by a worker or thread.
    HeldBy,
    /// A task stands in the queue of a pool.
    QueuedIn,
    /// A pool needs one of its workers to become free, and this is one of them.
    NeedsWorker,
}

/// A worker, thread, task, lock or pool that takes part in a deadlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The kind of the node.
    pub kind: NodeKind,
    /// Its name, such as `worker 0` or `alice`.
    pub name: String,
    /// The pool that a worker or task belongs to.
    pub pool: Option<String>,
}

/// The place of a node in [`WaitGraph::nodes`].
pub type NodeId = usize;

/// One relation between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The node that the sentence begins with.
    pub from: NodeId,
    /// The relation of the two.
    pub relation: Relation,
    /// The node that the sentence ends with.
    pub to: NodeId,
}

/// A deadlock: the waits that form it, and why none of them can end.
///
/// As text it is a sentence a waiting worker: "worker 0 runs `alice`, which waits for `bob`; worker 1
/// runs `bob`, which waits for `alice`".
#[derive(Clone, PartialEq, Eq)]
pub struct WaitGraph {
    data: Arc<Data>,
}

#[derive(PartialEq, Eq)]
struct Data {
    nodes: Vec<Node>,
    /// Sorted by `from`: a deadlock of ten thousand workers is still printed at once.
    edges: Vec<Edge>,
    several_pools: bool,
}

/// Collects the nodes and edges of a [`WaitGraph`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitGraphBuilder {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl WaitGraphBuilder {
    /// An empty graph.
    pub fn new() -> WaitGraphBuilder {
        WaitGraphBuilder::default()
    }

    /// Adds a node.
    pub fn node(&mut self, kind: NodeKind, name: impl Into<String>, pool: Option<String>) -> NodeId {
        self.nodes.push(Node { kind, name: name.into(), pool });
        self.nodes.len() - 1
    }

    /// Adds an edge.
    ///
    /// # Panics
    ///
    /// If one of the two nodes does not exist.
    pub fn edge(&mut self, from: NodeId, relation: Relation, to: NodeId) {
        assert!(from.max(to) < self.nodes.len(), "an edge needs nodes that exist");
        self.edges.push(Edge { from, relation, to });
    }

    /// The finished graph.
    pub fn build(self) -> WaitGraph {
        let WaitGraphBuilder { nodes, mut edges } = self;
        // Stable, so the targets of a node stay in the order in which they were added.
        edges.sort_by_key(|edge| edge.from);
        let is_worker = |node: &&Node| node.kind == NodeKind::Worker;
        let mut pools = nodes.iter().filter(is_worker).map(|node| &node.pool);
        let first = pools.next();
        let several_pools = pools.any(|pool| Some(pool) != first);
        WaitGraph { data: Arc::new(Data { nodes, edges, several_pools }) }
    }
}

impl WaitGraph {
    /// Everything that takes part.
    pub fn nodes(&self) -> &[Node] {
        &self.data.nodes
    }

    /// How it hangs together.
    pub fn edges(&self) -> &[Edge] {
        &self.data.edges
    }

    /// One sentence for each worker or thread that waits, in the order in which they were found.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        self.waiters().filter_map(|id| self.sentence(id))
    }

    fn waiters(&self) -> impl Iterator<Item = NodeId> {
        (0..self.nodes().len()).filter(|id| self.nodes()[*id].kind.is_thread())
    }

    fn sentence(&self, thread: NodeId) -> Option<String> {
        let name = self.thread_name(thread);
        let (mut text, waiter) = match self.targets(thread, Relation::Runs).next() {
            Some(task) => (format!("{name} runs `{}`, which waits for ", self.nodes()[task].name), task),
            None => (format!("{name} waits for "), thread),
        };
        let goals: Vec<String> =
            self.targets(waiter, Relation::WaitsFor).map(|goal| self.goal(goal)).collect();
        if goals.is_empty() {
            return None;
        }
        text.push_str(&goals.join(" and "));
        Some(text)
    }

    fn goal(&self, goal: NodeId) -> String {
        let node = &self.nodes()[goal];
        match node.kind {
            NodeKind::Lock => match self.targets(goal, Relation::HeldBy).next() {
                Some(holder) => format!("lock `{}`, which {} holds", node.name, self.thread_name(holder)),
                None => format!("lock `{}`", node.name),
            },
            NodeKind::Task => match self.targets(goal, Relation::QueuedIn).next() {
                Some(pool) => {
                    let workers = self.targets(pool, Relation::NeedsWorker).count();
                    let all = match workers {
                        1 => "whose only worker waits".to_owned(),
                        2 => "whose 2 workers both wait".to_owned(),
                        _ => format!("whose {workers} workers all wait"),
                    };
                    let pool = &self.nodes()[pool].name;
                    format!("`{}`, which stands in the queue of `{pool}`, {all}", node.name)
                }
                None => format!("`{}`", node.name),
            },
            NodeKind::Pool => format!("the workers of `{}` to end", node.name),
            NodeKind::Worker | NodeKind::Thread => format!("{} to end", self.thread_name(goal)),
        }
    }

    /// `worker 0`, or `worker 0 of io` when workers of several pools take part.
    fn thread_name(&self, thread: NodeId) -> String {
        let node = &self.nodes()[thread];
        match (&node.pool, node.kind) {
            (Some(pool), NodeKind::Worker) if self.data.several_pools => {
                format!("{} of `{pool}`", node.name)
            }
            (_, NodeKind::Thread) => format!("thread `{}`", node.name),
            _ => node.name.clone(),
        }
    }

    fn targets(&self, from: NodeId, relation: Relation) -> impl Iterator<Item = NodeId> {
        let edges = self.edges().iter();
        edges.filter(move |edge| edge.from == from && edge.relation == relation).map(|edge| edge.to)
    }
}

impl NodeKind {
    fn is_thread(self) -> bool {
        matches!(self, NodeKind::Worker | NodeKind::Thread)
    }
}

/// The sentences, the first dozen of them in full.
impl fmt::Display for WaitGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        let shown: Vec<String> = self.sentences().take(MOST).collect();
        f.write_str(&shown.join("; "))?;
        match self.waiters().count().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "; and {more} more like these"),
        }
    }
}

impl fmt::Debug for WaitGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "WaitGraph({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workers_that_wait_for_each_other() {
        let mut graph = WaitGraphBuilder::new();
        let pool = || Some("pool".to_owned());
        let workers = [0, 1].map(|n| graph.node(NodeKind::Worker, format!("worker {n}"), pool()));
        let tasks = ["alice", "bob"].map(|name| graph.node(NodeKind::Task, name, pool()));
        for n in [0, 1] {
            graph.edge(workers[n], Relation::Runs, tasks[n]);
            graph.edge(tasks[n], Relation::WaitsFor, tasks[1 - n]);
        }
        assert_eq!(
            graph.build().to_string(),
            "worker 0 runs `alice`, which waits for `bob`; worker 1 runs `bob`, which waits for `alice`"
        );
    }

    #[test]
    fn a_task_in_its_own_full_pool() {
        let mut graph = WaitGraphBuilder::new();
        let worker = graph.node(NodeKind::Worker, "worker 0", Some("io".into()));
        let outer = graph.node(NodeKind::Task, "wait_on_future", Some("io".into()));
        let inner = graph.node(NodeKind::Task, "task 2", Some("io".into()));
        let pool = graph.node(NodeKind::Pool, "io", None);
        graph.edge(worker, Relation::Runs, outer);
        graph.edge(outer, Relation::WaitsFor, inner);
        graph.edge(inner, Relation::QueuedIn, pool);
        graph.edge(pool, Relation::NeedsWorker, worker);
        assert_eq!(
            graph.build().to_string(),
            "worker 0 runs `wait_on_future`, which waits for `task 2`, which stands in the queue of `io`, \
             whose only worker waits"
        );
    }

    #[test]
    fn locks_name_their_holders_and_workers_their_pools() {
        let mut graph = WaitGraphBuilder::new();
        let worker = graph.node(NodeKind::Worker, "worker 0", Some("io".into()));
        let other = graph.node(NodeKind::Worker, "worker 0", Some("cpu".into()));
        let thread = graph.node(NodeKind::Thread, "main", None);
        let lock = graph.node(NodeKind::Lock, "accounts", None);
        graph.edge(worker, Relation::WaitsFor, lock);
        graph.edge(lock, Relation::HeldBy, other);
        graph.edge(thread, Relation::WaitsFor, worker);
        assert_eq!(
            graph.build().to_string(),
            "worker 0 of `io` waits for lock `accounts`, which worker 0 of `cpu` holds; \
             thread `main` waits for worker 0 of `io` to end"
        );
    }
}
