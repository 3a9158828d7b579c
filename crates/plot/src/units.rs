//! Durations as text: 1.24 ms, not 0.001243817 s.

use std::time::Duration;

/// A unit of time and its seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
}

const UNITS: [Unit; 6] = [
    Unit { name: "h", seconds: 3600.0 },
    Unit { name: "min", seconds: 60.0 },
    Unit { name: "s", seconds: 1.0 },
    Unit { name: "ms", seconds: 1e-3 },
    Unit { name: "µs", seconds: 1e-6 },
    Unit { name: "ns", seconds: 1e-9 },
];

impl Unit {
    /// The unit in which `seconds` is a number from 1 to 1000, or to 120 for seconds and minutes.
    pub(crate) fn of(seconds: f64) -> Unit {
        let start = |unit: &Unit| if unit.seconds > 1.0 { 2.0 * unit.seconds } else { unit.seconds };
        // Slightly more, so that 0.999_999_999_9 ms is a millisecond.
        let seconds = seconds * (1.0 + 1e-9);
        UNITS.into_iter().find(|unit| seconds >= start(unit)).unwrap_or(UNITS[5])
    }
}

/// Three significant digits and the unit: `1.24 ms`, and `0.34 ns`, which is no whole nanosecond.
pub(crate) fn human_seconds(seconds: f64) -> String {
    match seconds * 1e9 {
        0.0 => "0 s".to_owned(),
        nanoseconds if nanoseconds < 9.995 => format!("{} ns", plain(nanoseconds, 2)),
        nanoseconds if nanoseconds < 99.95 => format!("{} ns", plain(nanoseconds, 1)),
        _ => human_at_least_100_ns(seconds),
    }
}

/// Three significant digits and the unit: `1.24 ms`.
pub(crate) fn human(duration: Duration) -> String {
    if duration.is_zero() {
        return human_seconds(0.0);
    }
    human_at_least_100_ns(duration.as_secs_f64())
}

fn human_at_least_100_ns(seconds: f64) -> String {
    let mut unit = Unit::of(seconds);
    // 999.9 ms rounds to 1000 ms, which is 1 s.
    if unit.seconds < 1.0 && seconds / unit.seconds >= 999.5 {
        unit = Unit::of(1000.0 * unit.seconds);
    }
    let value = seconds / unit.seconds;
    let digits = if value >= 99.95 || unit.name == "ns" {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{} {}", plain(value, digits), unit.name)
}

/// `value` with at most `digits` decimals, without zeros at the end.
pub(crate) fn plain(value: f64, digits: usize) -> String {
    let mut text = format!("{value:.digits$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// The share of `part` in `whole`, in percent; 0 if both are 0.
pub(crate) fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { (100.0 * part.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_a_nanosecond_to_an_hour() {
        let shown = |seconds: f64| human(Duration::from_secs_f64(seconds));
        assert_eq!(shown(0.0), "0 s");
        assert_eq!(shown(1e-9), "1 ns");
        assert_eq!(shown(1.2345e-6), "1.23 µs");
        assert_eq!(shown(0.0124), "12.4 ms");
        assert_eq!(shown(0.1), "100 ms");
        assert_eq!(shown(0.9999), "1 s");
        assert_eq!(shown(1.5), "1.5 s");
        assert_eq!(shown(90.0), "90 s");
        assert_eq!(shown(150.0), "2.5 min");
        assert_eq!(shown(3600.0), "60 min");
        assert_eq!(shown(7200.0), "2 h");
    }

    #[test]
    fn a_measured_time_may_be_less_than_a_nanosecond() {
        let times = [0.0, 0.34e-9, 12.34e-9, 1234e-9, 5000.0].map(human_seconds);
        assert_eq!(times, ["0 s", "0.34 ns", "12.3 ns", "1.23 µs", "83.3 min"]);
    }

    #[test]
    fn a_share_is_never_more_than_everything() {
        let s = Duration::from_secs;
        assert_eq!(percent(s(1), s(4)), 25.0);
        assert_eq!(percent(s(5), s(4)), 100.0);
        assert_eq!(percent(s(5), s(0)), 0.0);
    }
}
