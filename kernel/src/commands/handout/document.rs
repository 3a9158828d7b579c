//! What of a notebook a reader gets: its cells without what the edition keeps from them.

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::markdown;
use crate::commands::notebook::Notebook;

/// For whom a handout is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Edition {
    /// Without solutions, with room to write.
    Student,
    /// With everything.
    Teacher,
}

impl Edition {
    /// As it stands in the names of files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Teacher => "teacher",
        }
    }

    /// As it stands on the title page.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Student => "Student edition",
            Self::Teacher => "Teacher edition, with solutions",
        }
    }
}

/// A notebook as one edition has it.
pub(super) struct Document {
    pub(super) title: String,
    pub(super) edition: Edition,
    pub(super) parts: Vec<Part>,
}

/// What became of a cell.
pub(super) struct Part {
    pub(super) content: Content,
    /// What the notebook says about slides here.
    pub(super) slide: Option<String>,
}

pub(super) enum Content {
    /// Markdown, with the pictures that are attached to its cell.
    Text { source: String, attachments: Map<String, Value> },
    /// Code and what came out.
    Code { source: String, outputs: Vec<Output>, role: Role },
    /// A raw cell, which is no Markdown.
    Raw { source: String, is_html: bool },
    /// Where a solution of so many lines was.
    Room { lines: usize },
}

/// What a code cell is in an exercise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// No part of an exercise, or its start.
    Plain,
    Solution,
    Check,
}

/// One output, as the notebook format has it.
#[derive(Debug, Deserialize)]
#[serde(tag = "output_type", rename_all = "snake_case")]
pub(super) enum Output {
    Stream {
        name: String,
        text: Lines,
    },
    #[serde(alias = "execute_result")]
    DisplayData {
        data: Map<String, Value>,
    },
    Error {
        ename: String,
        evalue: String,
        traceback: Vec<String>,
    },
}

/// A text, which a file may keep as a list of lines.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Value")]
pub(super) struct Lines(pub(super) String);

impl From<Value> for Lines {
    fn from(value: Value) -> Self {
        Self(text(&value))
    }
}

/// The text in a value of a MIME bundle. What is no text is shown as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) if lines.iter().all(Value::is_string) => {
            lines.iter().filter_map(Value::as_str).collect()
        }
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

#[derive(Deserialize)]
struct Cells {
    cells: Vec<Value>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default)]
    source: Lines,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    outputs: Vec<Output>,
    #[serde(default)]
    attachments: Map<String, Value>,
}

impl Cell {
    /// `number` is that of the cell, from 1.
    fn read((number, mut value): (usize, Value)) -> anyhow::Result<Self> {
        // An error of serde names no place, so the part that is most often written by hand is read first.
        let metadata = value.get_mut("metadata").map(Value::take).unwrap_or_else(|| Map::new().into());
        let metadata = serde_json::from_value(metadata).with_context(|| {
            format!("cell {number} has metadata that cannot be read; its tags must be a list of texts")
        })?;
        if let Some(cell) = value.as_object_mut() {
            cell.remove("metadata");
        }
        let cell: Self =
            serde_json::from_value(value).with_context(|| format!("cell {number} cannot be read"))?;
        Ok(Self { metadata, ..cell })
    }
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    slideshow: Slideshow,
    /// The MIME type of a raw cell.
    format: Option<String>,
    /// The same, as JupyterLab writes it.
    raw_mimetype: Option<String>,
}

#[derive(Default, Deserialize)]
struct Slideshow {
    slide_type: Option<String>,
}

/// The tags of an exercise's cells.
const SOLUTION: &str = "solution";
const CHECK: &str = "check";

impl Document {
    /// Reads a notebook. `name` is its title if it has none of its own.
    pub(super) fn read(notebook: &Notebook, edition: Edition, name: &str) -> anyhow::Result<Self> {
        let cells = notebook.read_as::<Cells>()?.cells;
        let mut cells = (1..).zip(cells).map(Cell::read).collect::<anyhow::Result<Vec<_>>>()?;
        let title = cells.iter_mut().filter(|cell| cell.cell_type == "markdown").find_map(|cell| {
            let (title, place) = markdown::title(&cell.source.0)?;
            cell.source.0.replace_range(place, "");
            Some(title)
        });
        let parts = cells.into_iter().filter_map(|cell| cell.part(edition)).collect();
        Ok(Self { title: title.unwrap_or_else(|| name.to_owned()), edition, parts })
    }

    /// Whether anything came out of any of its cells.
    pub(super) fn has_outputs(&self) -> bool {
        let outputs =
            |part: &Part| matches!(&part.content, Content::Code { outputs, .. } if !outputs.is_empty());
        self.parts.iter().any(outputs)
    }
}

