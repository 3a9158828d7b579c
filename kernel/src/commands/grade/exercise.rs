//! The exercises of a notebook, and the answers in a submission.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use threadbook_client::ClientError;
use threadbook_notebook::Notebook;

use super::remark::printable;

/// The ends of the ids of an exercise's cells.
const START: &str = "-start";
const CHECK: &str = "-check";
/// The kind of exercise whose answers are read by a person.
const EXPLAIN: &str = "explain";

/// The cells of a notebook.
#[derive(Deserialize)]
pub(super) struct Cells {
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(default)]
    id: String,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    metadata: Metadata,
}

/// The text of a cell, in either of the forms in which a file may have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Text(String),
    Lines(Vec<String>),
}

#[derive(Default, Deserialize)]
struct Metadata {
    exercise: Option<Worth>,
}

/// The metadata of an exercise; `notebooks/EXERCISES.md` describes them.
#[derive(Deserialize)]
struct Worth {
    kind: String,
    points: u32,
}

impl Default for Source {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Cells {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let notebook = Notebook::read(path)?;
        notebook.read_as().with_context(|| format!("{} is not a notebook", path.display()))
    }

    /// The text of the cell with this id.
    fn text(&self, id: &str) -> Option<String> {
        let cell = self.cells.iter().find(|cell| cell.id == id)?;
        Some(match &cell.source {
            Source::Text(text) => text.clone(),
            Source::Lines(lines) => lines.concat(),
        })
    }
}

/// The exercises of the notebook that was handed out.
pub(super) struct Key {
    pub(super) exercises: Vec<Exercise>,
}

pub(super) struct Exercise {
    pub(super) name: String,
    pub(super) points: u32,
    start: String,
    /// `None` if a person reads the answers.
    check: Option<String>,
}

/// The grade of one answer.
#[derive(Debug, PartialEq)]
pub(super) enum Grade {
    Points {
        points: u32,
        remark: String,
    },
    ByHand,
    /// No kernel could be started for the answer.
    NotRun {
        reason: String,
    },
}

impl Key {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        Self::of(&Cells::read(path)?).with_context(|| format!("{} is no key", path.display()))
    }

    fn of(cells: &Cells) -> anyhow::Result<Self> {
        let mut exercises = Vec::new();
        for cell in &cells.cells {
            let (Some(name), Some(worth)) = (cell.id.strip_suffix(START), &cell.metadata.exercise) else {
                continue;
            };
            let check = cells.text(&format!("{name}{CHECK}"));
            if check.is_none() && worth.kind != EXPLAIN {
                bail!("it has no cell `{name}{CHECK}`, the check of the exercise `{name}`");
            }
            exercises.push(Exercise {
                name: name.to_owned(),
                points: worth.points,
                start: cells.text(&cell.id).unwrap_or_default(),
                check: check.filter(|_| worth.kind != EXPLAIN),
            });
        }
        if exercises.is_empty() {
            bail!("none of its cells is the start of an exercise, as notebooks/EXERCISES.md describes it");
        }
        Ok(Self { exercises })
    }

    pub(super) fn maximum(&self) -> u32 {
        self.exercises.iter().map(|exercise| exercise.points).sum()
    }
}

impl Exercise {
    /// The grade of the answer in a submission. `checked` runs an answer and its check; the inner error is the reason why
    /// the answer has no points.
    pub(super) fn grade(
        &self,
        submission: &Cells,
        checked: impl FnOnce(&str, &str) -> Result<Result<(), String>, ClientError>,
    ) -> Grade {
        let no_points = |remark: String| Grade::Points { points: 0, remark: printable(&remark) };
        let Some(answer) = submission.text(&format!("{}{START}", self.name)) else {
            return no_points(format!("the notebook has no cell `{}{START}`", self.name));
        };
        if answer.split_whitespace().eq(self.start.split_whitespace()) {
            return no_points("not answered".to_owned());
        }
        match self.check.as_deref().map(|check| checked(&answer, check)) {
            None => Grade::ByHand,
            Some(Ok(Ok(()))) => Grade::Points { points: self.points, remark: String::new() },
            Some(Ok(Err(reason))) => no_points(reason),
            Some(Err(error)) => Grade::NotRun { reason: printable(&error.to_string()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cells(cells: serde_json::Value) -> Cells {
        serde_json::from_value(json!({ "cells": cells })).unwrap()
    }

    fn key() -> Key {
        let worth =
            |kind: &str| json!({"exercise": {"kind": kind, "points": 3, "minutes": 5, "difficulty": 1}});
        Key::of(&cells(json!([
            {"id": "title", "source": "# Title"},
            {"id": "sum-start", "source": ["fn sum() -> u8 {\n", "    0\n}"], "metadata": worth("complete")},
            {"id": "sum-check", "source": "assert_eq!(sum(), 5);"},
            {"id": "why-start", "source": "*My answer:* …", "metadata": worth("explain")},
        ])))
        .unwrap()
    }

    /// The grades of a submission, whose right answer to `sum` contains a 5.
    fn grades(submission: serde_json::Value) -> Vec<Grade> {
        let submission = cells(submission);
        let run = |answer: &str, check: &str| {
            assert_eq!(check, "assert_eq!(sum(), 5);", "the check is that of the key");
            Ok(if answer.contains('5') {
                Ok(())
            } else {
                Err("the sum is 5\nand not\u{1b}[31m 0".to_owned())
            })
        };
        key().exercises.iter().map(|exercise| exercise.grade(&submission, run)).collect()
    }

    fn no_points(remark: &str) -> Grade {
        Grade::Points { points: 0, remark: remark.to_owned() }
    }

    #[test]
    fn a_right_answer_has_all_points_and_a_text_is_for_a_person() {
        let submission = json!([
            {"id": "sum-check", "source": "edited"},
            {"id": "why-start", "source": "*My answer:* because"},
            {"id": "sum-start", "source": "fn sum() -> u8 { 5 }"},
        ]);
        let all = Grade::Points { points: 3, remark: String::new() };
        assert_eq!(grades(submission), [all, Grade::ByHand]);
    }

    #[test]
    fn the_start_is_no_answer_however_it_is_spaced() {
        let submission = json!([
            {"id": "sum-start", "source": "fn sum() -> u8 {\n  0\n\n}\n"},
            {"id": "why-start", "source": ["*My answer:* …\n"]},
        ]);
        assert_eq!(grades(submission), [no_points("not answered"), no_points("not answered")]);
    }

    #[test]
    fn a_wrong_answer_and_a_missing_cell_are_named_in_one_line() {
        let grades =
            grades(json!([{"id": "sum-start", "source": "fn sum() -> u8 { 4 }"}, {"source": 3.to_string()}]));
        assert_eq!(grades[0], no_points("the sum is 5 / and not [31m 0"));
        assert_eq!(grades[1], no_points("the notebook has no cell `why-start`"));
    }

    #[test]
    fn a_key_without_exercises_or_without_a_check_is_refused() {
        let error = |given| format!("{:#}", Key::of(&cells(given)).err().expect("this is no key"));
        assert!(error(json!([])).contains("EXERCISES.md"));
        let worth = json!({"exercise": {"kind": "mend", "points": 1}});
        let lone = json!([{"id": "a-start", "source": "", "metadata": worth}]);
        assert!(error(lone).contains("no cell `a-check`"));
        assert_eq!(key().maximum(), 6);
    }
}
