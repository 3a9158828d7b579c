//! Comparison of several cases: the ratios of their times, and their confidence intervals.

use crate::history::{Entry, History, strip};
use crate::measurement::Measurement;
use crate::statistics::Estimate;
use crate::units::{ago, counted, listed};
use crate::warnings::warnings;
use std::fmt;
use std::ops::Range;

/// The minimum relative difference that is reported. The placement of code and data in memory causes smaller
/// ones (T. Mytkowicz et al. 2009, "Producing wrong data without doing anything obviously wrong!", ASPLOS
/// XIV).
const GRAIN: f64 = 0.01;

/// The same minimum between two runs: conditions on the machine change from run to run.
const GRAIN_IN_TIME: f64 = 0.05;

/// The maximum distance of the interval's ends from 1 with which "no difference" is reported.
const NEAR: f64 = 0.1;

/// The text for cases without a visible difference, be it small or unknown.
const SAME: &str = "no difference to see at 95 %";
const UNCERTAIN: &str = "too uncertain to tell";

/// The maximum length of a bar of the text, and of a name, in characters.
const BAR: usize = 20;
const NAME: usize = 40;

/// A case and its measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The name of the case.
    pub name: String,
    /// The time of a round in each run, in the order of the runs.
    pub measurement: Measurement,
}

/// Several cases beside one another; made by [`Benchmark::run`](crate::Benchmark::run).
///
/// The cases are interleaved, so the n-th runs of all cases belong together. The ratio of two cases is the
/// geometric mean of the ratios of such pairs, without outliers, and its interval is Student's t of those. A
/// few runs give a wide interval, and one run gives none.
#[derive(Clone, PartialEq)]
pub struct Comparison {
    /// This run.
    pub run: Entry,
    /// Earlier runs of this benchmark on this machine, the oldest first.
    pub earlier: Vec<Entry>,
    /// Notes for the reader.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Compares interleaved cases with the first of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_timing::{Case, Comparison, Measurement};
    ///
    /// let case = |name: &str, seconds: [f64; 3]| Case {
    ///     name: name.into(),
    ///     measurement: Measurement::new(1, seconds),
    /// };
    /// let comparison =
    ///     Comparison::new("sort", vec![case("old", [4.0, 4.1, 4.2]), case("new", [2.0, 2.1, 2.1])]);
    /// assert!((1.9..2.1).contains(&comparison.speedup("new")));
    /// assert!(comparison.is_different("new"));
    /// ```
    pub fn new(name: impl Into<String>, cases: Vec<Case>) -> Comparison {
        Comparison { run: Entry::now(&name.into(), cases), earlier: Vec::new(), notes: Vec::new() }
    }

    /// The name of the benchmark.
    pub fn name(&self) -> &str {
        &self.run.benchmark
    }

    /// The measured cases; the first one is the baseline.
    pub fn cases(&self) -> &[Case] {
        &self.run.cases
    }

    /// Reads the earlier results and appends this one. A failure becomes a note.
    pub(crate) fn remember(&mut self, history: &History) {
        match history.read() {
            Ok(past) => {
                self.notes.extend(past.notes());
                self.earlier = past.entries;
            }
            Err(error) => self.notes.push(format!("{} could not be read: {error}", history.path().display())),
        }
        if let Err(error) = history.append(&self.run) {
            let path = history.path().display();
            self.notes.push(format!("This run is not kept: {path} could not be written: {error}"));
        }
    }

