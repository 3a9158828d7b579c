//! From the graph to the boxes and arrows to draw: a worker and its task are one box, and of many boxes only
//! the first ones are drawn.

use std::collections::{BTreeMap, VecDeque};

use threadbook_timing::{counted, grouped};
use threadbook_trace::{Node, NodeId, NodeKind, Relation, WaitGraph};

/// The maximum number of boxes; further ones are drawn as "and 488 more". A single further box is drawn,
/// because a box "and 1 more" would take as much room.
const MAX_BOXES: usize = 12;

/// The kind of a box, which determines its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A worker or thread, with the task that it runs.
    Thread,
    /// A task that no thread of the graph runs.
    Task,
    Lock,
    Pool,
    /// All boxes that are not drawn.
    More,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) shape: Shape,
    pub(super) name: String,
    /// A second line; may be empty.
    pub(super) detail: String,
}

/// An arrow between two boxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
    /// Whether it belongs to the highlighted cycle.
    pub(super) in_cycle: bool,
}

/// The content of the picture. The items are in an order in which each tends to wait for the next.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) title: String,
    pub(super) items: Vec<Item>,
    pub(super) arrows: Vec<Arrow>,
}

impl Scene {
    pub(super) fn of(graph: &WaitGraph) -> Scene {
        let whole = Whole::of(graph);
        let boxes = whole.out.iter().zip(&whole.place).enumerate();
        let count = boxes.filter(|(node, (_, place))| *node == **place).count();
        let order = whole.order(if count > MAX_BOXES + 1 { MAX_BOXES } else { count });
        let mut items: Vec<Item> = order.iter().map(|node| whole.item(*node)).collect();
        let mut index = vec![items.len(); graph.nodes().len()];
        for (item, node) in order.iter().enumerate() {
            index[*node] = item;
        }
        if count > items.len() {
            items.push(whole.more(&index));
        }
        let mut arrows = whole.arrows(&index);
        let cycle = (0..items.len()).find_map(|item| shortest_cycle(&arrows, items.len(), item));
        for arrow in &mut arrows {
            arrow.in_cycle = cycle.as_ref().is_some_and(|cycle| cycle.contains(&(arrow.from, arrow.to)));
        }
        Scene { title: whole.title(cycle.is_some()), items, arrows }
    }
}

/// The graph with a worker and its task as one.
struct Whole<'a> {
    graph: &'a WaitGraph,
    /// The edges that leave a node.
    out: Vec<Vec<(Relation, NodeId)>>,
    /// The box of each node, by its main node: a task is in the box of the thread that runs it.
    place: Vec<NodeId>,
    /// The task in a thread's box.
    task: Vec<Option<NodeId>>,
    several_pools: bool,
}

