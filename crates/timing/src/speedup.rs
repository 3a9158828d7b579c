//! How much faster more workers are, and how much they could be.

use crate::comparison::factor;
use crate::loops::timed;
use crate::measurement::Measurement;
use crate::statistics::{Estimate, median};
use crate::turns::measure_by_turns;
use crate::units::counted;
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// The longest bar of the text, in letters.
const BAR: usize = 16;

/// Measures `work` with each of these numbers of workers, which it is given, and fits Amdahl's law to what
/// comes out.
///
/// The runs take turns, as those of a [`benchmark`](crate::benchmark) do, and there are as many as there. A
/// number that comes twice is measured once, and 0 is left out.
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
/// // A part that more workers make shorter, and one that they do not.
/// let curve = speedup([1, 2, 4], |workers| sleep(Duration::from_millis(10 + 20 / workers as u64)));
/// println!("{curve}");
/// assert_eq!(curve.points().len(), 3);
/// ```
pub fn speedup<R>(workers: impl IntoIterator<Item = usize>, work: impl FnMut(usize) -> R) -> SpeedUp {
    let mut counts: Vec<usize> = workers.into_iter().filter(|count| *count > 0).collect();
    counts.sort_unstable();
    counts.dedup();
    let work = RefCell::new(work);
    let measured = measure_by_turns(counts.len(), None, &mut |index, loops| {
        let mut work = work.borrow_mut();
        timed(|| work(counts[index]))(loops)
    });
    SpeedUp::new(counts.into_iter().zip(measured))
}

/// A number of workers, and how long the work took with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// How many workers.
    pub workers: usize,
    /// How long a round took; its runs in the order in which they ran.
    pub measurement: Measurement,
}

/// Times over numbers of workers, and the line of Amdahl's law through them; made by [`speedup`].
///
/// G. M. Amdahl 1967, "Validity of the single processor approach to achieving large scale computing
/// capabilities", AFIPS 30: if the part *s* of the work is serial, and the rest is shared evenly by *n*
/// workers, it takes *s* + (1 - *s*) / *n* of the time. Work that computes is never shared by more workers than
/// there are processors; work that waits is, and known by it: it is more times as fast. Here *s* is what fits best, by least squares of the
/// relative errors, to each turn of runs; where it lies is Student's t of those, one for a turn.
#[derive(Clone, PartialEq)]
pub struct SpeedUp {
    points: Vec<Point>,
    /// How many processors there are to run on.
    processors: usize,
}

impl SpeedUp {
    /// What was measured by turns, with each number of workers.
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

    /// The same, measured where there were so many processors.
    pub fn on_processors(self, processors: usize) -> SpeedUp {
        SpeedUp { processors, ..self }
    }

    /// What was measured, the fewest workers first.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The least number of workers, with which the others are compared; 1 if there is none.
    pub fn baseline(&self) -> usize {
        self.points.first().map_or(1, |point| point.workers)
    }

    /// How many times as fast so many workers were as the fewest.
    ///
    /// # Panics
    ///
    /// If that number of workers was not measured; [`expected`](SpeedUp::expected) knows all numbers.
    #[track_caller]
    pub fn speedup(&self, workers: usize) -> f64 {
        self.log_speedup(workers).center.exp()
    }

    /// Where [`speedup`](SpeedUp::speedup) lies with 95 % confidence.
    ///
    /// # Panics
    ///
    /// If that number of workers was not measured.
    #[track_caller]
    pub fn interval(&self, workers: usize) -> Range<f64> {
        let (low, high) = self.log_speedup(workers).interval();
        low.exp()..high.exp()
    }

    /// How many times as fast so many workers should be as the fewest, by Amdahl's law.
    pub fn expected(&self, workers: f64) -> f64 {
        let serial = self.serial();
        let time = |workers: f64| serial + (1.0 - serial) / self.at_work(workers.max(1.0));
        time(self.baseline() as f64) / time(workers)
    }

    /// How many of so many workers are at work at the same time.
    fn at_work(&self, workers: f64) -> f64 {
        if self.waits() { workers } else { workers.min(self.processors.max(1) as f64) }
    }

    /// Whether it went faster than so many processors can compute.
    fn waits(&self) -> bool {
        let Some(first) = self.points.first() else { return false };
        let time = |point: &Point| point.measurement.median_seconds();
        let most = 1.05 * self.processors.max(1) as f64 / first.workers as f64;
        self.points.iter().any(|point| time(first) > most * time(point))
    }

