//! Many runs, as Python's `timeit` does it: loops that are long enough for the clock, several of them.

use crate::loops::{Loop, WARM_UP, search, timed};
use crate::measurement::Measurement;
use std::time::Duration;

/// A loop is at least this long, so that neither the clock nor an interruption matters.
const LOOP: Duration = Duration::from_millis(200);

/// How many loops are timed, unless that takes too long.
const REPEATS: usize = 7;

/// No loop begins that would end after this much time.
const BUDGET: Duration = Duration::from_secs(10);

/// Measures how long `work` takes, by running it often.
///
/// The number of rounds in a loop is the first of 1, 2, 5, 10, 20, 50 … with which the loop takes 0.2 s,
/// and 7 loops are timed; fewer when they would take longer than 10 s together. Shorter loops warm it up; if
/// one round is long enough, one that is not counted does, unless it took more than a second. The clock's own
/// cost is subtracted. What `work` returns is handed to [`black_box`](std::hint::black_box), so that the
/// compiler cannot leave it out; let what goes in pass through `black_box` too if it is a constant.
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

/// The part that is the same for all work.
fn measure(run: &mut Loop<'_>) -> Measurement {
    let found = search(run, LOOP, 1);
    let mut total = found.total;
    // Shorter loops have warmed it up, so that the first one that is long enough counts. One round that is
    // long enough was the first of all.
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
    use crate::loops::MOST_LOOPS;
    use arbtest::arbtest;

    /// Measures work that takes `nanoseconds` a round, on a clock of its own. Returns how often it ran, too.
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
            assert!(one_loop >= 0.2 * (1.0 - 1e-6) || measurement.loops() == MOST_LOOPS);
            assert!((1..=REPEATS).contains(&measurement.seconds().len()));
            let total = rounds as f64 * nanoseconds * 1e-9;
            assert!(total <= 11.0 || measurement.seconds().len() == 1, "{total}");
            Ok(())
        });
    }
}
