//! Speed-up curves over the number of workers, with Amdahl's law.

use crate::calibrate::timed;
use crate::comparison::factor;
use crate::interleaved::measure_interleaved;
use crate::measurement::Measurement;
use crate::statistics::Estimate;
use crate::units::counted;
use crate::warnings::{Warning, warnings};
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// The maximum length of a bar of the text, in characters.
const BAR: usize = 16;

/// The upper end of its interval from which on a serial part is not reported as zero.
const MUCH: f64 = 0.5;

/// Measures `work` with each of these numbers of workers, its argument, and fits Amdahl's law to the results.
///
/// The runs are interleaved, as those of a [`benchmark`](crate::benchmark), and as many. A repeated number is
/// measured once, and 0 is left out.
///
/// # Panics
///
/// If `work` panics, and with the message `interrupted` if the cell is interrupted.
///
/// # Examples
///
/// ```
/// use std::thread::sleep;
/// use std::time::Duration;
/// use threadbook_timing::speedup;
///
/// // A parallel part, and a serial one.
/// let curve = speedup([1, 2, 4], |workers| sleep(Duration::from_millis(10 + 20 / workers as u64)));
/// println!("{curve}");
/// assert_eq!(curve.points().len(), 3);
/// ```
pub fn speedup<R>(workers: impl IntoIterator<Item = usize>, work: impl FnMut(usize) -> R) -> SpeedUp {
    let mut counts: Vec<usize> = workers.into_iter().filter(|count| *count > 0).collect();
    counts.sort_unstable();
    counts.dedup();
    let work = RefCell::new(work);
    let measured = measure_interleaved(counts.len(), None, &mut |index, loops| {
        let mut work = work.borrow_mut();
        timed(|| work(counts[index]))(loops)
    });
    SpeedUp::new(counts.into_iter().zip(measured))
}

/// A number of workers, and the measurement with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The number of workers.
    pub workers: usize,
    /// The time of a round in each run, in the order of the runs.
    pub measurement: Measurement,
}

/// Times over numbers of workers, and the line of Amdahl's law through them; made by [`speedup`].
///
/// G. M. Amdahl 1967, "Validity of the single processor approach to achieving large scale computing
/// capabilities", AFIPS 30: if the part *s* of the work is serial, and the rest is shared evenly by *n*
/// workers, it takes *s* + (1 - *s*) / *n* of the time. Work that computes is shared by at most as many
/// workers as there are processors. Work that waits is shared by more, and is recognised by a larger
/// speed-up. Here *s* is the best fit to the points, by least squares of the relative errors; its interval
/// comes from the same fit to each pass of interleaved runs, by Student's t.
#[derive(Clone, PartialEq)]
pub struct SpeedUp {
    points: Vec<Point>,
    /// The number of available processors.
    processors: usize,
}

impl SpeedUp {
    /// A curve from interleaved measurements with each number of workers.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_timing::{Measurement, SpeedUp};
    ///
    /// let times = [(1, 12.0), (2, 7.0), (4, 4.5)];
    /// let curve = SpeedUp::new(times.map(|(workers, time)| (workers, Measurement::new(1, [time, time]))));
    /// assert!((curve.serial() - 1.0 / 6.0).abs() < 1e-9);
    /// ```
    pub fn new(points: impl IntoIterator<Item = (usize, Measurement)>) -> SpeedUp {
        let points =
            points.into_iter().filter(|(workers, measured)| *workers > 0 && !measured.seconds().is_empty());
        let mut points: Vec<Point> =
            points.map(|(workers, measurement)| Point { workers, measurement }).collect();
        points.sort_by_key(|point| point.workers);
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        SpeedUp { points, processors }
    }

    /// The same curve, measured on a machine with this number of processors.
    pub fn on_processors(self, processors: usize) -> SpeedUp {
        SpeedUp { processors, ..self }
    }

    /// The measured points, the fewest workers first.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The smallest number of workers, the baseline of the others; 1 if there is none.
    pub fn baseline(&self) -> usize {
        self.points.first().map_or(1, |point| point.workers)
    }

    /// The speed-up of this number of workers over the baseline.
    ///
    /// # Panics
    ///
    /// If that number of workers was not measured; [`expected`](SpeedUp::expected) takes any number.
    #[track_caller]
    pub fn speedup(&self, workers: usize) -> f64 {
        self.log_speedup(workers).center.exp()
    }

