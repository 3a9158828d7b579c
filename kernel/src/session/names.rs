//! What can be said about names while a cell runs and the engine has no time: those that it knew at the
//! start, and those in the cells since. No types, so after a dot any method is offered that was seen there.

use super::calls;
use super::text::{byte_offset, code_points};
use super::{Completions, Match, lock};
use crate::wire::MimeBundle;
use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Mutex;

/// In the prepared directory and its copies: the names that every cell can use.
const PRELUDE: &str = "prelude.json";

/// A remark below what is known without the compiler.
const REMARK: &str = "A cell is running: this is what is known without the compiler.";

/// The names of a session.
#[derive(Default)]
pub struct Names {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What stands by itself or after `::`, and what it is.
    plain: BTreeMap<String, Cow<'static, str>>,
    after_dot: BTreeMap<String, Cow<'static, str>>,
    /// The lines in which functions, types and variables are defined.
    definitions: HashMap<String, String>,
}

impl Names {
    /// The names of the prelude, as [`write_prelude`] has written them.
    pub fn of_prelude(directory: &Path) -> Names {
        let text = std::fs::read(directory.join(PRELUDE)).unwrap_or_default();
        let matches = serde_json::from_slice(&text).unwrap_or_default();
        let names = Names::default();
        names.learn("", &Completions { matches, ..Completions::default() });
        names
    }

    /// Learns what the engine offers at the end of `code`.
    pub fn learn(&self, code: &str, offered: &Completions) {
        let known = &mut *lock(&self.known);
        let names = if is_after_dot(code, byte_offset(code, offered.start)) {
            &mut known.after_dot
        } else {
            &mut known.plain
        };
        names.extend(offered.matches.iter().map(|found| (found.text.clone(), found.kind.clone())));
    }

    /// Learns the names in a cell.
    pub fn learn_cell(&self, code: &str) {
        let known = &mut *lock(&self.known);
        let mut start = 0;
        let mut defines = None;
        for token in tokenize(code, FrontmatterAllowed::No) {
            let end = start + token.len as usize;
            let text = &code[start..end];
            match token.kind {
                // What stands between `let` and the name.
                TokenKind::Ident if text == "mut" => {}
                TokenKind::Ident => match (defined_by(text), defines.take()) {
                    (None, None) if is_after_dot(code, start) => {
                        known.after_dot.entry(text.to_owned()).or_insert("function".into());
                    }
                    (None, None) => {
                        known.plain.entry(text.to_owned()).or_insert("instance".into());
                    }
                    (None, Some(kind)) => {
                        known.plain.insert(text.to_owned(), Cow::Borrowed(kind));
                        known.definitions.insert(text.to_owned(), line_at(code, start).to_owned());
                    }
                    (kind, _) => defines = kind,
                },
                TokenKind::Whitespace => {}
                _ => defines = None,
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
        let found = names.iter().filter(|(name, _)| name.starts_with(&code[start..end]));
        let matches = found.map(|(name, kind)| Match { text: name.clone(), kind: kind.clone() }).collect();
        Completions { matches, start: code_points(code, start), end: cursor }
    }

    /// The line in which the word at `cursor` (in code points) is defined, or else the function among whose
    /// arguments it stands, if that was in a cell.
    pub fn inspect(&self, code: &str, cursor: usize) -> Option<MimeBundle> {
        let offset = byte_offset(code, cursor);
        let ends = [end_of_word(code, offset)].into_iter().chain(calls::around(code, offset));
        let mut words = ends.map(|end| &code[start_of_word(code, end)..end]);
        let line = words.find_map(|word| lock(&self.known).definitions.get(word).cloned())?;
        let plain = ("text/plain".to_owned(), format!("{line}\n\n{REMARK}").into());
        let markdown = ("text/markdown".to_owned(), format!("```rust\n{line}\n```\n\n{REMARK}").into());
        Some([plain, markdown].into_iter().collect())
    }
}

/// Writes the names of the prelude for sessions to come: rust-analyzer takes a second to list them.
pub fn write_prelude(directory: &Path, names: &[Match]) -> std::io::Result<()> {
    std::fs::write(directory.join(PRELUDE), serde_json::to_vec(names)?)
}

/// What a keyword defines, if it does.
fn defined_by(keyword: &str) -> Option<&'static str> {
    match keyword {
        "fn" => Some("function"),
        "struct" | "enum" | "trait" | "type" => Some("class"),
        "let" | "const" | "static" => Some("instance"),
        _ => None,
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
        let pool = Match { text: "ThreadPoolExecutor".into(), kind: "class".into() };
        names.learn("", &Completions { matches: vec![pool], start: 0, end: 0 });
        names.learn_cell(
            "fn threads(n: usize) -> usize { n }\nlet mut thousand = pool.submit(|| 1).result();",
        );
        names
    }

    #[test]
    fn names_are_completed_by_how_they_begin() {
        let names = names();
        let words = |code: &str, cursor| -> Vec<(String, Cow<str>)> {
            let matches = names.complete(code, cursor).matches.into_iter();
            matches.map(|found| (found.text, found.kind)).collect()
        };
        let pairs = |pairs: &[(&str, &'static str)]| -> Vec<_> {
            pairs.iter().map(|(text, kind)| (text.to_string(), (*kind).into())).collect()
        };
        assert_eq!(words("let é = th", 10), pairs(&[("thousand", "instance"), ("threads", "function")]));
        assert_eq!(words("x.", 2), pairs(&[("result", "function"), ("submit", "function")]));
        assert_eq!(words("Thr", 3), pairs(&[("ThreadPoolExecutor", "class")]));
        let dotted = names.complete("é.s", 3);
        assert_eq!((dotted.matches.len(), dotted.start, dotted.end), (1, 2, 3));
        assert!(names.complete("0..re", 5).matches.is_empty());
    }

    #[test]
    fn the_prelude_is_known_from_the_start() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Names::of_prelude(directory.path()).complete("S", 1).matches.is_empty());
        let written = [Match { text: "SerialExecutor".into(), kind: "class".into() }];
        write_prelude(directory.path(), &written).unwrap();
        assert_eq!(Names::of_prelude(directory.path()).complete("S", 1).matches, written);
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
        assert_eq!(names().inspect("threads(12, 3)", 10), names().inspect("threads(1)", 3));
        assert_eq!(names().inspect("unknown", 3), None);
        assert_eq!(names().inspect("", 0), None);
    }
}
