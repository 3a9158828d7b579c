//! Ten thousand random graphs of tasks: the detector fails exactly the waits that a model says are stuck.
//!
//! The model shares no idea with the detector. It plays the tasks in rounds until nothing moves, and
//! then takes the transitive closure of who needs whom, the slow and obvious way. Every wait that waits
//! (transitively) for nobody who does not also wait for it fails, and the play goes on. What comes out does not depend on the speed of
//! threads: tasks start first come, first served, and a wait that is stuck stays stuck.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use threadbook_executor::{Future, ReturnWhen, TaskError, ThreadPoolExecutor, try_wait};
use threadbook_threading::{Lock, Thread};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// A wait for any of these tasks; most often it is one.
type Wait = Vec<usize>;

#[derive(Clone, Debug)]
struct Graph {
    /// The number of workers of each pool.
    pools: Vec<usize>,
    /// The pool of each task, and its waits, one after the other.
    tasks: Vec<(usize, Vec<Wait>)>,
}

fn random_graph(random: &mut Random) -> Graph {
    let pools: Vec<usize> = (0..1 + random.below(2)).map(|_| 1 + random.below(3)).collect();
    let count = 1 + random.below(9);
    // Some graphs mostly wait for earlier tasks, which is mostly harmless; others for any.
    let backwards = random.below(3) > 0;
    let tasks = (0..count)
        .map(|task| {
            let waits = (0..random.below(3))
                .map(|_| {
                    let targets = if random.below(5) == 0 { 2 } else { 1 };
                    let latest = if backwards && random.below(8) > 0 { task.max(1) } else { count };
                    (0..targets).map(|_| random.below(latest)).collect()
                })
                .collect();
            (random.below(pools.len()), waits)
        })
        .collect();
    Graph { pools, tasks }
}

/// The waits that fail, as (task, number of the wait).
type Failures = BTreeSet<(usize, usize)>;

fn model(graph: &Graph) -> Failures {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Queued,
        At(usize),
        Done,
    }
    let count = graph.tasks.len();
    let mut states = vec![State::Queued; count];
    let mut failures = Failures::new();
    loop {
        let mut moved = false;
        for task in 0..count {
            let (pool, waits) = &graph.tasks[task];
            match states[task] {
                State::Queued => {
                    let same_pool = |other: &usize| graph.tasks[*other].0 == *pool;
                    let running = (0..count)
                        .filter(same_pool)
                        .filter(|other| matches!(states[*other], State::At(_)))
                        .count();
                    let is_next = (0..task).filter(same_pool).all(|other| states[other] != State::Queued);
                    if is_next && running < graph.pools[*pool] {
                        states[task] = State::At(0);
                        moved = true;
                    }
                }
                State::At(at) if at == waits.len() => {
                    states[task] = State::Done;
                    moved = true;
                }
                State::At(at) => {
                    if waits[at].iter().any(|target| states[*target] == State::Done) {
                        states[task] = State::At(at + 1);
                        moved = true;
                    }
                }
                State::Done => {}
            }
        }
        if moved {
            continue;
        }
        // Nothing moves. Who needs whom?
        let waiting: Vec<(usize, usize)> = (0..count)
            .filter_map(|task| match states[task] {
                State::At(at) => Some((task, at)),
                _ => None,
            })
            .collect();
        if waiting.is_empty() {
            return failures;
        }
        let mut needs = vec![vec![false; count]; count];
        for (task, at) in &waiting {
            for target in &graph.tasks[*task].1[*at] {
                if states[*target] == State::Queued {
                    // Any task that takes up a worker of that pool has to end first.
                    for (other, _) in &waiting {
                        needs[*task][*other] |= graph.tasks[*other].0 == graph.tasks[*target].0;
                    }
                } else {
                    needs[*task][*target] = true;
                }
            }
        }
        for via in 0..count {
            for from in 0..count {
                for to in 0..count {
                    needs[from][to] |= needs[from][via] && needs[via][to];
                }
            }
        }
        for (task, at) in waiting {
            if (0..count).all(|other| !needs[task][other] || needs[other][task]) {
                failures.insert((task, at));
                states[task] = State::At(at + 1);
            }
        }
    }
}

type Table = Arc<OnceLock<Vec<Future<Vec<bool>>>>>;

