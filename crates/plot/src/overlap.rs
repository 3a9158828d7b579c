//! Property test: for any data, no text overlaps another one or leaves the picture.

use std::time::Duration;

use threadbook_explore::{Exploration, Explorer, std as explored};
use threadbook_timing::{Case, Comparison, Entry, Measurement, Past, SpeedUp};
use threadbook_trace::{Bar, NodeKind, Outcome, Relation, Row, Timeline, Wait, WaitGraph, WaitGraphBuilder};

use crate::page::{Page, WIDTH};
use crate::{comparison, history, measurement, schedule, speedup, timeline, wait_graph};

/// A small generator (xorshift), so that a failure is reproducible from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn name(&mut self) -> String {
        let length = self.pick(&[0, 1, 5, 9, 30, 200]);
        (0..length)
            .map(|_| self.pick(&['a', 'i', 'W', '_', ' ', '<', '&', 'й', '界', '🦀', '\u{7}']))
            .collect()
    }
}

fn check(page: &Page, height: f64, what: &str) {
    for (index, text) in page.texts.iter().enumerate() {
        let inside = text.left >= 0.0 && text.top >= 0.0 && text.right <= WIDTH && text.bottom <= height;
        assert!(inside, "{what}: {text:?} is outside");
        let other = page.texts[..index].iter().find(|other| other.overlaps(text));
        assert!(other.is_none(), "{what}: {text:?} lies on {other:?}");
    }
}

/// Asserts that there is no negative size, and no character that XML does not allow.
fn well_formed(picture: &str) {
    for wrong in ["width=\"-", "height=\"-", "NaN", "inf", "\u{1}", "\u{7}"] {
        assert!(!picture.contains(wrong), "{wrong:?} in {picture}");
    }
}

fn random_graph(random: &mut Random) -> WaitGraph {
    const KINDS: [NodeKind; 5] =
        [NodeKind::Worker, NodeKind::Thread, NodeKind::Task, NodeKind::Lock, NodeKind::Pool];
    const RELATIONS: [Relation; 5] =
        [Relation::Runs, Relation::WaitsFor, Relation::HeldBy, Relation::QueuedIn, Relation::NeedsWorker];
    let mut graph = WaitGraphBuilder::new();
    let nodes = 1 + random.below(24);
    for _ in 0..nodes {
        let (kind, name) = (random.pick(&KINDS), random.name());
        let pool = (random.below(2) == 0).then(|| random.name());
        graph.node(kind, name, pool);
    }
    for _ in 0..random.below(3 * nodes) {
        let (from, to) = (random.below(nodes) as usize, random.below(nodes) as usize);
        graph.edge(from, random.pick(&RELATIONS), to);
    }
    graph.build()
}

fn random_run(random: &mut Random) -> Timeline {
    let unit = random.pick(&[0, 1, 1_000, 123_456, 1_000_000_000, 3_600_000_000_000]);
    let tasks = random.pick(&[0, 1, 3, 12, 100]);
    let moment = |random: &mut Random| Duration::from_nanos(random.below(1_000) * unit);
    let mut rows = Vec::new();
    for _ in 0..random.pick(&[0, 1, 2, 7, 20, 40, 70]) {
        let mut bars = Vec::new();
        for _ in 0..random.below(tasks + 1) {
            let outcome = random.pick(&[Outcome::Returned, Outcome::Panicked, Outcome::Running]);
            let wait = |random: &mut Random| Wait {
                what: random.name(),
                started: moment(random),
                finished: moment(random),
            };
            let waits = (0..random.below(3)).map(|_| wait(random)).collect();
            // In any order, and also from its end to its start.
            let (submitted, started, finished) = (moment(random), moment(random), moment(random));
            let number = random.below(9);
            bars.push(Bar { label: random.name(), number, submitted, started, finished, outcome, waits });
        }
        rows.push(Row { name: random.name(), bars });
    }
    Timeline { name: random.name(), rows, length: moment(random), lost: random.below(3) }
}

#[test]
fn texts_of_any_graph_lie_apart() {
    for seed in 1..=1500 {
        let graph = random_graph(&mut Random(seed << 32 | 0x9e37_79b9));
        let (page, height, _) = wait_graph::draw(&graph);
        check(&page, height, &format!("graph {seed}"));
        well_formed(&page.finish(height, "", "").0);
    }
}

#[test]
fn texts_of_any_run_lie_apart() {
    for seed in 1..=300 {
        let run = random_run(&mut Random(seed << 32 | 0x9e37_79b9));
        let (page, height, _) = timeline::draw(&run);
        check(&page, height, &format!("run {seed}"));
        well_formed(&page.finish(height, "", "").0);
    }
}

fn random_seconds(random: &mut Random) -> f64 {
    let decade = 10_f64.powi(random.below(15) as i32 - 10);
    random.pick(&[0.0, 1.0, 1.0, 1.0, 3600.0]) * decade * (1.0 + random.below(1_000) as f64 / 500.0)
}

