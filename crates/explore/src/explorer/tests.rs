//! Sleep sets leave out no outcome: random programs beside all of their schedules.

use std::collections::BTreeSet;
use std::sync::Mutex as RealMutex;

use super::*;
use crate::explored::std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::explored::std::sync::{Condvar, Mutex};
use crate::explored::std::thread;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Load(usize),
    Store(usize, u32),
    Add(usize),
    /// A lock held around an addition to its value.
    Locked(usize),
    /// Two locks, one in the other.
    Both(usize, usize),
    TryLock(usize),
    Notify,
    /// Waits for a notification, at most until a time-out.
    Wait,
}

fn program(random: &mut Random) -> Vec<Vec<Act>> {
    let act = |random: &mut Random| {
        let (a, b) = (random.below(2) as usize, random.below(2) as usize);
        match random.below(9) {
            0 | 1 => Act::Load(a),
            2 | 3 => Act::Store(a, random.below(3) as u32),
            4 => Act::Add(a),
            5 => Act::Locked(a),
            6 => Act::Both(a, b),
            7 => Act::TryLock(a),
            _ if random.below(2) == 0 => Act::Notify,
            _ => Act::Wait,
        }
    };
    let (threads, acts) = if random.below(2) == 0 { (2, 3) } else { (3, 2) };
    (0..threads).map(|_| (0..acts).map(|_| act(random)).collect()).collect()
}

/// Runs a program, and returns the values that its threads have seen.
fn carry_out(program: &[Vec<Act>]) -> Vec<Vec<u32>> {
    let atomics = [AtomicU32::new(0), AtomicU32::new(0)];
    let locks = [Mutex::new(0_u32), Mutex::new(0)];
    let (lock, condition) = (Mutex::new(()), Condvar::new());
    let act = |act: &Act| match *act {
        Act::Load(n) => atomics[n].load(SeqCst),
        Act::Store(n, value) => {
            atomics[n].store(value, SeqCst);
            0
        }
        Act::Add(n) => atomics[n].fetch_add(1, SeqCst),
        Act::Locked(n) => {
            let mut value = locks[n].lock().unwrap();
            *value += 1;
            *value
        }
        Act::Both(a, b) if a == b => *locks[a].lock().unwrap(),
        Act::Both(a, b) => {
            let (one, other) = (locks[a].lock().unwrap(), locks[b].lock().unwrap());
            *one + 10 * *other
        }
        Act::TryLock(n) => locks[n].try_lock().map_or(99, |value| *value),
        Act::Notify => {
            condition.notify_one();
            0
        }
        Act::Wait => {
            let guard = lock.lock().unwrap();
            let (_guard, result) = condition.wait_timeout(guard, Duration::from_millis(1)).unwrap();
            u32::from(result.timed_out())
        }
    };
    thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = program
            .iter()
            .map(|acts| scope.spawn(move || acts.iter().map(act).collect::<Vec<_>>()))
            .collect();
        let mut seen: Vec<Vec<u32>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        seen.push(atomics.iter().map(|atomic| atomic.load(SeqCst)).collect());
        seen
    })
}

/// The values that each thread has seen, in a run.
type Seen = Vec<Vec<u32>>;

/// All that can be seen, whether a deadlock is among it, and the number of schedules; `None` if a thread had to let
/// others go first, for which the explorer uses no sleep sets.
fn outcomes(program: &[Vec<Act>], has_sleep_sets: bool) -> Option<(BTreeSet<Seen>, bool, usize)> {
    let seen = RealMutex::new(BTreeSet::new());
    let closure = || {
        let outcome = carry_out(program);
        seen.lock().unwrap().insert(outcome);
    };
    let explorer = Explorer::new().max_schedules(1_000_000).time_limit(Duration::from_secs(600));
    let closure: &dyn Fn() = &closure;
    // SAFETY: as in `Explorer::run`.
    let closure = unsafe { std::mem::transmute::<&dyn Fn(), &'static dyn Fn()>(closure) };
    let mut search = explorer.search(closure);
    let (mut deadlocks, mut schedules) = (false, 0);
    // As `depth_first`, which ends with the first failure.
    let mut strategy = DepthFirst::new(None, has_sleep_sets);
    loop {
        let (after, run) = search.run(Box::new(strategy), false);
        strategy = *after.into_any().downcast::<DepthFirst>().unwrap();
        assert!(!matches!(run.ended, Some(Ended::Strayed | Ended::Refused(_) | Ended::TooManySteps(_))));
        if run.was_unfair {
            return None;
        }
        deadlocks |= matches!(run.ended, Some(Ended::Deadlock(_)));
        schedules += usize::from(!strategy.is_redundant);
        if !strategy.advance() {
            break;
        }
    }
    drop(search);
    Some((seen.into_inner().unwrap(), deadlocks, schedules))
}

#[test]
fn sleep_sets_leave_out_no_outcome() {
    let (mut all, mut few) = (0, 0);
    for seed in 0..100 {
        let program = program(&mut Random(seed));
        let Some((seen, deadlocks, count)) = outcomes(&program, false) else { continue };
        let (seen_by_few, deadlocks_of_few, count_of_few) = outcomes(&program, true).expect("fair as well");
        assert_eq!((&seen_by_few, deadlocks_of_few), (&seen, deadlocks), "{seed}: {program:?}");
        assert!(count_of_few <= count, "{seed}");
        (all, few) = (all + count, few + count_of_few);
    }
    assert!(few * 2 < all, "{few} of {all}");
}

#[test]
fn schedules_of_independent_atomics_count_once() {
    let independent = [vec![Act::Store(0, 1); 3], vec![Act::Store(1, 1); 3]];
    assert_eq!(outcomes(&independent, true).unwrap().2, 1);
    assert!(
        outcomes(&independent, false).unwrap().2 >= 20,
        "all ways to put three steps between three others"
    );
}