/// Runs the graph on real pools. `None` if something hangs.
fn reality(graph: &Graph) -> Option<Failures> {
    let pools: Vec<_> = graph.pools.iter().map(|workers| ThreadPoolExecutor::new(*workers)).collect();
    let table: Table = Arc::default();
    let futures: Vec<_> = graph
        .tasks
        .iter()
        .map(|(pool, waits)| {
            let (waits, table) = (waits.clone(), table.clone());
            pools[*pool].submit(move || waits.iter().map(|wait| is_stuck(wait, &table)).collect())
        })
        .collect();
    table.set(futures.clone()).expect("set once");
    let mut failures = Failures::new();
    for (task, future) in futures.iter().enumerate() {
        let stuck = future.result_timeout(Duration::from_secs(20)).ok()?;
        failures.extend((0..stuck.len()).filter(|at| stuck[*at]).map(|at| (task, at)));
    }
    for pool in &pools {
        assert_eq!(pool.submit(|| 42).result(), Ok(42), "the pool must stay usable");
    }
    Some(failures)
}

fn is_stuck(wait: &Wait, table: &Table) -> bool {
    // Not before all tasks are submitted. The detector does not know this wait.
    let futures = table.wait();
    let targets: Vec<_> = wait.iter().map(|target| futures[*target].clone()).collect();
    let result = match &targets[..] {
        [one] => one.result().map(drop),
        any => try_wait(any, ReturnWhen::FirstCompleted, None).map(drop),
    };
    match result {
        Ok(()) => false,
        Err(TaskError::Deadlock(graph)) => {
            assert!(graph.sentences().count() > 0, "the graph says who waits");
            true
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_detector_agrees_with_the_model_on_10_000_graphs() {
    let mut stuck = 0;
    for seed in 0..10_000 {
        let graph = random_graph(&mut Random(seed));
        let expected = model(&graph);
        match reality(&graph) {
            None => panic!("seed {seed} hangs; expected {expected:?} of {graph:?}"),
            Some(failures) => assert_eq!(failures, expected, "seed {seed}: {graph:?}"),
        }
        stuck += usize::from(!expected.is_empty());
    }
    // Both kinds must be there in numbers, or the agreement says little.
    assert!((2_000..8_000).contains(&stuck), "{stuck} of 10,000 graphs were stuck");
}

/// Each thread holds its own lock and asks for that of another thread, or joins it: exactly the threads
/// on a cycle fail.
#[test]
fn the_detector_agrees_with_the_model_on_1_000_rings_of_locks_and_joins() {
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let count = 1 + random.below(7);
        let targets: Vec<usize> = (0..count).map(|_| random.below(count + 1)).collect();
        let joins: Vec<bool> = (0..count).map(|_| random.below(3) == 0).collect();
        let on_cycle = |thread: usize| {
            let mut at = thread;
            (0..count).any(|_| {
                at = targets.get(at).copied().unwrap_or(count);
                at == thread
            })
        };
        let expected: Vec<bool> = (0..count).map(on_cycle).collect();

        let locks: Arc<Vec<_>> = Arc::new((0..count).map(Lock::new).collect());
        let start = Arc::new(std::sync::Barrier::new(count));
        let all: Arc<OnceLock<Vec<Thread<bool>>>> = Arc::default();
        let threads: Vec<_> = (0..count)
            .map(|thread| {
                let (locks, start, all) = (locks.clone(), start.clone(), all.clone());
                let (target, join) = (targets[thread], joins[thread]);
                Thread::new(move || {
                    let _mine = locks[thread].lock().expect("nobody else wants it yet");
                    start.wait();
                    let result = match locks.get(target) {
                        None => return false,
                        Some(_) if join => all.wait()[target].join().map(drop),
                        Some(lock) => lock.lock().map(drop),
                    };
                    matches!(result, Err(TaskError::Deadlock(_)))
                })
            })
            .collect();
        threads.iter().for_each(Thread::start);
        assert!(all.set(threads).is_ok());
        let (sender, receiver) = mpsc::channel();
        let watched = all.clone();
        std::thread::spawn(move || {
            let results = watched.wait().iter().map(|thread| thread.join().unwrap()).collect();
            let _: Result<(), mpsc::SendError<Vec<bool>>> = sender.send(results);
        });
        let results = receiver.recv_timeout(Duration::from_secs(20));
        let results = results.unwrap_or_else(|_| panic!("seed {seed} hangs: {targets:?}, {joins:?}"));
        assert_eq!(results, expected, "seed {seed}: {targets:?}, {joins:?}");
    }
}
