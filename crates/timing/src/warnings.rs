//! Warnings about measurements, one sentence for each kind of warning.

use crate::measurement::Measurement;
use crate::units::{human, listed};
use std::mem::discriminant;

/// A reason to distrust a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Warning {
    /// There are no figures.
    Nothing,
    /// A round takes no longer than an empty one, whose seconds these are.
    Empty(f64),
    /// The slowest loop took this many times as long as the fastest.
    Disturbed(f64),
    /// The half-width of the median's interval, relative to the median.
    Vague(f64),
}

impl Warning {
    /// Whether variation between the runs is the cause.
    pub(crate) fn is_noise(self) -> bool {
        matches!(self, Warning::Disturbed(_) | Warning::Vague(_))
    }

    /// The figure of the warning.
    fn figure(self) -> Option<String> {
        match self {
            Warning::Nothing => None,
            Warning::Empty(seconds) => Some(human(seconds)),
            Warning::Disturbed(ratio) => Some(format!("{ratio:.1} times")),
            Warning::Vague(part) => Some(format!("{:.0} %", 100.0 * part)),
        }
    }

    /// The likely cause, and the remedy.
    fn reason(self) -> &'static str {
        match self {
            Warning::Nothing => "",
            Warning::Empty(_) => {
                ": the compiler has probably left the work out. Let what goes in pass through \
                 std::hint::black_box"
            }
            Warning::Disturbed(_) => ": something else was going on",
            Warning::Vague(_) => ": the machine has other work",
        }
    }

    /// The warning as a sentence.
    pub(crate) fn sentence(self) -> String {
        self.sentence_of("", false)
    }

    /// The sentence about the measurement that `of` names, or about several, whose names have their figures
    /// beside them.
    fn sentence_of(self, of: &str, several: bool) -> String {
        let figure = self.figure().unwrap_or_default();
        let fact = match self {
            Warning::Nothing => format!("nothing was measured{of}"),
            Warning::Empty(_) if several => format!("rounds{of} take no longer than empty ones"),
            Warning::Empty(_) => format!("a round{of} takes {figure}, no longer than an empty one"),
            Warning::Disturbed(_) if several => {
                format!("the slowest loops{of} took so many times as long as the fastest")
            }
            Warning::Disturbed(_) => format!("the slowest loop{of} took {figure} as long as the fastest"),
            Warning::Vague(_) if several => {
                format!("the loops{of} differ so much that the medians are known only to so many percent")
            }
            Warning::Vague(_) => {
                format!("the loops{of} differ so much that the median is known only to {figure}")
            }
        };
        format!("{fact}{}.", self.reason())
    }
}

/// The warnings about these named measurements: one sentence for each kind.
pub(crate) fn warnings<'a>(named: impl IntoIterator<Item = (String, &'a Measurement)>) -> Vec<String> {
    let mut kinds: Vec<Vec<(String, Warning)>> = Vec::new();
    for (name, measurement) in named {
        let Some(warning) = measurement.warning_kind() else { continue };
        match kinds.iter_mut().find(|kind| discriminant(&kind[0].1) == discriminant(&warning)) {
            Some(kind) => kind.push((name, warning)),
            None => kinds.push(vec![(name, warning)]),
        }
    }
    kinds.iter().map(|kind| sentence_about(kind)).collect()
}

/// The sentence about all measurements with the same kind of warning.
fn sentence_about(kind: &[(String, Warning)]) -> String {
    let name = |(name, warning): &(String, Warning)| match warning.figure() {
        Some(figure) if kind.len() > 1 => format!("{name} ({figure})"),
        _ => name.clone(),
    };
    let names: Vec<String> = kind.iter().map(name).collect();
    kind[0].1.sentence_of(&format!(" of {}", listed(&names)), kind.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(measured: &[(&str, &[f64])]) -> Vec<String> {
        let measured: Vec<_> = measured
            .iter()
            .map(|(name, seconds)| (name.to_string(), Measurement::new(1, seconds.iter().copied())))
            .collect();
        warnings(measured.iter().map(|(name, measurement)| (name.clone(), measurement)))
    }

    const VAGUE: &[f64] = &[1.0, 1.0, 1.0, 1.5, 1.6, 1.7];
    const DISTURBED: &[f64] = &[1.0, 1.0, 9.0];

    #[test]
    fn one_is_named_with_its_figure() {
        assert_eq!(
            sentences(&[("one", &[1.0, 1.0]), ("threads", VAGUE)]),
            [
                "the loops of threads differ so much that the median is known only to 28 %: the machine has other work."
            ]
        );
        assert_eq!(
            sentences(&[("threads", DISTURBED)]),
            [
                "the slowest loop of threads took 9.0 times as long as the fastest: something else was going on."
            ]
        );
        assert_eq!(sentences(&[("threads", &[])]), ["nothing was measured of threads."]);
        assert!(sentences(&[("threads", &[0.0])])[0].starts_with(
            "a round of threads takes 0 s, no longer than an empty one: the compiler has probably left the work out."
        ));
    }

    #[test]
    fn several_share_a_sentence() {
        assert_eq!(
            sentences(&[("threads", VAGUE), ("processes", VAGUE)]),
            [
                "the loops of threads (28 %) and processes (28 %) differ so much that the medians are known only to \
              so many percent: the machine has other work."
            ]
        );
        assert_eq!(
            sentences(&[("a", DISTURBED), ("b", &[1.0, 5.0]), ("c", VAGUE)]),
            [
                "the slowest loops of a (9.0 times) and b (5.0 times) took so many times as long as the fastest: \
                 something else was going on.",
                "the loops of c differ so much that the median is known only to 28 %: the machine has other work."
            ]
        );
        assert_eq!(sentences(&[("a", &[]), ("b", &[])]), ["nothing was measured of a and b."]);
        assert!(
            sentences(&[("a", &[0.0]), ("b", &[0.0])])[0]
                .starts_with("rounds of a (0 s) and b (0 s) take no longer than empty ones: the compiler")
        );
    }
}
