//! Measurements: the time of one round, and its uncertainty.

use crate::clock::clock;
use crate::statistics::{interval_of_median, mean, median, standard_deviation};
use crate::units::{Unit, counted};
use crate::warnings::Warning;
use std::fmt;
use std::time::Duration;

/// The number of empty rounds below which a round does no work.
const NOTHING: f64 = 1.5;

/// The ratio of the slowest loop to the fastest above which there is a warning.
const DISTURBED: f64 = 4.0;

/// The relative uncertainty of the median above which there is a warning.
const VAGUE: f64 = 0.1;

/// The measured time of one round; made by [`timeit`](crate::timeit) and [`benchmark`](crate::benchmark).
#[derive(Clone, Default, PartialEq)]
pub struct Measurement {
    loops: u64,
    /// The time of one round in each repeat, in seconds.
    repeats: Vec<f64>,
    /// The time of an empty round on the measuring machine, in seconds; 0 if it is unknown.
    empty_round: f64,
}

impl Measurement {
    /// A measurement from elsewhere: the number of rounds of each loop, and the seconds of one round in each
    /// loop. Negative, infinite and NaN values are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadbook_timing::Measurement;
    ///
    /// let measurement = Measurement::new(1, [0.25, 0.5, 0.75]);
    /// assert_eq!(measurement.median(), Duration::from_millis(500));
    /// ```
    pub fn new(loops: u64, seconds: impl IntoIterator<Item = f64>) -> Measurement {
        let is_time = |seconds: &f64| seconds.is_finite() && *seconds >= 0.0;
        Measurement { loops, repeats: seconds.into_iter().filter(is_time).collect(), empty_round: 0.0 }
    }

    /// A measurement of this process.
    pub(crate) fn here(loops: u64, seconds: impl IntoIterator<Item = f64>) -> Measurement {
        Measurement { empty_round: clock().empty_round, ..Measurement::new(loops, seconds) }
    }

    /// The number of rounds of each loop.
    pub fn loops(&self) -> u64 {
        self.loops
    }

    /// The time of one round in each loop, in seconds and in the order of measurement. A round can be shorter
    /// than a nanosecond, the resolution of `Duration`.
    pub fn seconds(&self) -> &[f64] {
        &self.repeats
    }

    /// The time of one round in the fastest loop: that of undisturbed work.
    pub fn min(&self) -> Duration {
        duration(self.fastest())
    }

    /// The median of the loops' times of one round.
    pub fn median(&self) -> Duration {
        duration(self.median_seconds())
    }

    /// As [`median`](Measurement::median), in seconds, so that fractions of a nanosecond are kept.
    pub fn median_seconds(&self) -> f64 {
        median(&self.repeats)
    }

    /// The mean time of one round.
    pub fn mean(&self) -> Duration {
        duration(mean(&self.repeats))
    }

    /// The 95 % confidence interval of the median (by bootstrap).
    pub fn interval(&self) -> (Duration, Duration) {
        let (low, high) = self.interval_seconds();
        (duration(low), duration(high))
    }

    /// As [`interval`](Measurement::interval), in seconds.
    pub fn interval_seconds(&self) -> (f64, f64) {
        interval_of_median(&self.repeats)
    }

    /// The standard deviation of the loops' times.
    pub fn spread(&self) -> Duration {
        duration(self.spread_seconds())
    }

    /// As [`spread`](Measurement::spread), in seconds.
    pub fn spread_seconds(&self) -> f64 {
        standard_deviation(&self.repeats)
    }

    /// The warning about this measurement, if there is a reason for one.
    pub fn warning(&self) -> Option<String> {
        Some(self.warning_kind()?.sentence())
    }

    pub(crate) fn warning_kind(&self) -> Option<Warning> {
        let middle = self.median_seconds();
        if self.repeats.is_empty() {
            return Some(Warning::Nothing);
        }
        if middle <= NOTHING * self.empty_round {
            return Some(Warning::Empty(middle));
        }
        let slowest = self.repeats.iter().copied().fold(0.0, f64::max);
        let ratio = slowest / self.fastest();
        if ratio > DISTURBED && ratio.is_finite() {
            return Some(Warning::Disturbed(ratio));
        }
        let (low, high) = self.interval_seconds();
        let vague = (high - low) / 2.0 / middle;
        (vague > VAGUE).then_some(Warning::Vague(vague))
    }

    pub(crate) fn fastest(&self) -> f64 {
        self.repeats.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// `1.23 s ± 0.04 s`; without the spread if there is only one repeat.
    pub(crate) fn short(&self) -> String {
        let middle = self.median_seconds();
        let unit = Unit::of(middle);
        match self.repeats.len() {
            0 => "nothing".to_owned(),
            1 => unit.show(middle),
            _ => format!("{} ± {}", unit.show(middle), unit.show(self.spread_seconds())),
        }
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// `1.23 µs ± 0.04 µs per loop (median of 7 repeats, 200,000 loops each)`, as in IPython, then a line with
/// its uncertainty.
impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (repeats, loops) = (counted(self.repeats.len(), "repeat"), counted(self.loops, "loop"));
        write!(f, "{} per loop (median of {repeats}, {loops} each)", self.short())?;
        if self.repeats.len() > 1 {
            let unit = Unit::of(self.median_seconds());
            let (low, high) = self.interval_seconds();
            let (fastest, low, high) = (unit.show(self.fastest()), unit.show(low), unit.show(high));
            write!(f, "\nfastest {fastest}; the median lies between {low} and {high} (95 %)")?;
        }
        match self.warning() {
            Some(warning) => write!(f, "\nBeware: {warning}"),
            None => Ok(()),
        }
    }
}

/// The same text as `{}`; shown in a notebook, a picture.
impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_ipython_says_and_how_sure_it_is() {
        let repeats = [1.23, 1.19, 1.2, 1.3, 1.25, 1.24, 1.22].map(|value| value * 1e-6);
        let text = Measurement::new(200_000, repeats).to_string();
        let mut lines = text.lines();
        let said = "1.23 µs ± 0.04 µs per loop (median of 7 repeats, 200,000 loops each)";
        assert_eq!(lines.next(), Some(said));
        assert!(lines.next().unwrap().starts_with("fastest 1.19 µs; the median lies between 1.20 µs and"));
        assert_eq!(lines.next(), None);
        let once = Measurement::new(1, [61.0]).to_string();
        assert_eq!(once, "61.0 s per loop (median of 1 repeat, 1 loop each)");
    }

    #[test]
    fn figures_to_distrust_have_a_warning() {
        let warning = |repeats: &[f64]| Measurement::new(1, repeats.iter().copied()).warning();
        let here = |seconds: f64| Measurement::here(1, [seconds]).warning();
        assert!(here(clock().empty_round).unwrap().contains("black_box"));
        assert_eq!(here(2.0 * clock().empty_round), None);
        assert!(warning(&[0.0]).unwrap().contains("black_box"));
        assert!(warning(&[1.0, 1.0, 9.0]).unwrap().contains("9.0 times"));
        assert!(warning(&[1.0, 1.0, 1.0, 1.5, 1.6, 1.7]).unwrap().contains("other work"));
        assert!(warning(&[]).unwrap().contains("nothing"));
        assert_eq!(warning(&[1.0, 1.1, 1.2]), None);
    }

    #[test]
    fn what_is_no_time_is_left_out() {
        let measurement = Measurement::new(1, [f64::NAN, -1.0, 2.0, f64::INFINITY]);
        assert_eq!(measurement.seconds(), [2.0]);
    }
}
