//! Named benchmarks: several cases, measured beside one another and kept in the history.

use crate::calibrate::{Loop, timed};
use crate::comparison::{Case, Comparison};
use crate::history::{self, History};
use crate::interleaved::measure_interleaved;
use std::path::PathBuf;

/// A benchmark of that name; add a [`case`](Benchmark::case) or more, and [`run`](Benchmark::run) it.
///
/// The cases are interleaved in a random order, so that other load on the machine affects all of them alike.
/// Each is warmed up first, and a short one is run in loops of at least 2 ms.
///
/// The results are kept in a small file in the directory `.threadbook/benchmarks` beside the notebook (see
/// [`history`](crate::history())), and compared with those of the last run.
///
/// # Examples
///
/// ```
/// use threadbook_timing::benchmark;
///
/// # let directory = tempfile::tempdir().unwrap();
/// let numbers: Vec<u64> = (0..1000).collect();
/// let comparison = benchmark("sum")
/// #   .history_in(directory.path())
///     .runs(5)
///     .case("half", || numbers[..500].iter().sum::<u64>())
///     .case("all", || numbers.iter().sum::<u64>())
///     .run();
/// println!("{comparison}");
/// assert!(comparison.ratio("all") > 0.0);
/// ```
pub fn benchmark<'a>(name: impl Into<String>) -> Benchmark<'a> {
    Benchmark { name: name.into(), runs: None, cases: Vec::new(), directory: history::directory() }
}

/// Cases to measure beside one another; made by [`benchmark`].
#[must_use = "nothing is measured until `run`"]
pub struct Benchmark<'a> {
    name: String,
    runs: Option<usize>,
    cases: Vec<(String, Box<Loop<'a>>)>,
    directory: Option<PathBuf>,
}

impl<'a> Benchmark<'a> {
    /// Sets the number of timed runs of each case, at least 1. The default is as many as fit in 3 s, from 3
    /// to 100.
    ///
    /// Before the first one, each case runs once as a warm-up (a short case runs more often). A warm-up that
    /// takes longer than a second is counted as a run.
    pub fn runs(self, runs: usize) -> Self {
        Benchmark { runs: Some(runs), ..self }
    }

    /// Adds a case; the first one is the baseline of the others. The result of `work` is passed to
    /// [`black_box`](std::hint::black_box).
    ///
    /// A second case of the same name is called `name (2)`.
    pub fn case<R: 'a>(mut self, name: impl Into<String>, work: impl FnMut() -> R + 'a) -> Self {
        let name = name.into();
        let mut unique = name.clone();
        for number in 2.. {
            if self.cases.iter().all(|(other, _)| *other != unique) {
                break;
            }
            unique = format!("{name} ({number})");
        }
        self.cases.push((unique, Box::new(timed(work))));
        self
    }

    /// Keeps the results in that directory, instead of `.threadbook/benchmarks`.
    pub fn history_in(self, directory: impl Into<PathBuf>) -> Self {
        Benchmark { directory: Some(directory.into()), ..self }
    }

    /// Keeps no results, and compares with no earlier ones.
    pub fn without_history(self) -> Self {
        Benchmark { directory: None, ..self }
    }

    /// Runs and measures the cases.
    ///
    /// A failure to keep the results is no error; the comparison has a note about it.
    ///
    /// # Panics
    ///
    /// If a case panics, and with the message `interrupted` if the cell is interrupted.
    pub fn run(mut self) -> Comparison {
        let cases = &mut self.cases;
        let measured = measure_interleaved(cases.len(), self.runs, &mut |case, loops| cases[case].1(loops));
        let names = self.cases.into_iter().map(|(name, _)| name);
        let cases = names.zip(measured).map(|(name, measurement)| Case { name, measurement }).collect();
        let mut comparison = Comparison::new(self.name, cases);
        if let Some(directory) = self.directory.filter(|_| !comparison.cases().is_empty()) {
            let history = History::in_directory(&directory, comparison.name());
            comparison.remember(&history);
        }
        comparison
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::thread::sleep;
    use std::time::Duration;

    #[test]
    fn each_case_is_warmed_up_and_runs_as_often_as_asked() {
        let (first, second) = (Cell::new(0), Cell::new(0));
        let count = |cell: &Cell<u32>| {
            cell.set(cell.get() + 1);
            sleep(Duration::from_millis(25));
        };
        let cases = benchmark("count").without_history().runs(3);
        let comparison = cases.case("a", || count(&first)).case("b", || count(&second)).run();
        assert_eq!((first.get(), second.get()), (4, 4));
        for case in comparison.cases() {
            assert_eq!(case.measurement.seconds().len(), 3);
            assert!(case.measurement.min() >= Duration::from_millis(24), "{comparison}");
        }
    }

    #[test]
    fn the_next_run_knows_the_last_one() {
        let directory = tempfile::tempdir().unwrap();
        let run = || {
            let cases = benchmark("Long or short?").history_in(directory.path()).runs(2);
            cases
                .case("long", || sleep(Duration::from_millis(40)))
                .case("short", || sleep(Duration::from_millis(10)))
                .run()
        };
        let first = run();
        assert_eq!((first.earlier.len(), first.since_last_time()), (0, None));
        let second = run();
        assert_eq!(second.earlier.len(), 1);
        assert!(second.since_last_time().unwrap().starts_with("Since the last time, "));
        assert_eq!(second.notes, [] as [&str; 0]);
    }

    #[test]
    fn a_history_that_cannot_be_kept_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let comparison = benchmark("x").history_in(&file).runs(1).case("a", || 1).run();
        assert!(comparison.to_string().contains("This run is not kept: "), "{comparison}");
    }

    #[test]
    fn names_that_come_twice_are_told_apart() {
        let comparison =
            benchmark("x").without_history().runs(1).case("a", || 1).case("a", || 2).case("a", || 3).run();
        let names: Vec<&str> = comparison.cases().iter().map(|case| &*case.name).collect();
        assert_eq!(names, ["a", "a (2)", "a (3)"]);
    }

    #[test]
    fn no_case_is_no_harm() {
        assert_eq!(benchmark("x").run().to_string(), "x: no cases");
    }
}