impl Cell {
    fn part(self, edition: Edition) -> Option<Part> {
        let has = |tag: &str| self.metadata.tags.iter().any(|each| each == tag);
        let (solution, check) = (has(SOLUTION), has(CHECK));
        let for_students = edition == Edition::Student;
        let source = self.source.0.trim_end().to_owned();
        let content = match self.cell_type.as_str() {
            "markdown" | "code" | "raw" if source.trim().is_empty() => return None,
            "markdown" | "code" | "raw" if solution && for_students => {
                Content::Room { lines: source.lines().count() }
            }
            "markdown" => Content::Text { source, attachments: self.attachments },
            "code" => {
                let role = match () {
                    () if solution => Role::Solution,
                    () if check => Role::Check,
                    () => Role::Plain,
                };
                // What a check says is what it says of the solution.
                let outputs = if check && for_students { Vec::new() } else { self.outputs };
                Content::Code { source, outputs, role }
            }
            "raw" => match self.metadata.raw_mimetype.or(self.metadata.format).as_deref().unwrap_or_default()
            {
                "" | "text/plain" => Content::Raw { source, is_html: false },
                "text/html" => Content::Raw { source, is_html: true },
                "text/markdown" => Content::Text { source, attachments: self.attachments },
                // For another converter.
                _ => return None,
            },
            _ => return None,
        };
        Some(Part { content, slide: self.metadata.slideshow.slide_type })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn document(cells: Value, edition: Edition) -> Document {
        let file = tempfile::NamedTempFile::new().unwrap();
        let notebook = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells});
        std::fs::write(file.path(), notebook.to_string()).unwrap();
        Document::read(&Notebook::read(file.path()).unwrap(), edition, "untitled").unwrap()
    }

    fn exercise(edition: Edition) -> Vec<Content> {
        let tagged = |tag: &str| {
            let outputs = json!([{"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]}]);
            json!({"cell_type": "code", "source": "one\ntwo", "metadata": {"tags": [tag]}, "outputs": outputs})
        };
        let cells = json!([tagged("solution"), tagged("check"), tagged("other")]);
        document(cells, edition).parts.into_iter().map(|part| part.content).collect()
    }

    #[test]
    fn students_get_room_instead_of_a_solution_and_of_a_check_only_its_code() {
        let parts = exercise(Edition::Student);
        let [Content::Room { lines: 2 }, Content::Code { role: Role::Check, outputs: checked, .. }, last] =
            &parts[..]
        else {
            panic!("three parts")
        };
        assert!(checked.is_empty());
        assert!(matches!(last, Content::Code { role: Role::Plain, outputs, .. } if outputs.len() == 1));
    }

    #[test]
    fn teachers_get_everything() {
        let roles = exercise(Edition::Teacher).into_iter().map(|content| match content {
            Content::Code { role, outputs, .. } => (role, outputs.len()),
            _ => panic!("all are code"),
        });
        let expected = [(Role::Solution, 1), (Role::Check, 1), (Role::Plain, 1)];
        assert_eq!(roles.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_title_is_the_first_heading_of_the_first_level() {
        let cells = json!([
            {"cell_type": "markdown", "source": "## Not this"},
            {"cell_type": "code", "source": "# nor this"},
            {"cell_type": "markdown", "source": ["# The `title`\n", "\n", "Text"]},
        ]);
        let document = document(cells, Edition::Student);
        assert_eq!(document.title, "The title");
        let Content::Text { source, .. } = &document.parts[2].content else { panic!("text") };
        assert_eq!(source.trim(), "Text");
    }

    #[test]
    fn raw_cells_are_kept_unless_they_are_for_another_converter() {
        let raw = |metadata: Value| json!({"cell_type": "raw", "source": "<b>x</b>", "metadata": metadata});
        let kinds = [
            json!({}),
            json!({"format": "text/html"}),
            json!({"raw_mimetype": "text/markdown"}),
            json!({"format": "text/latex"}),
        ];
        let parts = document(kinds.map(raw).to_vec().into(), Edition::Student).parts;
        let contents: Vec<_> = parts.iter().map(|part| &part.content).collect();
        assert!(matches!(
            contents[..],
            [Content::Raw { is_html: false, .. }, Content::Raw { is_html: true, .. }, Content::Text { .. }]
        ));
    }

    #[test]
    fn without_a_heading_the_title_is_the_name_of_the_file_and_empty_cells_are_nothing() {
        let cells = json!([{"cell_type": "code", "source": ""}, {"cell_type": "raw", "source": " "}]);
        let document = document(cells, Edition::Student);
        assert_eq!((document.title.as_str(), document.parts.len()), ("untitled", 0));
    }

    #[test]
    fn the_cell_with_odd_metadata_is_named() {
        let good = json!({"cell_type": "code", "source": "x", "metadata": {"tags": ["a"]}});
        for tags in [json!("solution"), json!([1]), json!({"a": "b"})] {
            let odd = json!({"cell_type": "code", "source": "x", "metadata": {"tags": tags}});
            let text = json!({"nbformat": 4, "cells": [good, odd]}).to_string();
            let notebook = Notebook::parse(text.as_bytes()).unwrap();
            let error = Document::read(&notebook, Edition::Student, "x").err().unwrap().to_string();
            assert!(error.starts_with("cell 2 ") && error.contains("tags"), "{error}");
        }
    }

    #[test]
    fn a_cell_that_is_none_is_said_to_be_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"nbformat": 4, "cells": [{"source": "x"}]}"#).unwrap();
        let error =
            Document::read(&Notebook::read(file.path()).unwrap(), Edition::Student, "x").err().unwrap();
        assert!(
            format!("{error:#}").starts_with("cell 1 cannot be read: missing field `cell_type`"),
            "{error:#}"
        );
    }
}
