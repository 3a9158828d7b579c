//! One row of the report.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The number of bootstrap samples of an interval.
const SAMPLES: usize = 2000;

/// A workload, ours beside a peer's.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    pub workload: String,
    /// The quantity of both numbers.
    #[serde(default)]
    pub unit: Unit,
    /// Our median.
    #[serde(alias = "ours_ns")]
    pub ours: f64,
    pub peer: String,
    /// The peer's median.
    #[serde(alias = "peer_ns")]
    pub theirs: f64,
    /// Our median divided by the peer's, with its 95 % interval.
    pub ratio: f64,
    pub ci_low: f64,
    pub ci_high: f64,
}

/// A measured quantity.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    #[default]
    Ns,
    Bytes,
}

impl Row {
    /// Compares the medians of two series. The interval is that of a bootstrap over both.
    pub fn compare(workload: &str, ours: &[Duration], peer: &str, theirs: &[Duration]) -> Row {
        let nanoseconds = |times: &[Duration]| times.iter().map(|t| t.as_nanos() as f64).collect();
        Row::compare_as(Unit::Ns, workload, nanoseconds(ours), peer, nanoseconds(theirs))
    }

    /// As [`Row::compare`], for bytes of memory.
    pub fn compare_bytes(workload: &str, ours: &[u64], peer: &str, theirs: &[u64]) -> Row {
        let numbers = |bytes: &[u64]| bytes.iter().map(|&bytes| bytes as f64).collect();
        Row::compare_as(Unit::Bytes, workload, numbers(ours), peer, numbers(theirs))
    }

    fn compare_as(unit: Unit, workload: &str, ours: Vec<f64>, peer: &str, theirs: Vec<f64>) -> Row {
        let medians = [median(ours.clone()), median(theirs.clone())];
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut ratios: Vec<f64> =
            (0..SAMPLES).map(|_| median(random.resample(&ours)) / median(random.resample(&theirs))).collect();
        ratios.sort_by(f64::total_cmp);
        Row {
            workload: workload.to_owned(),
            unit,
            ours: medians[0],
            peer: peer.to_owned(),
            theirs: medians[1],
            ratio: medians[0] / medians[1],
            ci_low: ratios[SAMPLES * 25 / 1000],
            ci_high: ratios[SAMPLES * 975 / 1000],
        }
    }

    pub fn heading() -> String {
        format!(
            "{:<54} {:>10} {:>10}  {:>6}  {:<17} peer",
            "workload", "ours", "peer's", "ratio", "95 % interval"
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |number: f64| match self.unit {
            Unit::Ns => format!("{:.3?}", Duration::from_nanos(number.round() as u64)),
            Unit::Bytes => format!("{:.1} MB", number / 1e6),
        };
        let interval = format!("{:.3} to {:.3}", self.ci_low, self.ci_high);
        write!(
            f,
            "{:<54} {:>10} {:>10}  {:>6.3}  {interval:<17} {}",
            self.workload,
            text(self.ours),
            text(self.theirs),
            self.ratio,
            self.peer
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// xorshift64*: enough for resampling, and the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn resample(&mut self, values: &[f64]) -> Vec<f64> {
        (0..values.len()).map(|_| values[self.below(values.len())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_medians_and_lies_in_its_interval() {
        let ms = |values: &[u64]| values.iter().map(|&v| Duration::from_millis(v)).collect::<Vec<_>>();
        let row = Row::compare("w", &ms(&[9, 10, 11, 10, 500]), "p", &ms(&[20, 19, 21, 20, 20]));
        assert_eq!(row.ratio, 0.5);
        assert!(row.ci_low <= 0.5 && 0.5 <= row.ci_high && row.ci_low > 0.3, "{row}");
    }
}