    /// The part of the work that more workers do not make shorter, from 0 to 1: the *s* of Amdahl's law.
    pub fn serial(&self) -> f64 {
        let time = |point: &Point| median(point.measurement.seconds());
        serial(&self.points.iter().map(|point| (self.at_work(point.workers as f64), time(point))))
    }

    /// Where [`serial`](SpeedUp::serial) lies with 95 % confidence, as far as chance goes.
    pub fn serial_interval(&self) -> Range<f64> {
        let turns = self.points.iter().map(|point| point.measurement.seconds().len()).min().unwrap_or(0);
        let in_turn = |turn: usize| {
            let time = |point: &Point| point.measurement.seconds()[turn];
            serial(&self.points.iter().map(|point| (self.at_work(point.workers as f64), time(point))))
        };
        let (low, high) = Estimate::of(&(0..turns).map(in_turn).collect::<Vec<_>>()).interval();
        low.clamp(0.0, 1.0)..high.clamp(0.0, 1.0)
    }

    /// What else a reader must know.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let most = self.points.last().map_or(0, |point| point.workers);
        if most > self.processors {
            let processors = counted(self.processors, "processor");
            notes.push(format!("Only {processors} here: more workers help only where they wait."));
        }
        let doubt = |point: &Point| Some((point.workers, point.measurement.warning()?));
        let doubts = self.points.iter().filter_map(doubt);
        notes.extend(
            doubts.map(|(workers, doubt)| format!("Beware: {}: {doubt}", counted(workers, "worker"))),
        );
        notes
    }

    /// Amdahl's law in a sentence; `None` of fewer than two points.
    pub fn law(&self) -> Option<String> {
        if self.points.len() < 2 {
            return None;
        }
        let serial = self.serial();
        let Range { start, end } = self.serial_interval();
        let percent = |part: f64| format!("{:.0} %", 100.0 * part);
        let part =
            format!("{} of the work is serial ({} to {})", percent(serial), percent(start), percent(end));
        Some(match 1.0 / serial {
            limit if limit < 1000.0 => {
                format!(
                    "Amdahl's law: {part}, so no number of workers is more than {} times as fast as one.",
                    factor(limit)
                )
            }
            _ => format!("Amdahl's law: {part}."),
        })
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

/// The serial part: of times *a* + *b* / *n* that fit, *a* / (*a* + *b*), where neither is negative. The
/// squares are those of the relative errors, because a long time is no better known than a short one.
fn serial(times: &(impl Iterator<Item = (f64, f64)> + Clone)) -> f64 {
    // With u = 1 / time and v = 1 / (n time), minimise the sum of (a u + b v - 1)².
    let terms =
        times.clone().map(|(workers, time)| (1.0 / time.max(1e-12), 1.0 / (workers * time.max(1e-12))));
    let sum = |term: fn((f64, f64)) -> f64| terms.clone().map(term).sum::<f64>();
    let (uu, uv, vv) = (sum(|(u, _)| u * u), sum(|(u, v)| u * v), sum(|(_, v)| v * v));
    let (u, v) = (sum(|(u, _)| u), sum(|(_, v)| v));
    let (a, b) = (u * vv - v * uv, v * uu - u * uv);
    match () {
        // One number of workers tells nothing.
        () if a == 0.0 && b == 0.0 || times.clone().count() < 2 => 0.0,
        () if a <= 0.0 => 0.0,
        () if b <= 0.0 => 1.0,
        () => a / (a + b),
    }
}

/// A line for each number of workers, with what Amdahl's law says of it, and the law.
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
        let most = self.points.iter().map(|point| self.speedup(point.workers)).fold(1.0, f64::max);
        for ((point, name), took) in self.points.iter().zip(&names).zip(&took) {
            let (speedup, Range { start, end }) = (self.speedup(point.workers), self.interval(point.workers));
            let bar = "█".repeat(((BAR as f64 * speedup / most).round() as usize).max(1));
            write!(
                f,
                "\n  {name:>name_width$}  {took:<took_width$}  {bar:<BAR$}  {} times",
                factor(speedup)
            )?;
            if point.workers != first.workers {
                let expected = factor(self.expected(point.workers as f64));
                write!(f, " ({} to {}; Amdahl {expected})", factor(start), factor(end))?;
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
mod tests {
    use super::*;
    use arbtest::arbtest;

    fn curve(points: &[(usize, &[f64])]) -> SpeedUp {
        let points =
            points.iter().map(|(workers, times)| (*workers, Measurement::new(1, times.iter().copied())));
        SpeedUp::new(points).on_processors(8)
    }

    #[test]
    fn the_law_is_found_again() {
        arbtest(|random| {
            let serial = f64::from(random.int_in_range(0..=1000_u32)?) / 1000.0;
            let whole = 10_f64.powf(f64::from(random.int_in_range(-90..=30_i32)?) / 10.0);
            let mut workers: Vec<usize> = (0..random.int_in_range(2..=8)?)
                .map(|_| random.int_in_range(1..=64))
                .collect::<Result<_, _>>()?;
            workers.sort_unstable();
            workers.dedup();
            let time = |workers: usize| whole * (serial + (1.0 - serial) / workers as f64);
            let points = workers.iter().map(|count| (*count, Measurement::new(1, [time(*count); 3])));
            let curve = SpeedUp::new(points).on_processors(64);
            if workers.len() > 1 {
                assert!((curve.serial() - serial).abs() < 1e-6, "{} is not {serial}", curve.serial());
                for count in workers {
                    assert!((curve.expected(count as f64) / curve.speedup(count) - 1.0).abs() < 1e-6);
                }
            }
            Ok(())
        });
    }

    #[test]
    fn faster_than_possible_and_slower_than_before_are_within_the_law() {
        assert_eq!(curve(&[(1, &[10.0]), (2, &[4.0])]).serial(), 0.0);
        assert_eq!(curve(&[(1, &[10.0]), (2, &[12.0])]).serial(), 1.0);
        assert_eq!(curve(&[(1, &[10.0])]).serial(), 0.0);
        assert_eq!(curve(&[]).serial(), 0.0);
    }

    #[test]
    fn work_that_computes_is_not_shared_by_more_workers_than_there_are_processors() {
        let computing = curve(&[(1, &[10.0]), (2, &[5.0]), (4, &[5.1]), (8, &[4.9])]).on_processors(2);
        assert!(computing.serial() < 0.01, "{}", computing.serial());
        assert!((computing.expected(8.0) - computing.expected(2.0)).abs() < 1e-9);
        let waiting = curve(&[(1, &[8.0]), (2, &[4.0]), (8, &[1.0])]).on_processors(2);
        assert!(waiting.serial() < 1e-9 && waiting.expected(8.0) > 7.9);
        assert_eq!(curve(&[(1, &[4.0]), (2, &[4.1])]).on_processors(1).serial(), 0.0);
    }

    #[test]
    fn it_says_what_it_is() {
        let text =
            curve(&[(1, &[12.0, 12.1, 11.9]), (2, &[7.0, 7.1, 6.9]), (4, &[4.5, 4.6, 4.4])]).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "speed-up over 1 worker: 3 runs of each, by turns");
        assert!(
            lines[1].starts_with("   1 worker  12.0 s ± 0.1 s")
                && lines[1].ends_with("█ 1.00 times".trim_start_matches("█ "))
        );
        assert!(lines[3].contains("2.67 times (") && lines[3].ends_with("Amdahl 2.67)"), "{text}");
        assert!(lines[4].starts_with("Amdahl's law: 17 % of the work is serial (1"), "{text}");
        assert!(lines[4].ends_with("no number of workers is more than 6.00 times as fast as one."), "{text}");
        assert_eq!(lines.len(), 5);
        assert_eq!(curve(&[]).to_string(), "speed-up: nothing was measured");
        let narrow = curve(&[(1, &[4.0, 4.0]), (2, &[2.0, 2.0])]).on_processors(1).to_string();
        assert!(narrow.ends_with("Only 1 processor here: more workers help only where they wait."));
    }

    #[test]
    fn numbers_of_workers_are_sorted_and_each_is_measured_once() {
        let mut seen = Vec::new();
        let curve = speedup([2, 1, 0, 2], |workers| {
            seen.push(workers);
            std::thread::sleep(std::time::Duration::from_millis(10));
        });
        let workers: Vec<usize> = curve.points().iter().map(|point| point.workers).collect();
        assert_eq!(workers, [1, 2]);
        assert!(!seen.contains(&0) && seen.contains(&1) && seen.contains(&2));
        assert!(std::panic::catch_unwind(|| curve.speedup(3)).is_err());
    }
}
