//! Which of several works is faster, and whether one can tell.

use crate::history::{Entry, History, strip};
use crate::measurement::{Case, Measurement};
use crate::statistics::Estimate;
use crate::units::{ago, counted, listed};
use crate::warnings::doubts;
use std::fmt;
use std::ops::Range;

/// A difference of less than one part in a hundred is not said to be one, however sure it is: where the
/// compiler and the system happen to put things makes more (T. Mytkowicz et al. 2009, "Producing wrong data
/// without doing anything obviously wrong!", ASPLOS XIV).
const GRAIN: f64 = 0.01;

/// Another time the machine is in another mood, so between two runs it takes more.
const GRAIN_IN_TIME: f64 = 0.05;

/// That there is no difference is said only where it could not be more than this.
const NEAR: f64 = 0.1;

/// What is said where no difference is seen: that there is hardly one, or that nobody knows.
const SAME: &str = "no difference to see at 95 %";
const UNCERTAIN: &str = "too uncertain to tell";

/// The longest bar of the text, in letters, and the longest name.
const BAR: usize = 20;
const NAME: usize = 40;

/// Several works beside one another; made by [`Benchmark::run`](crate::Benchmark::run).
///
/// The cases have run by turns, so the n-th run of each belongs to the n-th runs of the others: the ratio of
/// two cases is the mean of the ratios of such pairs (the geometric one, without outliers), and its interval
/// Student's t of those. A few runs thus give a wide interval, and one run none.
#[derive(Clone, PartialEq)]
pub struct Comparison {
    /// This run.
    pub run: Entry,
    /// Earlier runs of this benchmark on this machine, the oldest first.
    pub earlier: Vec<Entry>,
    /// What else a reader must know.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Cases that were measured by turns, beside the first of them.
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

    /// What was measured; the first case is the baseline.
    pub fn cases(&self) -> &[Case] {
        &self.run.cases
    }

    /// Reads what came out earlier, and adds this. What goes wrong is noted.
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

    /// The time of that case over the time of the baseline: below 1 if it is faster.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn ratio(&self, name: &str) -> f64 {
        self.log_ratio(self.case(name)).center.exp()
    }

    /// Where [`ratio`](Comparison::ratio) lies with 95 % confidence: from 0 to infinity if there was one run.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn interval(&self, name: &str) -> Range<f64> {
        range(self.log_ratio(self.case(name)))
    }

    /// How many times as fast as the baseline that case is: 1 over [`ratio`](Comparison::ratio).
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn speedup(&self, name: &str) -> f64 {
        1.0 / self.ratio(name)
    }

    /// Whether that case is seen to be faster or slower than the baseline: with 95 % confidence, and by more
    /// than one in a hundred, which may come from where the code happens to lie in memory.
    ///
    /// # Panics
    ///
    /// If there is no case of that name.
    #[track_caller]
    pub fn is_different(&self, name: &str) -> bool {
        is_seen(&self.interval(name), GRAIN)
    }

    /// How that case compares with the baseline, in a few words: `1.93 times as fast`, `no difference`, `too
    /// uncertain to tell`.
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

    /// How sure [`summary`](Comparison::summary) is: `1.89 to 1.97`; nothing where there is nothing to say.
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

    /// How that case compares with the baseline, and how sure that is.
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

    /// How this run compares with the last one on this machine; `None` if there was none.
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

    /// What makes the figures doubtful, if something does: a sentence for all cases where it is the same.
    pub fn warnings(&self) -> Vec<String> {
        doubts(self.cases().iter().map(|case| (shortened(&case.name), &case.measurement)))
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

    /// The logarithm of a case's time over the baseline's.
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

/// No time is nothing: what was optimised away took at least a thousandth of a nanosecond.
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

/// `1.93 times as fast (1.89 to 1.97)`, of the logarithm of a ratio of times.
fn times(log_ratio: f64, interval: Option<&Range<f64>>) -> String {
    let word = if log_ratio < 0.0 { "fast" } else { "long" };
    let ratio = factor(log_ratio.abs().exp());
    let interval = interval.map(|interval| format!(" ({})", bounds(log_ratio, interval)));
    format!("{ratio} times as {word}{}", interval.unwrap_or_default())
}

/// The interval of how many times as fast, or as long.
fn bounds(log_ratio: f64, Range { start, end }: &Range<f64>) -> String {
    let (low, high) = if log_ratio < 0.0 { (1.0 / end, 1.0 / start) } else { (*start, *end) };
    format!("{} to {}", factor(low), factor(high))
}

/// Three significant digits, as far as they say something.
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

/// A name that leaves room for the rest of the line.
pub(crate) fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

/// A line for each case, then what else is to be said.
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
        let most = medians.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (index, case) in self.cases().iter().enumerate() {
            let bar = "█".repeat(((BAR as f64 * medians[index] / most).round() as usize).max(1));
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
