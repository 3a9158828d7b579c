//! Many runs, as in Python's `timeit`: several loops, each long enough for the clock.

use crate::calibrate::{Loop, WARM_UP, calibrate, timed};
use crate::measurement::Measurement;
use std::time::Duration;

/// The minimum duration of a loop, which makes the clock's cost and a preemption negligible.
const LOOP: Duration = Duration::from_millis(200);

/// The number of timed loops, unless they take too long.
const REPEATS: usize = 7;

/// No loop is started that would end later than this.
const BUDGET: Duration = Duration::from_secs(10);

/// Measures the time of `work` by many repetitions.
///
/// The number of rounds in a loop is the first of 1, 2, 5, 10, 20, 50 … with which the loop takes 0.2 s, and
/// 7 loops are timed; fewer if they would take longer than 10 s together. The shorter loops are the warm-up.
/// If one round is long enough, the warm-up is a round that is not counted, unless it took more than a
/// second. The clock's own cost is subtracted. The result of `work` is passed to
/// [`black_box`](std::hint::black_box), so that the compiler cannot remove the work; pass a constant input
/// through `black_box` too.
///
/// # Panics
///
/// If `work` panics, and with the message `interrupted` if the cell is interrupted.
///
/// # Examples
///
/// ```
/// use std::hint::black_box;
/// use threadbook_timing::timeit;
///
/// let measurement = timeit(|| black_box(12_345_u64).pow(3));
/// println!("{measurement}"); // 1.23 ns ± 0.04 ns per loop (median of 7 repeats, 200,000,000 loops each)
/// assert!(measurement.min() <= measurement.median());
/// ```
pub fn timeit<R>(work: impl FnMut() -> R) -> Measurement {
    measure(&mut timed(work))
}

/// The part that is not monomorphised.
fn measure(run: &mut Loop<'_>) -> Measurement {
    let found = calibrate(run, LOOP, 1);
    let mut total = found.total;
    // After shorter loops, the work is warm, and the first loop that is long enough counts. If one round is
    // long enough, it was the first of all.
    let is_warm = found.loops > 1 || found.took > WARM_UP;
    let mut repeats = if is_warm { vec![found.took] } else { vec![] };
    while repeats.len() < REPEATS && (repeats.is_empty() || total + found.took <= BUDGET) {
        let took = run(found.loops);
        total += took;
        repeats.push(took);
    }
    Measurement::here(found.loops, repeats.into_iter().map(|took| took.as_secs_f64() / found.loops as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::MAX_LOOPS;
    use arbtest::arbtest;

    /// Measures work that takes `nanoseconds` a round, on a simulated clock. Returns the number of its runs,
    /// too.
    fn measured(nanoseconds: f64) -> (Measurement, u64) {
        let mut rounds = 0;
        let measurement = measure(&mut |loops| {
            rounds += loops;
            Duration::from_secs_f64(loops as f64 * nanoseconds * 1e-9)
        });
        (measurement, rounds)
    }

    #[test]
    fn loops_are_chosen_as_python_does_it() {
        for (nanoseconds, loops, repeats) in [
            (1.0, 200_000_000, 7),
            (900.0, 500_000, 7),
            (1e6, 200, 7),
            (0.15e9, 2, 7),
            (0.3e9, 1, 7),
            (3e9, 1, 3),
            (60e9, 1, 1),
        ] {
            let (measurement, _) = measured(nanoseconds);
            let seen = (measurement.loops(), measurement.seconds().len());
            assert_eq!(seen, (loops, repeats), "{nanoseconds} ns");
        }
    }

    #[test]
    fn a_sleep_takes_as_long_as_it_is_told_to() {
        let nap = Duration::from_millis(210);
        let measurement = timeit(|| std::thread::sleep(nap));
        assert!(measurement.loops() == 1 && measurement.min() >= nap, "{measurement}");
        let (low, high) = measurement.interval();
        assert!(low <= measurement.median() && measurement.median() <= high);
    }

    #[test]
    fn a_loop_is_long_enough_and_all_take_bounded_time() {
        arbtest(|random| {
            // From a hundredth of a nanosecond to a hundred seconds.
            let nanoseconds = 10_f64.powf(f64::from(random.int_in_range(-200..=1100_i32)?) / 100.0);
            let (measurement, rounds) = measured(nanoseconds);
            let one_loop = measurement.loops() as f64 * nanoseconds * 1e-9;
            assert!(one_loop >= 0.2 * (1.0 - 1e-6) || measurement.loops() == MAX_LOOPS);
            assert!((1..=REPEATS).contains(&measurement.seconds().len()));
            let total = rounds as f64 * nanoseconds * 1e-9;
            assert!(total <= 11.0 || measurement.seconds().len() == 1, "{total}");
            Ok(())
        });
    }
}
