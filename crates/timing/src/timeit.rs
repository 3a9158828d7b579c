//! Many runs, as Python's `timeit` does it: loops that are long enough for the clock, several of them.

use crate::statistics::{interval_of_median, mean, median, standard_deviation};
use crate::units::{Unit, human};
use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A loop is at least this long, so that neither the clock nor an interruption matters.
const LOOP: Duration = Duration::from_millis(200);

/// How many loops are timed, unless that takes too long.
const REPEATS: usize = 7;

/// No loop begins when this much time has passed.
const BUDGET: Duration = Duration::from_secs(10);

/// No loop has more rounds than this, which take longer than [`LOOP`] if they do anything at all.
const MOST_LOOPS: u64 = 10_000_000_000;

/// A round that is quicker than this does nothing: that is two or three cycles of a processor.
const NOTHING: f64 = 0.6e-9;

/// Measures how long `work` takes, by running it often.
///
/// The number of rounds in a loop is the first of 1, 2, 5, 10, 20, 50 … with which the loop takes 0.2 s,
/// and 7 loops are timed; fewer when they would take longer than 10 s together. What `work` returns is
/// handed to [`black_box`], so that the compiler cannot leave it out; let what goes in pass through
/// `black_box` too if it is a constant.
///
/// # Panics
///
/// If `work` panics.
///
/// # Examples
///
/// ```
/// use std::hint::black_box;
/// use threadbook_timing::timeit;
///
/// let measurement = timeit(|| black_box(12_345_u64).pow(3));
/// println!("{measurement}"); // 1.23 ns ± 0.04 ns per loop (median of 7 repeats, 200000000 loops each)
/// assert!(measurement.min() <= measurement.median());
/// ```
pub fn timeit<R>(mut work: impl FnMut() -> R) -> Measurement {
    measure(&mut |loops| {
        let start = Instant::now();
        for _ in 0..loops {
            black_box(work());
        }
        start.elapsed()
    })
}

/// The part that is the same for all work. `run` runs a loop of so many rounds, and says how long it took.
fn measure(run: &mut dyn FnMut(u64) -> Duration) -> Measurement {
    let (mut loops, mut steps) = (1, [2, 5, 10].into_iter().cycle());
    let mut decade = 1;
    let mut total = Duration::ZERO;
    // The first loop that is long enough is the first repeat.
    let first = loop {
        let took = run(loops);
        total += took;
        if took >= LOOP || loops >= MOST_LOOPS {
            break took;
        }
        let step = steps.next().unwrap_or(10);
        loops = decade * step;
        if step == 10 {
            decade = loops;
        }
    };
    let mut repeats = vec![first.as_secs_f64() / loops as f64];
    while repeats.len() < REPEATS && total + first <= BUDGET {
        let took = run(loops);
        total += took;
        repeats.push(took.as_secs_f64() / loops as f64);
    }
    Measurement { loops, repeats }
}

/// How long one round takes; made by [`timeit`].
#[derive(Clone, PartialEq)]
pub struct Measurement {
    loops: u64,
    /// The time of one round in each repeat, in seconds.
    repeats: Vec<f64>,
}

impl Measurement {
    /// How many rounds each loop had.
    pub fn loops(&self) -> u64 {
        self.loops
    }

    /// The time of one round in each loop, in seconds: a round may be shorter than the nanosecond that a
    /// `Duration` can tell. In the order in which they were measured.
    pub fn seconds(&self) -> &[f64] {
        &self.repeats
    }

    /// The time of one round in the fastest loop: what the work takes if nothing interrupts it.
    pub fn min(&self) -> Duration {
        duration(self.fastest())
    }

    /// The time of one round in the loop in the middle.
    pub fn median(&self) -> Duration {
        duration(median(&self.repeats))
    }

    /// The mean time of one round.
    pub fn mean(&self) -> Duration {
        duration(mean(&self.repeats))
    }

    /// Where the median lies with 95 % confidence (by bootstrap, the same each time it is asked).
    pub fn interval(&self) -> (Duration, Duration) {
        let (low, high) = interval_of_median(&self.repeats);
        (duration(low), duration(high))
    }

    /// The standard deviation of the loops' times.
    pub fn spread(&self) -> Duration {
        duration(standard_deviation(&self.repeats))
    }

    /// What makes the figures doubtful, if something does.
    pub fn warning(&self) -> Option<String> {
        let middle = median(&self.repeats);
        if middle < NOTHING {
            return Some(format!(
                "{} is less than a clock can tell: the compiler has probably left the work out. Let what goes in \
                 pass through std::hint::black_box.",
                human(middle)
            ));
        }
        let slowest = self.repeats.iter().copied().fold(0.0, f64::max);
        let ratio = slowest / self.fastest();
        (ratio > 4.0).then(|| {
            format!(
                "the slowest loop took {ratio:.1} times as long as the fastest: something else was going on."
            )
        })
    }

    fn fastest(&self) -> f64 {
        self.repeats.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// `1.23 µs ± 0.04 µs per loop (median of 7 repeats, 200000 loops each)`, as IPython says it; and a line for
/// how sure that is.
impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let middle = median(&self.repeats);
        let unit = Unit::of(middle);
        let (repeats, loops) = (self.repeats.len(), self.loops);
        write!(f, "{}", unit.show(middle))?;
        if repeats > 1 {
            write!(f, " ± {}", unit.show(standard_deviation(&self.repeats)))?;
        }
        write!(
            f,
            " per loop (median of {repeats} repeat{}, {loops} loop{} each)",
            s(repeats),
            s(loops as usize)
        )?;
        if repeats > 1 {
            let (low, high) = interval_of_median(&self.repeats);
            let (fastest, low, high) = (unit.show(self.fastest()), unit.show(low), unit.show(high));
            write!(f, "\nfastest {fastest}; the median lies between {low} and {high} (95 %)")?;
        }
        match self.warning() {
            Some(warning) => write!(f, "\nBeware: {warning}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn it_says_what_ipython_says_and_how_sure_it_is() {
        let repeats = [1.23, 1.19, 1.2, 1.3, 1.25, 1.24, 1.22].map(|value| value * 1e-6).to_vec();
        let text = Measurement { loops: 200_000, repeats }.to_string();
        let mut lines = text.lines();
        let said = "1.23 µs ± 0.04 µs per loop (median of 7 repeats, 200000 loops each)";
        assert_eq!(lines.next(), Some(said));
        assert!(lines.next().unwrap().starts_with("fastest 1.19 µs; the median lies between 1.20 µs and"));
        assert_eq!(lines.next(), None);
        let once = Measurement { loops: 1, repeats: vec![61.0] }.to_string();
        assert_eq!(once, "61.0 s per loop (median of 1 repeat, 1 loop each)");
    }

    #[test]
    fn doubtful_figures_are_said_to_be_so() {
        let warning = |repeats: &[f64]| Measurement { loops: 1, repeats: repeats.to_vec() }.warning();
        assert!(warning(&[0.2e-9]).unwrap().contains("black_box"));
        assert!(measured(0.0).0.warning().is_some());
        assert!(warning(&[1.0, 1.0, 9.0]).unwrap().contains("9.0 times"));
        assert_eq!(warning(&[1.0, 1.1, 1.2]), None);
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
