//! The pictures of the gallery: common cases, and those that are hard to draw.

#[path = "explored.rs"]
mod explored;
#[path = "measured.rs"]
mod measured;

use std::time::Duration;

use threadbook_display::Svg;
use threadbook_plot::{timeline, wait_graph};
use threadbook_trace::{Bar, NodeKind, Outcome, Relation, Row, Timeline, Wait, WaitGraph, WaitGraphBuilder};

/// A picture of the gallery.
pub struct Sample {
    pub name: &'static str,
    pub draw: Box<dyn Fn() -> Svg>,
    /// The same as text.
    pub text: String,
}

impl Sample {
    fn new<T: std::fmt::Display + 'static>(name: &'static str, value: T, draw: fn(&T) -> Svg) -> Sample {
        Sample { name, text: value.to_string(), draw: Box::new(move || draw(&value)) }
    }
}

/// All samples.
pub fn all() -> Vec<Sample> {
    let graph = |name, graph: WaitGraph| Sample::new(name, graph, wait_graph);
    let run = |name, run: Timeline| Sample::new(name, run, timeline);
    vec![
        graph("deadlock-alice-bob", ring(&["alice", "bob"])),
        graph("deadlock-own-pool", pool(1)),
        graph("deadlock-full-pool", pool(3)),
        graph("deadlock-pool-of-500", pool(500)),
        graph("deadlock-two-pools", two_pools()),
        graph("deadlock-unnamed-pool", pool_named("ThreadPoolExecutor-3", 3)),
        graph("deadlock-lock-order-2", lock_order(2)),
        graph("deadlock-lock-order-3", lock_order(3)),
        graph("deadlock-lock-order-6", lock_order(6)),
        graph("deadlock-lock-order-500", lock_order(500)),
        graph("deadlock-lock-and-future", lock_and_future()),
        graph("deadlock-ring-of-12", ring(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"])),
        graph("deadlock-self-lock", self_lock()),
        graph("deadlock-itself", ring(&["ouroboros"])),
        graph("deadlock-wait-for-all", wait_for_all()),
        graph(
            "deadlock-long-names",
            ring(&[
                "download_every_page_of_the_encyclopedia_and_its_pictures",
                "count_the_words_of_every_page_that_was_downloaded",
                "WWWWWWWWWWWWWWWWWWWWWWWWW",
                "Vec<HashMap<&str, u8>>",
                "проверить_все_страницы_энциклопедии",
            ]),
        ),
        graph("deadlock-nobody", WaitGraphBuilder::new().build()),
        run("run-alice-bob", alice_bob()),
        run("run-map", map(4, 24, 9_700_000)),
        run("run-one-worker", map(1, 3, 41_000)),
        run("run-many-tasks", map(8, 10_000, 830_000)),
        run("run-nanoseconds", map(2, 2, 1)),
        run("run-hours", map(3, 9, 4_000_000_000_000)),
        run("run-marks", marks()),
        run("run-helping", helping()),
        run("run-turns", turns()),
        run("run-64-workers", map(64, 400, 5_000_000)),
        run("run-500-workers", map(500, 2_000, 5_000_000)),
        run("run-long-names", long_names()),
        run("run-nothing", Timeline { name: "pool".into(), rows: vec![], length: Duration::ZERO, lost: 0 }),
        run("run-no-time", map(2, 4, 0)),
    ]
    .into_iter()
    .chain(explored::all())
    .chain(measured::all())
    .collect()
}

fn io() -> Option<String> {
    Some("io".to_owned())
}

/// Each task waits for the next, the last for the first.
pub fn ring(names: &[&str]) -> WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let workers: Vec<_> =
        (0..names.len()).map(|n| graph.node(NodeKind::Worker, format!("worker {n}"), io())).collect();
    let tasks: Vec<_> = names.iter().map(|name| graph.node(NodeKind::Task, *name, io())).collect();
    for n in 0..names.len() {
        graph.edge(workers[n], Relation::Runs, tasks[n]);
        graph.edge(tasks[n], Relation::WaitsFor, tasks[(n + 1) % names.len()]);
    }
    graph.build()
}

/// All `workers` of a pool wait for tasks in its queue.
pub fn pool(workers: usize) -> WaitGraph {
    pool_named("io", workers)
}

fn pool_named(name: &str, workers: usize) -> WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let of = || Some(name.to_owned());
    let threads: Vec<_> =
        (0..workers).map(|n| graph.node(NodeKind::Worker, format!("worker {n}"), of())).collect();
    let pool = graph.node(NodeKind::Pool, name, None);
    for (n, thread) in threads.into_iter().enumerate() {
        let outer = graph.node(NodeKind::Task, "wait_on_future", of());
        let inner = graph.node(NodeKind::Task, format!("task {}", workers + n + 1), of());
        graph.edge(thread, Relation::Runs, outer);
        graph.edge(outer, Relation::WaitsFor, inner);
        graph.edge(inner, Relation::QueuedIn, pool);
        graph.edge(pool, Relation::NeedsWorker, thread);
    }
    graph.build()
}