    /// The 95 % confidence interval of [`speedup`](SpeedUp::speedup).
    ///
    /// # Panics
    ///
    /// If that number of workers was not measured.
    #[track_caller]
    pub fn interval(&self, workers: usize) -> Range<f64> {
        let (low, high) = self.log_speedup(workers).interval();
        low.exp()..high.exp()
    }

    /// The speed-up of this number of workers over the baseline by Amdahl's law.
    pub fn expected(&self, workers: f64) -> f64 {
        let serial = self.serial();
        let time = |workers: f64| serial + (1.0 - serial) / self.at_work(workers.max(1.0));
        time(self.baseline() as f64) / time(workers)
    }

    /// The number of these workers that work at the same time.
    fn at_work(&self, workers: f64) -> f64 {
        workers.min(self.max_at_work())
    }

    fn max_at_work(&self) -> f64 {
        if self.waits() { f64::INFINITY } else { self.processors.max(1) as f64 }
    }

    /// Whether more workers worked at the same time with the largest number than with the smallest.
    fn is_shared(&self) -> bool {
        let max_workers = self.points.last().map_or(1, |point| point.workers);
        self.at_work(max_workers as f64) > self.at_work(self.baseline() as f64)
    }

    /// Whether the speed-up exceeds the number of processors.
    fn waits(&self) -> bool {
        let Some(first) = self.points.first() else { return false };
        let max = 1.05 * self.processors.max(1) as f64 / first.workers as f64;
        self.points.iter().any(|point| self.speedup(point.workers) > max)
    }

    /// The serial part of the work, from 0 to 1: the *s* of Amdahl's law.
    pub fn serial(&self) -> f64 {
        self.share_of_all(self.fit(|point| 1.0 / self.speedup(point.workers)))
    }

    /// The 95 % confidence interval of [`serial`](SpeedUp::serial), as far as random errors are concerned.
    pub fn serial_interval(&self) -> Range<f64> {
        let passes = self.points.iter().map(|point| point.measurement.seconds().len()).min().unwrap_or(0);
        let in_pass = |pass: usize| {
            let time = |point: &Point| point.measurement.seconds()[pass].max(1e-12);
            self.fit(|point| time(point) / time(&self.points[0]))
        };
        let passes = Estimate::of(&(0..passes).map(in_pass).collect::<Vec<_>>());
        let reach = passes.interval().1 - passes.center;
        let center = self.fit(|point| 1.0 / self.speedup(point.workers));
        self.share_of_all(center - reach)..self.share_of_all(center + reach)
    }

    /// The serial part of the baseline's time, if a point took `time` times as long as the baseline. It is
    /// negative if the speed-up exceeds the number of workers.
    ///
    /// With `b` workers in the baseline and `n` at a point, that is the *q* of *q* + (1 - *q*) *b* / *n*. The
    /// squares are those of the relative errors, because long and short times have the same relative
    /// accuracy.
    fn fit(&self, time: impl Fn(&Point) -> f64) -> f64 {
        let max = self.max_at_work();
        let first = max.min(self.baseline() as f64);
        let (mut product, mut square) = (0.0, 0.0);
        for point in &self.points {
            let (time, shared) = (time(point), first / max.min(point.workers as f64));
            let (slope, error) = ((1.0 - shared) / time, 1.0 - shared / time);
            (product, square) = (product + slope * error, square + slope * slope);
        }
        // A single number of workers determines no part.
        if square == 0.0 { 0.0 } else { product / square }
    }

    /// Converts the serial part of the baseline's time to the serial part of the work.
    fn share_of_all(&self, part: f64) -> f64 {
        let part = part.clamp(0.0, 1.0);
        part / (part + (1.0 - part) * self.at_work(self.baseline() as f64))
    }

    /// Whether there are enough numbers of workers, at least three, to estimate the serial part.
    pub fn has_law(&self) -> bool {
        self.points.chunk_by(|one, other| one.workers == other.workers).count() >= 3
    }

    /// Whether the serial part is certain enough to give a limit; runs that vary too much are not.
    pub fn is_certain(&self) -> bool {
        let Range { start, end } = self.serial_interval();
        let is_noisy = |point: &Point| point.measurement.warning_kind().is_some_and(Warning::is_noise);
        let is_small = self.is_nothing(start) && end < MUCH;
        self.has_law()
            && self.is_shared()
            && !self.points.iter().any(is_noisy)
            && (is_small || end <= 2.0 * start)
    }

