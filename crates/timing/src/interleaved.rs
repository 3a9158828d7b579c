//! Interleaved measurement of several works, so that other load on the machine affects all of them alike.

use crate::calibrate::{WARM_UP, calibrate};
use crate::measurement::Measurement;
use std::time::Duration;

/// The minimum duration of a run: a short work is run in a loop.
///
/// That is less than a time slice of the scheduler, so that most runs are not preempted on a busy machine:
/// many short runs give a narrower interval than a few long ones.
const MIN_RUN: Duration = Duration::from_millis(2);

/// The number of successive runs that must reach this duration. Of two equal works, the one with more rounds
/// would be preempted more often.
const PROOFS: u32 = 3;

/// The maximum number of runs, if the caller sets none.
const MAX_RUNS: usize = 100;

/// The minimum number of runs, if the caller sets none: fewer give no useful interval.
const MIN_RUNS: usize = 3;

/// Any number: the order only has to be independent of other load.
const SEED: u64 = 0x5eed;

/// The time that the runs should fit in.
const BUDGET: Duration = Duration::from_secs(3);

/// Measures `works` works. `run` runs a loop of the work with that index, and returns its duration.
///
/// The calibration of the number of rounds warms up each work. Then the runs are interleaved, so the n-th
/// runs of all works belong together.
///
/// Each pass over the works has a random order of its own. In a fixed order, a work could always run at the
/// end of a time slice; in a random one, other load affects each work with the same probability, which is all
/// that the comparison of equals needs (R. A. Fisher 1935, "The Design of Experiments").
pub(crate) fn measure_interleaved(
    works: usize,
    runs: Option<usize>,
    run: &mut dyn FnMut(usize, u64) -> Duration,
) -> Vec<Measurement> {
    let mut total = Duration::ZERO;
    let calibrations: Vec<_> =
        (0..works).map(|work| calibrate(&mut |loops| run(work, loops), MIN_RUN, PROOFS)).collect();
    total += calibrations.iter().map(|found| found.total).sum();
    let mut took = vec![Vec::new(); works];
    let (mut random, mut order) = (fastrand::Rng::with_seed(SEED), (0..works).collect::<Vec<_>>());
    let mut last_pass = Duration::ZERO;
    for pass in 0..runs.unwrap_or(MAX_RUNS).max(1) {
        if runs.is_none() && pass >= MIN_RUNS && total + last_pass > BUDGET {
            break;
        }
        last_pass = Duration::ZERO;
        random.shuffle(&mut order);
        for work in order.iter().copied() {
            let found = &calibrations[work];
            let time = if pass == 0 && found.took > WARM_UP { found.took } else { run(work, found.loops) };
            last_pass += time;
            took[work].push(time.as_secs_f64() / found.loops as f64);
        }
        total += last_pass;
    }
    calibrations.iter().zip(took).map(|(found, took)| Measurement::here(found.loops, took)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbtest::arbtest;

    /// Measures works that take these seconds a round, on a simulated clock, and records the order of the
    /// runs.
    fn measured(seconds: &[f64], runs: Option<usize>) -> (Vec<Measurement>, Vec<(usize, u64)>) {
        let mut ran = Vec::new();
        let measurements = measure_interleaved(seconds.len(), runs, &mut |work, loops| {
            ran.push((work, loops));
            Duration::from_secs_f64(seconds[work] * loops as f64)
        });
        (measurements, ran)
    }

    #[test]
    fn works_run_in_any_order() {
        let (measurements, ran) = measured(&[0.5, 0.25], Some(100));
        assert!(measurements.iter().all(|measurement| measurement.seconds().len() == 100));
        let works: Vec<usize> = ran.iter().map(|(work, _)| *work).collect();
        // The first two warm them up.
        let passes: Vec<&[usize]> = works[2..].chunks(2).collect();
        let first = passes.iter().filter(|pass| ***pass == [0, 1]).count();
        let second = passes.iter().filter(|pass| ***pass == [1, 0]).count();
        assert!(first + second == 100 && first > 30 && second > 30, "{first} and {second}");
    }

    #[test]
    fn short_works_run_in_loops() {
        let (measurements, _) = measured(&[1e-9, 1e-3, 1.0], Some(2));
        let loops: Vec<u64> = measurements.iter().map(Measurement::loops).collect();
        assert_eq!(loops, [2_000_000, 2, 1]);
    }

    #[test]
    fn a_long_first_run_counts() {
        let (measurements, ran) = measured(&[5.0, 0.5], Some(1));
        assert_eq!(ran, [(0, 1), (1, 1), (1, 1)]);
        assert_eq!(measurements[0].seconds(), [5.0]);
    }

    #[test]
    fn without_a_number_of_runs_the_time_decides() {
        for (seconds, runs) in [(2e-3, 100), (0.1, 14), (2.0, 3), (100.0, 3)] {
            let (measurements, _) = measured(&[seconds, seconds], None);
            assert_eq!(measurements[1].seconds().len(), runs, "{seconds} s");
        }
    }

    #[test]
    fn none_and_no_runs_are_no_harm() {
        assert_eq!(measured(&[], Some(3)).0, []);
        assert_eq!(measured(&[0.1], Some(0)).0[0].seconds().len(), 1);
    }

    #[test]
    fn every_work_has_as_many_runs_as_the_others() {
        arbtest(|random| {
            let count = random.int_in_range(1..=6)?;
            let mut second = || Ok(10_f64.powf(f64::from(random.int_in_range(-900..=100_i32)?) / 100.0));
            let seconds = (0..count).map(|_| second()).collect::<Result<Vec<f64>, _>>()?;
            let runs = if random.arbitrary()? { Some(random.int_in_range(1..=30)?) } else { None };
            let (measurements, _) = measured(&seconds, runs);
            let expected = runs.unwrap_or(measurements[0].seconds().len());
            for (measurement, seconds) in measurements.iter().zip(&seconds) {
                assert_eq!(measurement.seconds().len(), expected);
                assert!(measurement.loops() as f64 * seconds >= 0.002 * (1.0 - 1e-6));
            }
            Ok(())
        });
    }
}