fn two_pools() -> WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let names = ["io", "cpu"];
    let of = |name: &str| Some(name.to_owned());
    let workers = names.map(|name| graph.node(NodeKind::Worker, "worker 0", of(name)));
    let pools = names.map(|name| graph.node(NodeKind::Pool, name, None));
    for (n, (outer, inner)) in [("load", "resize"), ("render", "fetch")].into_iter().enumerate() {
        let outer = graph.node(NodeKind::Task, outer, of(names[n]));
        let inner = graph.node(NodeKind::Task, inner, of(names[1 - n]));
        graph.edge(workers[n], Relation::Runs, outer);
        graph.edge(outer, Relation::WaitsFor, inner);
        graph.edge(inner, Relation::QueuedIn, pools[1 - n]);
        graph.edge(pools[n], Relation::NeedsWorker, workers[n]);
    }
    graph.build()
}

/// Each thread holds a lock and waits for the next one's.
pub fn lock_order(threads: usize) -> WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let agents: Vec<_> =
        (0..threads).map(|n| graph.node(NodeKind::Thread, format!("philosopher {n}"), None)).collect();
    let locks: Vec<_> = (0..threads).map(|n| graph.node(NodeKind::Lock, format!("fork {n}"), None)).collect();
    for n in 0..threads {
        graph.edge(agents[n], Relation::WaitsFor, locks[(n + 1) % threads]);
        graph.edge(locks[n], Relation::HeldBy, agents[n]);
    }
    graph.build()
}

fn lock_and_future() -> WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let worker = graph.node(NodeKind::Worker, "worker 0", io());
    let task = graph.node(NodeKind::Task, "deposit", io());
    let lock = graph.node(NodeKind::Lock, "accounts", None);
    let main = graph.node(NodeKind::Thread, "main", None);
    graph.edge(worker, Relation::Runs, task);
    graph.edge(task, Relation::WaitsFor, lock);
    graph.edge(lock, Relation::HeldBy, main);
    graph.edge(main, Relation::WaitsFor, task);
    graph.build()
}

fn self_lock() -> WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let main = graph.node(NodeKind::Thread, "main", None);
    let lock = graph.node(NodeKind::Lock, "accounts", None);
    graph.edge(main, Relation::WaitsFor, lock);
    graph.edge(lock, Relation::HeldBy, main);
    graph.build()
}

/// A thread waits for all others, and each of them for a lock that the thread holds.
fn wait_for_all() -> WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let boss = graph.node(NodeKind::Worker, "worker 0", io());
    let gather = graph.node(NodeKind::Task, "gather", io());
    let lock = graph.node(NodeKind::Lock, "results", None);
    graph.edge(boss, Relation::Runs, gather);
    graph.edge(lock, Relation::HeldBy, boss);
    for n in 1..6 {
        let worker = graph.node(NodeKind::Worker, format!("worker {n}"), io());
        let task = graph.node(NodeKind::Task, format!("part {n}"), io());
        graph.edge(worker, Relation::Runs, task);
        graph.edge(gather, Relation::WaitsFor, task);
        graph.edge(task, Relation::WaitsFor, lock);
    }
    graph.build()
}

/// A task from `started` to `finished`, in microseconds.
pub fn bar(label: &str, number: u64, started: u64, finished: u64) -> Bar {
    Bar {
        label: label.to_owned(),
        number,
        submitted: Duration::ZERO,
        started: Duration::from_micros(started),
        finished: Duration::from_micros(finished),
        outcome: Outcome::Returned,
        waits: Vec::new(),
    }
}

fn waiting(mut bar: Bar, what: &str, started: u64, finished: u64) -> Bar {
    let (started, finished) = (Duration::from_micros(started), Duration::from_micros(finished));
    bar.waits.push(Wait { what: what.to_owned(), started, finished });
    bar
}

fn ended(bar: Bar, outcome: Outcome) -> Bar {
    Bar { outcome, ..bar }
}

