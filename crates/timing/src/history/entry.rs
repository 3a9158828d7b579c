//! A run as a line of the file.

use super::Machine;
use crate::code_hash::code_hash;
use crate::comparison::Case;
use crate::measurement::Measurement;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// The version of the format.
const VERSION: u32 = 1;

/// The maximum number of kept runs of a case. Of more, these are evenly spread from the fastest to the
/// slowest.
const MAX_RUNS: usize = 50;

/// A run of a benchmark, as its history keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
pub struct Entry {
    /// The time of the run, in seconds since 1970.
    pub time: u64,
    /// The name of the benchmark.
    pub benchmark: String,
    /// The machine of the run.
    pub machine: Machine,
    /// A hash of the code, if it is known (see [`set_code_hash`](crate::set_code_hash)).
    pub code: Option<String>,
    /// The measured cases.
    pub cases: Vec<Case>,
}

/// The form in the file.
#[derive(Clone, Serialize, Deserialize)]
struct Line {
    version: u32,
    time: u64,
    benchmark: String,
    machine: Machine,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    cases: Vec<LineCase>,
}

#[derive(Clone, Serialize, Deserialize)]
struct LineCase {
    name: String,
    loops: u64,
    seconds: Vec<f64>,
}

impl Entry {
    /// A run on this machine that has just ended.
    pub fn now(benchmark: &str, cases: Vec<Case>) -> Entry {
        let code = code_hash().map(|hash| format!("{hash:016x}"));
        Entry { time: now(), benchmark: benchmark.to_owned(), machine: Machine::this(), code, cases }
    }

    /// The line, with its end.
    pub(super) fn to_line(&self) -> String {
        // All its values have a form in JSON.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Line {
        let case = |Case { name, measurement }| {
            let seconds = kept(measurement.seconds()).into_iter().map(rounded).collect();
            LineCase { name, loops: measurement.loops(), seconds }
        };
        let Entry { time, benchmark, machine, code, cases } = entry;
        Line {
            version: VERSION,
            time,
            benchmark,
            machine,
            code,
            cases: cases.into_iter().map(case).collect(),
        }
    }
}

impl TryFrom<Line> for Entry {
    type Error = String;

    fn try_from(line: Line) -> Result<Entry, String> {
        if line.version != VERSION {
            return Err(format!("version {} is not {VERSION}", line.version));
        }
        let case = |LineCase { name, loops, seconds }| {
            let measurement = Measurement::new(loops, seconds.iter().copied());
            match measurement.seconds().len() == seconds.len() && !seconds.is_empty() {
                true => Ok(Case { name, measurement }),
                false => Err(format!("{seconds:?} are no times")),
            }
        };
        let Line { time, benchmark, machine, code, cases, .. } = line;
        let cases = cases.into_iter().map(case).collect::<Result<_, _>>()?;
        Ok(Entry { time, benchmark, machine, code, cases })
    }
}

fn kept(seconds: &[f64]) -> Vec<f64> {
    if seconds.len() <= MAX_RUNS {
        return seconds.to_vec();
    }
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    (0..MAX_RUNS).map(|index| sorted[index * (sorted.len() - 1) / (MAX_RUNS - 1)]).collect()
}

/// Five significant digits, which exceeds the accuracy of any clock.
fn rounded(seconds: f64) -> f64 {
    format!("{seconds:.4e}").parse().unwrap_or(seconds)
}
