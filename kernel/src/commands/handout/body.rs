//! The parts of a document as HTML, for the page and for the slides.

use serde_json::{Map, Value};

use super::document::{Content, Part, Role};
use super::markdown::Markdown;
use super::{Escaped, code, output};

/// Code and outputs of so many lines are not to be split between two pages.
const SHORT: usize = 28;
/// The fewest and the most lines that a student gets to write on.
const ROOM: (usize, usize) = (5, 16);

/// The HTML of a part.
pub(super) fn html(part: &Part, markdown: &mut Markdown) -> String {
    match &part.content {
        Content::Text { source, attachments } => text(source, attachments, markdown),
        Content::Code { source, outputs, role } => {
            let (class, label) = match role {
                Role::Plain => ("", ""),
                Role::Solution => (" solution", "<p class=\"label\">Solution</p>\n"),
                Role::Check => (" check", "<p class=\"label\">Check</p>\n"),
            };
            let code = format!("<pre class=\"code\"><code>{}</code></pre>\n", code::html(source));
            let outputs: String = outputs.iter().map(|each| output::html(each, markdown)).collect();
            let outputs = match outputs.as_str() {
                "" => outputs,
                _ => format!("<div class=\"output\">\n{outputs}</div>\n"),
            };
            let short = if is_short(source, &outputs) { " short" } else { "" };
            format!("<div class=\"cell{class}{short}\">\n{label}{code}{outputs}</div>\n")
        }
        Content::Raw { source, is_html: true } => {
            format!("<div class=\"text\">\n{}</div>\n", markdown.sanitized(source.clone(), &Map::new()))
        }
        Content::Raw { source, is_html: false } => format!("<pre>{}</pre>\n", Escaped(source)),
        Content::Room { lines } => {
            let line = "<div class=\"line\"></div>";
            let lines = line.repeat((lines + 2).clamp(ROOM.0, ROOM.1));
            format!("<div class=\"room\">\n<p class=\"label\">Your solution</p>\n{lines}\n</div>\n")
        }
    }
}

/// The HTML of Markdown.
pub(super) fn text(source: &str, attachments: &Map<String, Value>, markdown: &mut Markdown) -> String {
    format!("<div class=\"text\">\n{}</div>\n", markdown.html(source, attachments))
}

/// Pictures do not count here: no picture is ever split.
fn is_short(source: &str, outputs: &str) -> bool {
    source.lines().count() + outputs.lines().count() <= SHORT
}