    /// The time of that case divided by the time of the baseline: below 1 if the case is faster.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn ratio(&self, name: &str) -> f64 {
        self.log_ratio(self.case(name)).center.exp()
    }

    /// The 95 % confidence interval of [`ratio`](Comparison::ratio): from 0 to infinity after a single run.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn interval(&self, name: &str) -> Range<f64> {
        range(self.log_ratio(self.case(name)))
    }

    /// The speed of that case relative to the baseline: 1 / [`ratio`](Comparison::ratio).
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn speedup(&self, name: &str) -> f64 {
        1.0 / self.ratio(name)
    }

    /// Whether that case is faster or slower than the baseline with 95 % confidence, and by more than 1 %. A
    /// smaller difference can come from the placement of the code in memory.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn is_different(&self, name: &str) -> bool {
        is_seen(&self.interval(name), GRAIN)
    }

    /// The result for that case relative to the baseline, in a few words: `1.93 times as fast`,
    /// `no difference`, `too uncertain to tell`.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn summary(&self, name: &str) -> String {
        let case = self.case(name);
        let estimate = self.log_ratio(case);
        let interval = range(estimate);
        match () {
            () if self.is_baseline(case) => "the baseline".to_owned(),
            () if case.measurement.seconds().len() < 2 || is_seen(&interval, GRAIN) => {
                times(estimate.center, None)
            }
            () if is_near(&interval) => "no difference".to_owned(),
            () => UNCERTAIN.to_owned(),
        }
    }

    /// The confidence interval of [`summary`](Comparison::summary): `1.89 to 1.97`; `None` if there is no
    /// interval.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn bounds(&self, name: &str) -> Option<String> {
        let case = self.case(name);
        let estimate = self.log_ratio(case);
        let interval = range(estimate);
        if self.is_baseline(case) || !interval.end.is_finite() {
            return None;
        }
        Some(bounds(if is_seen(&interval, GRAIN) { estimate.center } else { 0.0 }, &interval))
    }

    /// The result for that case relative to the baseline, with its confidence interval.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn verdict(&self, name: &str) -> String {
        let case = self.case(name);
        let runs = case.measurement.seconds().len();
        match self.log_ratio(case) {
            _ if self.is_baseline(case) => "the baseline".to_owned(),
            estimate if runs < 2 => {
                format!("{}; one run does not tell how sure that is", times(estimate.center, None))
            }
            estimate => {
                let interval = range(estimate);
                if is_seen(&interval, GRAIN) {
                    return times(estimate.center, Some(&interval));
                }
                let bounds = bounds(0.0, &interval);
                match is_near(&interval) {
                    true => format!("{SAME} ({bounds} times as long)"),
                    false => format!("{UNCERTAIN} ({bounds} times as long; more runs would tell more)"),
                }
            }
        }
    }

    /// The result relative to the last run on this machine; `None` if there was none.
    pub fn since_last_time(&self) -> Option<String> {
        let last = self.earlier.last()?;
        let (mut words, mut uncertain) = (Vec::new(), Vec::new());
        for case in self.cases() {
            let Some(then) = last.cases.iter().find(|then| then.name == case.name) else { continue };
            let (change, name) =
                (logs(&case.measurement).minus(logs(&then.measurement)), shortened(&case.name));
            let interval = range(change);
            if is_seen(&interval, GRAIN_IN_TIME) {
                words.push(format!("{name}: {}", times(change.center, Some(&interval))));
            } else if !is_near(&interval) {
                uncertain.push(name);
            }
        }
        if !uncertain.is_empty() {
            words.push(format!("{}: {UNCERTAIN}", listed(&uncertain)));
        }
        if words.is_empty() {
            words.push(SAME.to_owned());
        }
        words.extend(self.run.differences(last));
        Some(format!(
            "Since the last time, {}: {}",
            ago(self.run.time.saturating_sub(last.time)),
            words.join("; ")
        ))
    }

    /// The medians of a case in the earlier runs and in this one, in seconds.
    pub fn medians(&self, name: &str) -> Vec<Option<f64>> {
        self.earlier.iter().chain([&self.run]).map(|entry| entry.median(name)).collect()
    }

    /// The warnings about the measurements: one sentence for all cases with the same kind of warning.
    pub fn warnings(&self) -> Vec<String> {
        warnings(self.cases().iter().map(|case| (shortened(&case.name), &case.measurement)))
    }

    #[track_caller]
    fn case(&self, name: &str) -> &Case {
        match self.cases().iter().find(|case| case.name == name) {
            Some(case) => case,
            None => {
                let names: Vec<_> = self.cases().iter().map(|case| format!("`{}`", case.name)).collect();
                panic!(
                    "there is no case `{name}` in the benchmark `{}`, only {}",
                    self.name(),
                    names.join(", ")
                )
            }
        }
    }

    fn is_baseline(&self, case: &Case) -> bool {
        self.cases().first().is_some_and(|first| std::ptr::eq(first, case))
    }

    /// The logarithm of the ratio of a case's time to the baseline's.
    fn log_ratio(&self, case: &Case) -> Estimate {
        let Some(baseline) = self.cases().first() else { return Estimate::of(&[]) };
        let (seconds, others) = (case.measurement.seconds(), baseline.measurement.seconds());
        if seconds.len() != others.len() {
            return logs(&case.measurement).minus(logs(&baseline.measurement));
        }
        let pairs = seconds.iter().zip(others);
        Estimate::of(&pairs.map(|(time, base)| log(*time) - log(*base)).collect::<Vec<_>>())
    }
}

