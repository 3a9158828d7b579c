//! The reasons to doubt a measurement, in words.

use crate::units::human;

/// A reason to doubt the figures of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Doubt {
    /// There are none.
    Nothing,
    /// A round takes no longer than an empty one: so many seconds.
    Empty(f64),
    /// The slowest loop took so many times as long as the fastest.
    Disturbed(f64),
    /// The median is known only to this part of it.
    Vague(f64),
}

impl Doubt {
    /// Whether this is because the runs differ.
    pub(crate) fn is_noise(self) -> bool {
        matches!(self, Doubt::Disturbed(_) | Doubt::Vague(_))
    }

    /// The figure that goes with it.
    pub(crate) fn figure(self) -> Option<String> {
        match self {
            Doubt::Nothing => None,
            Doubt::Empty(seconds) => Some(human(seconds)),
            Doubt::Disturbed(ratio) => Some(format!("{ratio:.1} times")),
            Doubt::Vague(part) => Some(format!("{:.0} %", 100.0 * part)),
        }
    }

    /// What it comes from, and what to do.
    fn reason(self) -> &'static str {
        match self {
            Doubt::Nothing => "",
            Doubt::Empty(_) => {
                ": the compiler has probably left the work out. Let what goes in pass through \
                 std::hint::black_box"
            }
            Doubt::Disturbed(_) => ": something else was going on",
            Doubt::Vague(_) => ": the machine has other work",
        }
    }

    /// In a sentence.
    pub(crate) fn said(self) -> String {
        self.said_of("", false)
    }

    /// In a sentence about ` of` one, or about several, whose figures are beside their names.
    pub(crate) fn said_of(self, of: &str, several: bool) -> String {
        let figure = self.figure().unwrap_or_default();
        let fact = match self {
            Doubt::Nothing => format!("nothing was measured{of}"),
            Doubt::Empty(_) if several => format!("rounds{of} take no longer than empty ones"),
            Doubt::Empty(_) => format!("a round{of} takes {figure}, no longer than an empty one"),
            Doubt::Disturbed(_) if several => {
                format!("the slowest loops{of} took so many times as long as the fastest")
            }
            Doubt::Disturbed(_) => format!("the slowest loop{of} took {figure} as long as the fastest"),
            Doubt::Vague(_) if several => {
                format!("the loops{of} differ so much that the medians are known only to so many percent")
            }
            Doubt::Vague(_) => {
                format!("the loops{of} differ so much that the median is known only to {figure}")
            }
        };
        format!("{fact}{}.", self.reason())
    }
}
