//! The notebook as a Rust file: its text as comments, its code as code.

use super::document::{Content, Document, Role};
use super::markdown;
use crate::session::magics;

/// A cell sees what the cells before it left, and a file has no cells.
const NOTE: &str = "To be read, and not to be compiled: this is a notebook, whose cells run one by one.";

/// The text of the file. `facts` stand below the title.
pub(super) fn script(document: &Document, facts: &[(&str, String)]) -> String {
    let mut head = vec![document.title.clone(), document.edition.title().to_owned(), String::new()];
    head.extend(facts.iter().map(|(name, value)| format!("{name}: {value}")));
    head.extend([String::new(), NOTE.to_owned()]);
    let mut parts = vec![comment("//!", &head.join("\n"))];
    parts.extend(document.parts.iter().map(|part| match &part.content {
        Content::Text { source, .. } => comment("//", &markdown::without_tags(source)),
        Content::Raw { source, .. } => comment("//", source),
        Content::Code { source, role, .. } => {
            let label = match role {
                Role::Plain => "",
                Role::Solution => "// --- Solution ---\n",
                Role::Check => "// --- Check ---\n",
            };
            format!("{label}{}", code(source))
        }
        Content::Room { .. } => "// --- Your solution ---\n\n\n".to_owned(),
    }));
    parts.join("\n")
}

/// Text as a comment that ends with a line break.
fn comment(mark: &str, text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.trim().lines().map(str::trim_end) {
        // Two blank lines in a row come of what was taken out.
        if line.is_empty() && lines.last().is_some_and(|last| last == mark) {
            continue;
        }
        lines.push(if line.is_empty() { mark.to_owned() } else { format!("{mark} {line}") });
    }
    lines.join("\n") + "\n"
}

/// Code that ends with a line break. What is no Rust in it is a comment.
fn code(source: &str) -> String {
    let mut text = String::new();
    let mut at = 0;
    for magic in magics::places(source) {
        text.push_str(&source[at..magic.start]);
        text.push_str(comment("//", &source[magic.clone()]).trim_end());
        at = magic.end;
    }
    text + &source[at..] + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::commands::handout::document::{Edition, tests::document};

    fn cells() -> serde_json::Value {
        json!([
            {"cell_type": "markdown", "source": "# Title\n\nText *here*.\n\n\n<b>There</b>."},
            {"cell_type": "code", "source": "!ls\nlet a = 1;\n", "outputs": []},
            {"cell_type": "code", "source": "solved()", "metadata": {"tags": ["solution"]}},
            {"cell_type": "code", "source": "check()", "metadata": {"tags": ["check"]}},
        ])
    }

    #[test]
    fn text_is_comments_and_code_is_code() {
        let facts = [("Date", "3 May 2026".to_owned())];
        let script = script(&document(cells(), Edition::Teacher), &facts);
        let expected = "//! Title\n//! Teacher edition, with solutions\n//!\n//! Date: 3 May 2026\n//!\n\
                        //! To be read, and not to be compiled: this is a notebook, whose cells run one by one.\n\n\
                        // Text *here*.\n//\n// There.\n\n\
                        // !ls\nlet a = 1;\n\n\
                        // --- Solution ---\nsolved()\n\n\
                        // --- Check ---\ncheck()\n";
        assert_eq!(script, expected);
    }

    #[test]
    fn students_write_where_the_solution_was() {
        let script = script(&document(cells(), Edition::Student), &[]);
        assert!(!script.contains("solved"), "{script}");
        assert!(script.contains("// --- Your solution ---\n\n\n\n// --- Check"), "{script}");
    }
}
