//! What can be said about names while a cell runs and the engine has no time: those that it knew at the
//! start, and those in the cells since. No types, so after a dot any method is offered that was seen there.

use super::text::{byte_offset, code_points};
use super::{Completions, lock};
use crate::wire::MimeBundle;
use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

/// A remark below what is known without the compiler.
const REMARK: &str = "A cell is running: this is what is known without the compiler.";

/// The names of a session.
#[derive(Default)]
pub struct Names {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What stands by itself or after `::`.
    plain: BTreeSet<String>,
    after_dot: BTreeSet<String>,
    /// The lines in which functions, types and variables are defined.
    definitions: HashMap<String, String>,
}

impl Names {
    /// Learns what the engine offers at the end of `code`.
    pub fn learn(&self, code: &str, offered: &Completions) {
        let known = &mut *lock(&self.known);
        let names = if is_after_dot(code, byte_offset(code, offered.start)) {
            &mut known.after_dot
        } else {
            &mut known.plain
        };
        names.extend(offered.matches.iter().cloned());
    }

    /// Learns the names in a cell.
    pub fn learn_cell(&self, code: &str) {
        let known = &mut *lock(&self.known);
        let mut start = 0;
        let mut defines = false;
        for token in tokenize(code, FrontmatterAllowed::No) {
            let end = start + token.len as usize;
            let text = &code[start..end];
            match token.kind {
                TokenKind::Ident
                    if matches!(
                        text,
                        "fn" | "let" | "struct" | "enum" | "const" | "static" | "trait" | "type"
                    ) =>
                {
                    defines = true;
                }
                // What stands between `let` and the name.
                TokenKind::Ident if text == "mut" => {}
                TokenKind::Ident => {
                    let names =
                        if is_after_dot(code, start) { &mut known.after_dot } else { &mut known.plain };
                    names.insert(text.to_owned());
                    if std::mem::take(&mut defines) {
                        known.definitions.insert(text.to_owned(), line_at(code, start).to_owned());
                    }
                }
                TokenKind::Whitespace => {}
                _ => defines = false,
            }
            start = end;
        }
    }

    /// The names that begin as the word at `cursor` (in code points).
    pub fn complete(&self, code: &str, cursor: usize) -> Completions {
        let end = byte_offset(code, cursor);
        let start = start_of_word(code, end);
        let known = lock(&self.known);
        let names = if is_after_dot(code, start) { &known.after_dot } else { &known.plain };
        let matches = names.iter().filter(|name| name.starts_with(&code[start..end])).cloned().collect();
        Completions { matches, start: code_points(code, start), end: cursor }
    }

    /// The line in which the word at `cursor` (in code points) is defined, if that was in a cell.
    pub fn inspect(&self, code: &str, cursor: usize) -> Option<MimeBundle> {
        let offset = byte_offset(code, cursor);
        let word = &code[start_of_word(code, offset)..end_of_word(code, offset)];
        let line = lock(&self.known).definitions.get(word)?.clone();
        let plain = ("text/plain".to_owned(), format!("{line}\n\n{REMARK}").into());
        let markdown = ("text/markdown".to_owned(), format!("```rust\n{line}\n```\n\n{REMARK}").into());
        Some([plain, markdown].into_iter().collect())
    }
}

/// The end of the word at `offset`, so that the cursor may stand anywhere in it.
pub fn end_of_word(code: &str, offset: usize) -> usize {
    let rest = &code[offset..];
    offset + rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

/// The start of the word that ends at `offset`.
pub fn start_of_word(code: &str, offset: usize) -> usize {
    let before = code[..offset].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    before.len()
}

fn is_after_dot(code: &str, start: usize) -> bool {
    let before = code[..start].trim_end();
    before.ends_with('.') && !before.ends_with("..")
}

fn line_at(code: &str, offset: usize) -> &str {
    let start = code[..offset].rfind('\n').map_or(0, |end| end + 1);
    code[start..].lines().next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let names = Names::default();
        names.learn("", &Completions { matches: vec!["ThreadPoolExecutor".into()], start: 0, end: 0 });
        names.learn_cell(
            "fn threads(n: usize) -> usize { n }\nlet mut thousand = pool.submit(|| 1).result();",
        );
        names
    }

    #[test]
    fn names_are_completed_by_how_they_begin() {
        let names = names();
        assert_eq!(names.complete("let é = th", 10).matches, ["thousand", "threads"]);
        let dotted = names.complete("é.s", 3);
        assert_eq!((dotted.matches, dotted.start, dotted.end), (vec!["submit".to_owned()], 2, 3));
        assert_eq!(names.complete("x.", 2).matches, ["result", "submit"]);
        assert_eq!(names.complete("Thr", 3).matches, ["ThreadPoolExecutor"]);
        assert!(names.complete("0..re", 5).matches.is_empty());
    }

    #[test]
    fn the_defining_line_is_shown() {
        let shown = names().inspect("threads(1)", 3).unwrap();
        assert!(shown["text/plain"].as_str().unwrap().starts_with("fn threads(n: usize) -> usize { n }\n"));
        assert!(
            names().inspect("thousand", 0).unwrap()["text/markdown"]
                .as_str()
                .unwrap()
                .contains("let mut thousand")
        );
        assert_eq!(names().inspect("unknown", 3), None);
        assert_eq!(names().inspect("", 0), None);
    }
}
