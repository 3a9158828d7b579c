//! Finding deadlocks: waits that can never end.
//!
//! # The table of waits
//!
//! A thread that blocks registers its wait here, unless the wait ends by itself or no thread could need this one. So the
//! table holds exactly the threads that do nothing but wait, and a thread that is *not* in the table is taken to be *live*:
//! it runs, or idles, or sleeps, or waits with a time-out, or for something that this crate does not know. Each wait has
//! its needs: futures, locks, the end of a thread or of a pool; all of them or any.
//!
//! # Stuck threads
//!
//! A thread is live if it is not in the table, or if live threads can still meet its needs. (The set of live threads is the
//! smallest set with this property.) Live threads can still meet the need for
//!
//! * a future: if it is done; if it is a promise (any thread may keep it); if its task runs on a live thread;
//!   or if its task stands in the queue of a pool that has, or may still start, a worker that is live;
//! * a lock: if it is free or its holder is live;
//! * the end of a thread: if the thread is live;
//! * the end of a pool: if all of its workers are live.
//!
//! All others are stuck. Nothing in that definition guesses: for a stuck thread to go on, another stuck
//! thread would have to go on first. So there are no false alarms. And a deadlock is found when its last
//! wait begins, because by then all of its threads are in the table and none is live.
//!
//! # When to look
//!
//! Only the beginning of a wait makes threads stuck, so that is when the table is searched, under one lock
//! for the whole process. Suppose thread `a` begins to wait and nothing was stuck before. If anything is
//! stuck now, `a` is (else the same threads would have been stuck before), and every stuck thread's chain
//! of needs leads to `a` (a set of stuck threads that can do without `a` would have been stuck before).
//! So it is enough to look at what `a` needs, transitively; most often the first step already ends at a
//! live thread.
//!
//! # Which waits fail
//!
//! Let `a` be stuck. Starting at `a`, follow needs from stuck thread to stuck thread. Each thread reached is
//! needed by `a` and, as shown above, needs `a`: these waits form the deadlock, and all of them fail.
//! Threads that are stuck only because they wait for one of these are *not* reached; their waits go on
//! and end when the threads of the deadlock, having got their errors, go on. Afterwards nothing is stuck,
//! as the argument above assumes.
//!
//! # Memory ordering
//!
//! The runner of a task and the holder of a lock are plain atomics, written by the thread in question before it
//! registers a wait. Registration takes the lock of the table, and so does the search: for a thread in
//! the table, its writes are visible. For a thread that is not in the table they need not be, because it
//! is live whatever they say. Whether a future is done is read with `Acquire`, and a stale "not done"
//! can only be read while the thread that completes it is not in the table.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use threadbook_base::Mutex;
use threadbook_base::fork::{self, Rank};

use super::graph;
use super::table::{Awaited, Need, Pool, Supplier, Table, Wait};
use super::thread::{self, PoolId, ThreadData, ThreadNumber};

static TABLE: Mutex<Table> = Mutex::new(Table { waits: BTreeMap::new(), pools: BTreeMap::new() });
static LAST_POOL: AtomicU32 = AtomicU32::new(0);

fn protect_table() {
    fork::protect(Rank::Waits, || Box::new(TABLE.lock()), forget_waits);
}

/// Makes a pool known, with up to `max_workers` workers.
pub fn add_pool(name: &str, max_workers: usize) -> PoolId {
    protect_table();
    let id = LAST_POOL.fetch_add(1, Relaxed) + 1;
    let pool = Pool { name: name.to_owned(), max_workers, waiting: BTreeSet::new() };
    TABLE.lock().pools.insert(id, pool);
    id
}

/// Removes a pool that has no more workers and tasks.
pub fn remove_pool(id: PoolId) {
    TABLE.lock().pools.remove(&id);
}

/// Limits a pool to `max_workers` workers, because no more threads can be started.
pub fn limit_pool(id: PoolId, max_workers: usize) {
    let mut table = TABLE.lock();
    if let Some(pool) = table.pools.get_mut(&id) {
        pool.max_workers = max_workers;
    }
    // Besides the beginning of a wait, this is the only event that can make threads stuck.
    let threads: Vec<ThreadNumber> = table.waits.keys().copied().collect();
    threads.into_iter().for_each(|thread| check(&mut table, thread));
}