fn random_measurement(random: &mut Random) -> Measurement {
    let (runs, seconds) = (random.pick(&[0, 1, 2, 3, 7, 100]), random_seconds(random));
    let spread = random.pick(&[0.0, 0.001, 0.1, 10.0]);
    let run = |random: &mut Random| seconds * (1.0 + spread * random.below(1_000) as f64 / 1_000.0);
    Measurement::new(random.below(1_000), (0..runs).map(|_| run(random)).collect::<Vec<f64>>())
}

fn random_cases(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random| Case { name: random.name(), measurement: random_measurement(random) };
    (0..random.pick(&[0, 1, 2, 5, 14, 15, 50, 80])).map(|_| case(random)).collect()
}

fn random_entry(random: &mut Random) -> Entry {
    let mut entry = Entry::now(&random.name(), random_cases(random));
    entry.time = random.below(entry.time);
    entry.code = (random.below(2) == 0).then(|| random.name());
    entry.machine.processors = random.below(3) as usize;
    entry
}

#[test]
fn texts_of_any_measurement_lie_apart() {
    for seed in 1..=1000 {
        let measurement = random_measurement(&mut Random(seed << 32 | 0x9e37_79b9));
        let (page, height) = measurement::draw(&measurement);
        check(&page, height, &format!("measurement {seed}"));
        well_formed(&page.finish(height, "", "").0);
    }
}

#[test]
fn texts_of_any_comparison_lie_apart() {
    for seed in 1..=150 {
        let random = &mut Random(seed << 32 | 0x9e37_79b9);
        let mut comparison = Comparison::new(random.name(), random_cases(random));
        comparison.earlier = (0..random.pick(&[0, 0, 1, 5])).map(|_| random_entry(random)).collect();
        comparison.notes = (0..random.below(3)).map(|_| random.name()).collect();
        let (page, height) = comparison::draw(&comparison);
        check(&page, height, &format!("comparison {seed}"));
        well_formed(&page.finish(height, "", "").0);
    }
}

#[test]
fn texts_of_any_speed_up_lie_apart() {
    for seed in 1..=300 {
        let random = &mut Random(seed << 32 | 0x9e37_79b9);
        let max = random.pick(&[1, 8, 64, 1_000, 1_000_000]);
        let point = |random: &mut Random| (random.below(max) as usize, random_measurement(random));
        let points: Vec<_> = (0..random.pick(&[0, 1, 2, 4, 50])).map(|_| point(random)).collect();
        let (page, height) = speedup::draw(&SpeedUp::new(points));
        check(&page, height, &format!("speed-up {seed}"));
        well_formed(&page.finish(height, "", "").0);
    }
}

#[test]
fn texts_of_any_history_lie_apart() {
    for seed in 1..=100 {
        let random = &mut Random(seed << 32 | 0x9e37_79b9);
        let entries = (0..random.pick(&[0, 1, 2, 9, 70])).map(|_| random_entry(random)).collect();
        let elsewhere = (0..random.below(2)).map(|_| random_entry(random)).collect();
        let unreadable = random.below(3) as usize;
        let past = Past { name: random.name(), entries, elsewhere, unreadable, read: 1_790_000_000 };
        let (page, height) = history::draw(&past);
        check(&page, height, &format!("history {seed}"));
        well_formed(&page.finish(height, "", "").0);
    }
}

/// Threads of any names that add to a few atomics until an assertion fails, or that wait for each other.
fn random_exploration(random: &mut Random) -> Exploration {
    use explored::sync::atomic::{AtomicU64, Ordering::SeqCst};
    let names: Vec<String> = (0..random.pick(&[1, 2, 3, 5, 9])).map(|_| random.name()).collect();
    let (steps, message, waits) = (random.pick(&[1, 2, 7, 30]), random.name(), random.below(3) == 0);
    Explorer::new().max_schedules(300).run(|| {
        let (count, other) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        explored::thread::scope(|scope| {
            for name in &names {
                let (count, other, message) = (&count, &other, &message);
                let work = move || {
                    for n in 0..steps {
                        count.fetch_add(1, SeqCst);
                        other.store(n << 40, SeqCst);
                    }
                    if waits {
                        explored::thread::park();
                    }
                    assert!(count.load(SeqCst) < steps, "{message}");
                };
                explored::thread::Builder::new().name(name.clone()).spawn_scoped(scope, work).unwrap();
            }
        });
    })
}

#[test]
fn texts_of_any_schedule_lie_apart() {
    for seed in 1..=60 {
        let exploration = random_exploration(&mut Random(seed << 32 | 0x9e37_79b9));
        let failure = exploration.failure().expect("the assertion fails, or a thread waits for ever");
        let (page, height, _) = schedule::draw(&exploration, failure);
        check(&page, height, &format!("schedule {seed}"));
        well_formed(&page.finish(height, "", "").0);
    }
}