/// A time of zero, of work that was optimised away, counts as a thousandth of a nanosecond.
fn log(seconds: f64) -> f64 {
    seconds.max(1e-12).ln()
}

fn logs(measurement: &Measurement) -> Estimate {
    Estimate::of(&measurement.seconds().iter().map(|seconds| log(*seconds)).collect::<Vec<_>>())
}

fn range(log_ratio: Estimate) -> Range<f64> {
    let (low, high) = log_ratio.interval();
    low.exp()..high.exp()
}

fn is_seen(ratio: &Range<f64>, grain: f64) -> bool {
    ratio.end < 1.0 - grain || ratio.start > 1.0 + grain
}

fn is_near(ratio: &Range<f64>) -> bool {
    ratio.start > 1.0 - NEAR && ratio.end < 1.0 + NEAR
}

/// `1.93 times as fast (1.89 to 1.97)`, from the logarithm of a ratio of times.
fn times(log_ratio: f64, interval: Option<&Range<f64>>) -> String {
    let word = if log_ratio < 0.0 { "fast" } else { "long" };
    let ratio = factor(log_ratio.abs().exp());
    let interval = interval.map(|interval| format!(" ({})", bounds(log_ratio, interval)));
    format!("{ratio} times as {word}{}", interval.unwrap_or_default())
}

/// The interval of the speed-up, or of the slow-down.
fn bounds(log_ratio: f64, Range { start, end }: &Range<f64>) -> String {
    let (low, high) = if log_ratio < 0.0 { (1.0 / end, 1.0 / start) } else { (*start, *end) };
    format!("{} to {}", factor(low), factor(high))
}

/// Three significant digits, as far as they are meaningful.
pub(crate) fn factor(ratio: f64) -> String {
    match ratio {
        ratio if !ratio.is_finite() => "any number of".to_owned(),
        ratio if ratio >= 99_999.5 => format!("{ratio:.1e}"),
        ratio if ratio >= 99.95 => format!("{ratio:.0}"),
        ratio if ratio >= 9.995 => format!("{ratio:.1}"),
        ratio if ratio >= 0.0995 => format!("{ratio:.2}"),
        ratio if ratio >= 0.001 => format!("{ratio:.4}"),
        0.0 => "0".to_owned(),
        ratio => format!("{ratio:.1e}"),
    }
}

/// The name, cut to leave room for the rest of the line.
pub(crate) fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

/// A line for each case, then the notes.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.cases().first() else {
            return write!(f, "{}: no cases", self.name());
        };
        let runs = counted(first.measurement.seconds().len(), "run");
        write!(f, "{}: {runs} of each case, by turns", self.name())?;
        let length = |text: &str| text.chars().count();
        let names: Vec<String> = self.cases().iter().map(|case| shortened(&case.name)).collect();
        let took: Vec<String> = self.cases().iter().map(|case| case.measurement.short()).collect();
        let widest = |texts: &[String]| texts.iter().map(|text| length(text)).max().unwrap_or(0);
        let (name_width, took_width) = (widest(&names), widest(&took));
        let medians: Vec<f64> = self.cases().iter().map(|case| case.measurement.median_seconds()).collect();
        let max = medians.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (index, case) in self.cases().iter().enumerate() {
            let bar = "█".repeat(((BAR as f64 * medians[index] / max).round() as usize).max(1));
            let (name, took, verdict) = (&names[index], &took[index], self.verdict(&case.name));
            write!(f, "\n  {name:<name_width$}  {bar:<BAR$}  {took:<took_width$}  {verdict}")?;
        }
        if let Some(words) = self.since_last_time() {
            write!(f, "\n{words}")?;
        }
        if self.earlier.len() > 1 {
            write!(f, "\nThe earlier runs and this one:")?;
            for (case, name) in self.cases().iter().zip(&names) {
                write!(f, "\n  {name:<name_width$}  {}", strip(&self.medians(&case.name)))?;
            }
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}"))?;
        self.warnings().iter().try_for_each(|warning| write!(f, "\nBeware: {warning}"))
    }
}

/// The same text as `{}`; shown in a notebook, a picture.
impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