    /// Whether this serial part is small enough to be shown as 0.
    fn is_nothing(&self, part: f64) -> bool {
        percent(part, digits(self.serial())) == "0 %"
    }

    /// Notes for the reader.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let max_workers = self.points.last().map_or(0, |point| point.workers);
        if max_workers > self.processors {
            let processors = counted(self.processors, "processor");
            notes.push(format!("Only {processors} here: more workers help only where they wait."));
        }
        let named = self.points.iter().map(|point| (counted(point.workers, "worker"), &point.measurement));
        notes.extend(warnings(named).into_iter().map(|warning| format!("Beware: {warning}")));
        notes
    }

    /// Amdahl's law in a sentence, or the reason why it is unknown; `None` for fewer than two points.
    pub fn law(&self) -> Option<String> {
        if self.points.len() < 2 {
            return None;
        }
        if !self.has_law() {
            let why = "It takes three numbers of workers or more to tell what part of the work is serial.";
            return Some(why.to_owned());
        }
        let (serial, Range { start, end }) = (self.serial(), self.serial_interval());
        let shown = |part: f64| percent(part, digits(serial));
        let part = format!("{} of the work is serial ({} to {})", shown(serial), shown(start), shown(end));
        let said = match () {
            () if !self.is_shared() => {
                "there are too few processors to tell what part of the work is serial".to_owned()
            }
            () if !self.is_certain() => format!("perhaps {part}, which is too uncertain to tell the limit"),
            () if self.is_nothing(start) => {
                format!("no serial part is to be seen (up to {})", percent(end, digits(10.0 * end)))
            }
            () => {
                let limit = factor(1.0 / serial);
                format!("{part}, so no number of workers is more than {limit} times as fast as one")
            }
        };
        Some(format!("Amdahl's law: {said}."))
    }

    #[track_caller]
    fn log_speedup(&self, workers: usize) -> Estimate {
        let Some(point) = self.points.iter().find(|point| point.workers == workers) else {
            let counts: Vec<_> = self.points.iter().map(|point| point.workers.to_string()).collect();
            panic!("{workers} workers were not measured, only {}", counts.join(", "))
        };
        let log = |seconds: &f64| seconds.max(1e-12).ln();
        let pairs = self.points[0].measurement.seconds().iter().zip(point.measurement.seconds());
        Estimate::of(&pairs.map(|(base, time)| log(base) - log(time)).collect::<Vec<_>>())
    }
}

/// The number of decimals with which a part in percent has at least two digits.
fn digits(part: f64) -> usize {
    match 100.0 * part {
        percent if percent >= 9.95 => 0,
        percent if percent >= 0.995 => 1,
        _ => 2,
    }
}

/// A part in percent. A value that rounds to zero is `0 %`.
fn percent(part: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", 100.0 * part);
    let is_nothing = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    format!("{} %", if is_nothing { "0" } else { &text })
}

/// A line for each number of workers, with the speed-up by Amdahl's law, then the law.
impl fmt::Display for SpeedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.points.first() else {
            return write!(f, "speed-up: nothing was measured");
        };
        let runs = counted(first.measurement.seconds().len(), "run");
        write!(f, "speed-up over {}: {runs} of each, by turns", counted(first.workers, "worker"))?;
        let names: Vec<String> = self.points.iter().map(|point| counted(point.workers, "worker")).collect();
        let took: Vec<String> = self.points.iter().map(|point| point.measurement.short()).collect();
        let widest = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        let (name_width, took_width) = (widest(&names), widest(&took));
        let max = self.points.iter().map(|point| self.speedup(point.workers)).fold(1.0, f64::max);
        for ((point, name), took) in self.points.iter().zip(&names).zip(&took) {
            let (speedup, Range { start, end }) = (self.speedup(point.workers), self.interval(point.workers));
            let bar = "█".repeat(((BAR as f64 * speedup / max).round() as usize).max(1));
            write!(
                f,
                "\n  {name:>name_width$}  {took:<took_width$}  {bar:<BAR$}  {} times",
                factor(speedup)
            )?;
            if point.workers != first.workers {
                let law = || format!("; Amdahl {}", factor(self.expected(point.workers as f64)));
                let law = if self.has_law() { law() } else { String::new() };
                write!(f, " ({} to {}{law})", factor(start), factor(end))?;
            }
        }
        self.law().iter().chain(&self.notes()).try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// The same text as `{}`; shown in a notebook, a picture.
impl fmt::Debug for SpeedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
