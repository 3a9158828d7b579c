//! Durations as text: 1.24 ms, not 0.001243817 s.

const UNITS: [(&str, f64); 4] = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)];

/// The maximum number of listed names.
const MAX_LISTED: usize = 8;

/// A unit, and the number of decimals to show.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    name: &'static str,
    seconds: f64,
    decimals: usize,
}

impl Unit {
    /// The unit that shows `seconds` in three significant digits.
    pub(crate) fn of(seconds: f64) -> Unit {
        if seconds == 0.0 {
            return Unit { name: "s", seconds: 1.0, decimals: 0 };
        }
        // Slightly more, so that 999.9 µs, which rounds to 1000 µs, is 1.00 ms.
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

    /// `seconds` in this unit. Zero has no decimals.
    pub(crate) fn show(self, seconds: f64) -> String {
        let decimals = if seconds == 0.0 { 0 } else { self.decimals };
        format!("{:.decimals$} {}", seconds / self.seconds, self.name)
    }
}

/// `seconds` in the unit that fits: `1.24 ms`.
pub(crate) fn human(seconds: f64) -> String {
    Unit::of(seconds).show(seconds)
}

/// `1 loop`, `2 loops`, `20,000,000 loops`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// The digits of a number, those of more than four in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let starts_group =
        |place: usize| digits.len() > 4 && place > 0 && (digits.len() - place).is_multiple_of(3);
    let comma = |place: usize| if starts_group(place) { "," } else { "" };
    digits.char_indices().map(|(place, digit)| format!("{}{digit}", comma(place))).collect()
}

/// `a`, `a and b`, `a, b and c`; of too many, only the first ones.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= MAX_LISTED => format!("{} and {last}", first.join(", ")),
        _ => {
            let (first, rest) = names.split_at(MAX_LISTED - 1);
            format!("{} and {} more", first.join(", "), grouped(rest.len() as u64))
        }
    }
}

/// An age: `3 min ago`.
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
            (0.0, "0 s"),
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
    fn nothing_has_no_decimals_beside_something() {
        assert_eq!(Unit::of(1.5).show(0.0), "0 s");
        assert_eq!(Unit::of(1.5e-3).show(0.0), "0 ms");
    }

    #[test]
    fn names_are_listed_up_to_a_number() {
        let list = |count: usize| listed(&(1..=count).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!([list(0), list(1), list(2)], ["", "1", "1 and 2"]);
        assert_eq!(list(8), "1, 2, 3, 4, 5, 6, 7 and 8");
        assert_eq!(list(50), "1, 2, 3, 4, 5, 6, 7 and 43 more");
    }

    #[test]
    fn counts_and_ages_read_well() {
        assert_eq!((counted(1_u64, "loop"), counted(7_usize, "run")), ("1 loop".into(), "7 runs".into()));
        assert_eq!(
            (counted(0_u64, "loop"), counted(1234_u64, "task")),
            ("0 loops".into(), "1234 tasks".into())
        );
        assert_eq!(counted(20_000_000_u64, "loop"), "20,000,000 loops");
        assert_eq!([grouped(12_345), grouped(123_456)], ["12,345", "123,456"]);
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
