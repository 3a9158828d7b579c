//! Calibration: the number of rounds with which a loop is long enough for the clock.

use crate::clock::clock;
use crate::interrupt::stop_if_interrupted;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The maximum number of rounds of a loop. Rounds that do any work reach the required time with fewer.
pub(crate) const MAX_LOOPS: u64 = 10_000_000_000;

/// The duration above which a first run is counted, and not discarded as a warm-up.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// Runs a loop of this number of rounds, and returns its duration.
pub(crate) type Loop<'a> = dyn FnMut(u64) -> Duration + 'a;

/// The loop around `work`. Only this part is monomorphised for each work. The cost of the clock is
/// subtracted.
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

/// The result of a calibration.
pub(crate) struct Calibration {
    pub(crate) loops: u64,
    /// The duration of the last loop, which had that number of rounds.
    pub(crate) took: Duration,
    /// The duration of all loops.
    pub(crate) total: Duration,
}

/// Finds the first number of rounds of 1, 2, 5, 10, 20, 50 … with which a loop takes at least `min`,
/// `times` times in succession, because a preempted loop takes too long. A far longer loop needs no
/// repetition.
pub(crate) fn calibrate(run: &mut Loop<'_>, min: Duration, times: u32) -> Calibration {
    let (mut loops, mut total) = (1, Duration::ZERO);
    let mut steps = [2, 5, 10].into_iter().cycle();
    let mut decade = 1;
    loop {
        let took = run(loops);
        total += took;
        let mut is_long_again = || {
            let again = run(loops);
            total += again;
            again >= min
        };
        let is_proved = |_| took >= 10 * min || is_long_again();
        if loops >= MAX_LOOPS || took >= min && (1..times).all(is_proved) {
            return Calibration { loops, took, total };
        }
        let step = steps.next().unwrap_or(10);
        loops = decade * step;
        if step == 10 {
            decade = loops;
        }
    }
}
