//! Durations for people: 1.24 ms, not 0.001243817 s.

const UNITS: [(&str, f64); 4] = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)];

/// A unit, and how many decimals of it are shown.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    name: &'static str,
    seconds: f64,
    decimals: usize,
}

impl Unit {
    /// The unit that shows `seconds` in three significant digits.
    pub(crate) fn of(seconds: f64) -> Unit {
        // A hair more, so that 999.9 µs, which would be shown as 1000 µs, is 1.00 ms.
        let seconds = seconds * 1.0005;
        let (name, unit) =
            UNITS.into_iter().find(|(_, unit)| seconds >= *unit).unwrap_or(UNITS[UNITS.len() - 1]);
        let decimals = match seconds / unit {
            value if value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            _ => 2,
        };
        Unit { name, seconds: unit, decimals }
    }

    /// `seconds` in this unit.
    pub(crate) fn show(self, seconds: f64) -> String {
        format!("{:.*} {}", self.decimals, seconds / self.seconds, self.name)
    }
}

/// `seconds` in the unit that fits: `1.24 ms`.
pub(crate) fn human(seconds: f64) -> String {
    Unit::of(seconds).show(seconds)
}

/// `1 loop`, `2 loops`.
pub(crate) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    match count.try_into() {
        Ok(1) => format!("1 {noun}"),
        Ok(count) => format!("{count} {noun}s"),
        Err(_) => format!("very many {noun}s"),
    }
}

/// How long ago: `3 min ago`.
pub(crate) fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => "just now".to_owned(),
        60..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (seconds, text) in [
            (0.0, "0.00 ns"),
            (3e-10, "0.30 ns"),
            (1.234e-6, "1.23 µs"),
            (99.96e-6, "100 µs"),
            (0.9999e-3, "1.00 ms"),
            (0.0123, "12.3 ms"),
            (1.0, "1.00 s"),
            (75.0, "75.0 s"),
            (3600.0, "3600 s"),
        ] {
            assert_eq!(human(seconds), text);
        }
    }

    #[test]
    fn counts_and_ages_read_well() {
        assert_eq!((counted(1_u64, "loop"), counted(7_usize, "run")), ("1 loop".into(), "7 runs".into()));
        let ages = [0, 59, 60, 7199, 7200, 172_799, 172_800, 40_000_000].map(ago);
        let said = [
            "just now",
            "just now",
            "1 min ago",
            "119 min ago",
            "2 h ago",
            "47 h ago",
            "2 days ago",
            "462 days ago",
        ];
        assert_eq!(ages, said);
    }
}