fn run(name: &str, rows: Vec<Vec<Bar>>, length: u64) -> Timeline {
    let rows = rows.into_iter().enumerate();
    let rows = rows.map(|(n, bars)| Row { name: format!("worker {n}"), bars }).collect();
    Timeline { name: name.to_owned(), rows, length: Duration::from_micros(length), lost: 0 }
}

fn alice_bob() -> Timeline {
    let alice = waiting(bar("alice", 1, 900, 9_600), "bob", 2_400, 7_900);
    let bob = bar("bob", 2, 1_300, 7_800);
    run("pool", vec![vec![alice], vec![bob, bar("carol", 3, 8_300, 9_900)]], 10_000)
}

/// `tasks` of about `nanos` each, scheduled on the first free worker.
pub fn map(workers: usize, tasks: usize, nanos: u64) -> Timeline {
    let mut rows: Vec<Row> =
        (0..workers).map(|n| Row { name: format!("worker {n}"), bars: Vec::new() }).collect();
    let end_of = |row: &Row| row.bars.last().map_or(Duration::ZERO, |bar| bar.finished);
    for task in 0..tasks {
        let Some(row) = rows.iter_mut().min_by_key(|row| end_of(row)) else { break };
        let started = end_of(row) + Duration::from_nanos(nanos / 50);
        // Between 0.5 and 1.5, in an irregular order.
        let share = 0.5 + (task * 7919 % 101) as f64 / 100.0;
        let finished = started + Duration::from_nanos(nanos).mul_f64(share);
        let bar = bar(&format!("task {}", task + 1), task as u64 + 1, 0, 0);
        row.bars.push(Bar { started, finished, ..bar });
    }
    let length = rows.iter().map(end_of).max().unwrap_or_default();
    Timeline { name: "ThreadPoolExecutor".into(), rows, length, lost: 0 }
}

fn marks() -> Timeline {
    let zero = vec![
        ended(bar("parse", 1, 0, 30_000), Outcome::Panicked),
        bar("parse", 4, 31_000, 62_000),
        ended(bar("parse", 6, 63_000, 64_000), Outcome::Panicked),
        ended(waiting(bar("store", 7, 66_000, 120_000), "lock `rows`", 80_000, 120_000), Outcome::Running),
    ];
    let one = vec![
        bar("fetch", 2, 0, 45_000),
        ended(bar("fetch", 5, 46_000, 98_000), Outcome::Panicked),
        ended(bar("parse", 8, 99_000, 120_000), Outcome::Running),
    ];
    let two =
        vec![waiting(waiting(bar("store", 3, 0, 110_000), "parse", 4_000, 50_000), "fetch", 51_000, 99_000)];
    Timeline { lost: 17, ..run("pipeline", vec![zero, one, two], 120_000) }
}

/// A worker that runs other tasks while it waits.
fn helping() -> Timeline {
    let outer = waiting(bar("fib 20", 1, 0, 1_000), "fib 19", 150, 900);
    let middle = waiting(bar("fib 19", 2, 160, 890), "fib 18", 300, 800);
    let zero = vec![outer, middle, bar("fib 18", 3, 310, 560), bar("fib 17", 4, 565, 790)];
    run("rayon", vec![zero, vec![bar("fib 16", 5, 320, 640)]], 1_000)
}

/// Three async tasks that take turns.
fn turns() -> Timeline {
    let turn = |n: u64| {
        let task = n % 3;
        let bar = bar(["alice", "bob", "carol"][task as usize], task + 1, 4 * n, 4 * n + 3);
        ended(bar, if n < 297 { Outcome::Suspended } else { Outcome::Returned })
    };
    run("TokioExecutor-0", vec![(0..300).map(turn).collect()], 50_000)
}

fn long_names() -> Timeline {
    let long = "download_every_page_of_the_encyclopedia_and_its_pictures";
    let rows = [long, "Vec<HashMap<&str, u8>> & \"more\"", "проверить_все_страницы", "下载所有页面"];
    let bars = |n: u64| {
        let name = rows[n as usize];
        vec![
            bar(name, n, 0, 300_000 + 50_000 * n),
            bar("x", n, 500_000, 510_000),
            bar(name, n, 600_000, 680_000),
        ]
    };
    let name = |n: u64| format!("a worker with a rather long name, number {n}");
    let rows = (0..4).map(|n| Row { name: name(n), bars: bars(n) }).collect();
    let name = "a pool whose name is a whole sentence that does not end before the right edge of the picture, but later";
    Timeline { name: name.into(), rows, length: Duration::from_millis(700), lost: 0 }
}
