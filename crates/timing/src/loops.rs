//! Loops that are long enough for the clock.

use crate::clock::clock;
use crate::context::stop_if_interrupted;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// No loop has more rounds than this, which take longer than any loop should if they do anything at all.
pub(crate) const MOST_LOOPS: u64 = 10_000_000_000;

/// A first run that took longer than this is not thrown away as a warm-up.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// Runs a loop of so many rounds, and says how long that took.
pub(crate) type Loop<'a> = dyn FnMut(u64) -> Duration + 'a;

/// The loop around `work`. Only this part is compiled for each work; and what the clock costs is no part of
/// what it says.
pub(crate) fn timed<R>(mut work: impl FnMut() -> R) -> impl FnMut(u64) -> Duration {
    let overhead = clock().overhead;
    move |loops| {
        stop_if_interrupted();
        let start = Instant::now();
        for _ in 0..loops {
            black_box(work());
        }
        start.elapsed().saturating_sub(overhead)
    }
}

/// How many rounds it takes.
pub(crate) struct Search {
    pub(crate) loops: u64,
    /// How long the last loop took, which had that many rounds.
    pub(crate) took: Duration,
    /// How long all loops took.
    pub(crate) total: Duration,
}

/// Searches the number of rounds, the first of 1, 2, 5, 10, 20, 50 …, with which a loop takes `least`: so many
/// times one after the other, as one that is interrupted takes longer than it should. Far longer ones need
/// no such proof.
pub(crate) fn search(run: &mut Loop<'_>, least: Duration, times: u32) -> Search {
    let (mut loops, mut total) = (1, Duration::ZERO);
    let mut steps = [2, 5, 10].into_iter().cycle();
    let mut decade = 1;
    loop {
        let took = run(loops);
        total += took;
        let mut is_long_again = || {
            let again = run(loops);
            total += again;
            again >= least
        };
        let is_proved = |_| took >= 10 * least || is_long_again();
        if loops >= MOST_LOOPS || took >= least && (1..times).all(is_proved) {
            return Search { loops, took, total };
        }
        let step = steps.next().unwrap_or(10);
        loops = decade * step;
        if step == 10 {
            decade = loops;
        }
    }
}