impl<'a> Whole<'a> {
    fn of(graph: &'a WaitGraph) -> Whole<'a> {
        let nodes = graph.nodes();
        let mut out = vec![Vec::new(); nodes.len()];
        let mut place: Vec<NodeId> = (0..nodes.len()).collect();
        let mut task = vec![None; nodes.len()];
        for edge in graph.edges() {
            let is_run = edge.relation == Relation::Runs && is_thread(&nodes[edge.from]);
            let is_task = nodes[edge.to].kind == NodeKind::Task && place[edge.to] == edge.to;
            if is_run && is_task && task[edge.from].is_none() {
                place[edge.to] = edge.from;
                task[edge.from] = Some(edge.to);
            } else {
                out[edge.from].push((edge.relation, edge.to));
            }
        }
        let mut pools = nodes.iter().filter(|node| node.kind == NodeKind::Worker).map(|node| &node.pool);
        let first = pools.next();
        let several_pools = pools.any(|pool| Some(pool) != first);
        Whole { graph, out, place, task, several_pools }
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.graph.nodes()[id]
    }

    /// The arrows that leave a box.
    fn out_of(&self, node: NodeId) -> impl DoubleEndedIterator<Item = (Relation, NodeId)> {
        let task = self.task[node].map_or(&[][..], |task| &self.out[task]);
        self.out[node].iter().chain(task).map(|(relation, to)| (*relation, self.place[*to]))
    }

    /// The first `count` boxes, depth first from the first thread, so that a cycle is in order.
    fn order(&self, count: usize) -> Vec<NodeId> {
        let nodes = 0..self.graph.nodes().len();
        let (threads, others): (Vec<_>, Vec<_>) =
            nodes.filter(|node| self.place[*node] == *node).partition(|node| is_thread(self.node(*node)));
        let mut seen = vec![false; self.graph.nodes().len()];
        let mut order = Vec::new();
        for root in threads.into_iter().chain(others) {
            let mut stack = vec![root];
            while let Some(node) = stack.pop()
                && order.len() < count
            {
                if !std::mem::replace(&mut seen[node], true) {
                    order.push(node);
                    stack.extend(self.out_of(node).rev().map(|(_, to)| to).filter(|to| !seen[*to]));
                }
            }
        }
        order
    }

    fn item(&self, id: NodeId) -> Item {
        let node = self.node(id);
        let count = |relation| self.out[id].iter().filter(|edge| edge.0 == relation).count();
        let (shape, detail) = match node.kind {
            NodeKind::Worker | NodeKind::Thread => {
                let task = self.task[id].map(|task| format!("runs {}", self.node(task).name));
                let alone = if node.kind == NodeKind::Thread { "thread" } else { "" };
                (Shape::Thread, task.unwrap_or_else(|| alone.to_owned()))
            }
            NodeKind::Task if count(Relation::QueuedIn) > 0 => (Shape::Task, "not started".to_owned()),
            NodeKind::Task => (Shape::Task, "task".to_owned()),
            NodeKind::Lock => (Shape::Lock, "lock".to_owned()),
            NodeKind::Pool => {
                let detail = match count(Relation::NeedsWorker) {
                    0 => "pool".to_owned(),
                    1 => "its only worker waits".to_owned(),
                    2 => "both workers wait".to_owned(),
                    workers => format!("all {workers} workers wait"),
                };
                (Shape::Pool, detail)
            }
        };
        Item { shape, name: self.name(id), detail }
    }

    fn name(&self, id: NodeId) -> String {
        let node = self.node(id);
        match (node.kind, &node.pool) {
            (NodeKind::Worker, Some(pool)) if self.several_pools => format!("{} of {pool}", node.name),
            (NodeKind::Pool, _) if !node.name.contains("Pool") => format!("pool {}", node.name),
            _ => node.name.clone(),
        }
    }

    /// The name in a sentence.
    fn full_name(&self, id: NodeId) -> String {
        let kind = if self.node(id).kind == NodeKind::Thread { "thread " } else { "" };
        kind.to_owned() + &self.name(id)
    }

    /// The box for all nodes that `index` leaves out.
    fn more(&self, index: &[usize]) -> Item {
        let shown = index.iter().copied().max().unwrap_or(0);
        let hidden = || {
            let nodes = index.iter().enumerate();
            nodes.filter(|(node, item)| **item == shown && self.place[*node] == *node).map(|(node, _)| node)
        };
        let threads = hidden().filter(|node| is_thread(self.node(*node))).count();
        let only_workers = hidden().all(|node| self.node(node).kind != NodeKind::Thread);
        let (count, detail) = match threads {
            0 => (hidden().count(), "that they wait for"),
            _ if only_workers => (threads, "workers that wait"),
            _ => (threads, "threads that wait"),
        };
        Item {
            shape: Shape::More,
            name: format!("and {} more", grouped(count as u64)),
            detail: detail.to_owned(),
        }
    }

    /// One arrow for each pair of boxes with at least one edge.
    fn arrows(&self, index: &[usize]) -> Vec<Arrow> {
        let mut found: BTreeMap<(usize, usize), Vec<Relation>> = BTreeMap::new();
        let hidden = index.iter().copied().max().unwrap_or(0);
        let is_more = |item| index.iter().filter(|place| **place == item).count() > 1;
        let more = is_more(hidden).then_some(hidden);
        for node in (0..index.len()).filter(|node| self.place[*node] == *node) {
            for (relation, to) in self.out_of(node) {
                let ends = (index[node], index[to]);
                // Edges among boxes that are not drawn are left out, too.
                if ends.0 == ends.1 && Some(ends.0) == more {
                    continue;
                }
                let relations = found.entry(ends).or_default();
                if !relations.contains(&relation) {
                    relations.push(relation);
                }
            }
        }
        let arrows = found.into_iter().map(|((from, to), relations)| {
            let words: Vec<&str> = relations.into_iter().map(word).collect();
            Arrow { from, to, label: words.join(", "), in_cycle: false }
        });
        arrows.collect()
    }

    fn title(&self, has_cycle: bool) -> String {
        let nodes = self.graph.nodes();
        let threads: Vec<NodeId> = (0..nodes.len()).filter(|node| is_thread(&nodes[*node])).collect();
        match (&threads[..], has_cycle) {
            _ if nodes.is_empty() => "Nobody waits".to_owned(),
            (_, false) | ([], _) => "Who waits for whom".to_owned(),
            ([one], _) => format!("Deadlock: {} waits for itself", self.full_name(*one)),
            ([one, two], _) => {
                let (one, two) = (self.full_name(*one), self.full_name(*two));
                format!("Deadlock: {one} and {two} wait for each other")
            }
            (all, _) => {
                let only_workers = all.iter().all(|node| nodes[*node].kind == NodeKind::Worker);
                let noun = if only_workers { "worker" } else { "thread" };
                format!("Deadlock: {} wait for one another", counted(all.len(), noun))
            }
        }
    }
}

fn is_thread(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Worker | NodeKind::Thread)
}

fn word(relation: Relation) -> &'static str {
    match relation {
        Relation::Runs => "runs",
        Relation::WaitsFor => "waits for",
        Relation::HeldBy => "held by",
        Relation::QueuedIn => "queued in",
        Relation::NeedsWorker => "needs",
    }
}

/// The arrows of the shortest way from an item back to itself.
fn shortest_cycle(arrows: &[Arrow], items: usize, start: usize) -> Option<Vec<(usize, usize)>> {
    let mut before = vec![None; items];
    let mut queue = VecDeque::from([start]);
    while let Some(item) = queue.pop_front() {
        for arrow in arrows.iter().filter(|arrow| arrow.from == item) {
            if before[arrow.to].is_none() {
                before[arrow.to] = Some(item);
                queue.push_back(arrow.to);
            }
        }
    }
    let mut cycle = Vec::new();
    let mut to = start;
    while cycle.is_empty() || to != start {
        let from = before[to]?;
        cycle.push((from, to));
        to = from;
    }
    Some(cycle)
}