/// Removes all waits, in a forked child without the threads that wait.
fn forget_waits() {
    let mut table = TABLE.lock();
    table.waits.clear();
    table.pools.values_mut().for_each(|pool| pool.waiting.clear());
}

/// Registers that the calling thread waits. If that completes a deadlock, the waits of all threads in it fail, perhaps
/// including this one.
pub(super) fn enter(thread: &Arc<ThreadData>, need: Need) {
    protect_table();
    let id = thread.id;
    let wait = Wait { thread: Arc::clone(thread), running: thread::running(), need };
    let mut table = TABLE.lock();
    if let Some(pool) = table.pools.get_mut(&thread.pool()) {
        pool.waiting.insert(id);
    }
    table.waits.insert(id, wait);
    check(&mut table, id);
}

/// Removes the registration, and a deadlock that was found too late to matter.
pub(super) fn leave(thread: &ThreadData) {
    TABLE.lock().remove(thread.id);
    thread.take_deadlock();
}

/// Fails the waits of the deadlock that `start` is in, if it is in one.
fn check(table: &mut Table, start: ThreadNumber) {
    let Some(wait) = table.waits.get(&start) else {
        return;
    };
    if table.can_go_on(wait, &HashSet::new()) {
        return;
    }
    let reached = table.reach(start, |_| true);
    let live = table.live_among(&reached);
    if live.contains(&start) {
        return;
    }
    let stuck = table.reach(start, |thread| !live.contains(&thread));
    let graph = graph::draw(table, &stuck);
    for thread in stuck {
        if let Some(wait) = table.remove(thread) {
            wait.thread.fail_wait(graph.clone());
        }
    }
}

impl Table {
    /// The registered threads that `start` needs, transitively and including itself, in the order of a
    /// breadth-first search that enters only threads that are `wanted`.
    fn reach(&self, start: ThreadNumber, wanted: impl Fn(ThreadNumber) -> bool) -> Vec<ThreadNumber> {
        let mut found = vec![start];
        let mut seen = HashSet::from([start]);
        let mut pools = HashSet::new();
        let mut next = 0;
        while let Some(thread) = found.get(next).copied() {
            next += 1;
            let mut enter = |thread: ThreadNumber| {
                if self.waits.contains_key(&thread) && wanted(thread) && seen.insert(thread) {
                    found.push(thread);
                }
            };
            for awaited in self.waits[&thread].need.awaited() {
                match awaited.supplier() {
                    Supplier::Anyone => {}
                    Supplier::Thread(thread) => enter(thread),
                    Supplier::AnyOf(id) | Supplier::AllOf(id) => {
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

    /// The live ones of `threads`, by the definition above.
    fn live_among(&self, threads: &[ThreadNumber]) -> HashSet<ThreadNumber> {
        let mut live = HashSet::new();
        // Needs lead from the front of the list to its back, mostly: from the back, a round or two do.
        loop {
            let before = live.len();
            for thread in threads.iter().rev() {
                if !live.contains(thread) && self.can_go_on(&self.waits[thread], &live) {
                    live.insert(*thread);
                }
            }
            if live.len() == before {
                return live;
            }
        }
    }

    fn can_go_on(&self, wait: &Wait, live: &HashSet<ThreadNumber>) -> bool {
        let can_come = |awaited: &Arc<dyn Awaited>| self.can_come(awaited.supplier(), live);
        match &wait.need {
            Need::All(needs) => needs.iter().all(can_come),
            Need::Any(needs) => needs.is_empty() || needs.iter().any(can_come),
        }
    }

    fn can_come(&self, supplier: Supplier, live: &HashSet<ThreadNumber>) -> bool {
        let is_live = |thread: &ThreadNumber| !self.waits.contains_key(thread) || live.contains(thread);
        match supplier {
            Supplier::Anyone => true,
            Supplier::Thread(thread) => is_live(&thread),
            Supplier::AllOf(id) => self.pools.get(&id).is_none_or(|pool| pool.waiting.iter().all(is_live)),
            Supplier::AnyOf(id) => self
                .pools
                .get(&id)
                .is_none_or(|pool| pool.waiting.len() < pool.max_workers || pool.waiting.iter().any(is_live)),
        }
    }
}
