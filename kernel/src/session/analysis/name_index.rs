//! Completion and help by names alone: those of the prelude, and those in the cells since. There are no types, so after a
//! dot any method is offered that has occurred there.

use super::enclosing_call;
use crate::session::lock::lock;
use crate::session::reply::{CompletionItem, CompletionList};
use crate::session::text::{byte_offset, code_points};
use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use threadbook_wire::MimeBundle;

/// The names that every cell can use, as they are exported.
const PRELUDE: &str = include_str!("../../../../crates/threadbook/src/prelude.rs");

/// A remark below such help.
const REMARK: &str = "This is known without rust-analyzer, which has no answer.";

/// The names of a session.
#[derive(Default)]
pub struct NameIndex {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The names that stand by themselves or after `::`, and their kinds.
    plain: BTreeMap<String, Cow<'static, str>>,
    after_dot: BTreeMap<String, Cow<'static, str>>,
    /// The lines in which functions, types and variables are defined.
    definitions: HashMap<String, String>,
}

impl NameIndex {
    /// The names of the prelude.
    pub fn of_prelude() -> NameIndex {
        let names = NameIndex::default();
        for line in PRELUDE.lines().filter(|line| !line.starts_with("//")) {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let exported = words.map(|word| word.rsplit("::").next().unwrap_or_default());
            let exported = exported.filter(|name| !["", "pub", "use", "as", "_"].contains(name));
            let kind = |name: &str| if name.starts_with(char::is_uppercase) { "class" } else { "function" };
            let plain = exported.map(|name| (name.to_owned(), kind(name).into()));
            lock(&names.known).plain.extend(plain);
        }
        names
    }

    /// Learns the names that the engine offers at the end of `code`.
    pub fn learn(&self, code: &str, offered: &CompletionList) {
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
    pub fn complete(&self, code: &str, cursor: usize) -> CompletionList {
        let end = byte_offset(code, cursor);
        let start = start_of_word(code, end);
        let known = lock(&self.known);
        let names = if is_after_dot(code, start) { &known.after_dot } else { &known.plain };
        let found = names.iter().filter(|(name, _)| name.starts_with(&code[start..end]));
        let matches =
            found.map(|(name, kind)| CompletionItem { text: name.clone(), kind: kind.clone() }).collect();
        CompletionList { matches, start: code_points(code, start), end: cursor }
    }

    /// The line in which the word at `cursor` (in code points) is defined, or else the function among whose
    /// arguments it stands, if that was in a cell.
    pub fn inspect(&self, code: &str, cursor: usize) -> Option<MimeBundle> {
        let offset = byte_offset(code, cursor);
        let ends = [end_of_word(code, offset)].into_iter().chain(enclosing_call::around(code, offset));
        let mut words = ends.map(|end| &code[start_of_word(code, end)..end]);
        let line = words.find_map(|word| lock(&self.known).definitions.get(word).cloned())?;
        let plain = ("text/plain".to_owned(), format!("{line}\n\n{REMARK}").into());
        let markdown = ("text/markdown".to_owned(), format!("```rust\n{line}\n```\n\n{REMARK}").into());
        Some([plain, markdown].into_iter().collect())
    }
}

/// The kind of name that a keyword defines, if it defines one.
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

    fn names() -> NameIndex {
        let names = NameIndex::default();
        let pool = CompletionItem { text: "ThreadPoolExecutor".into(), kind: "class".into() };
        names.learn("", &CompletionList { matches: vec![pool], start: 0, end: 0 });
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
        let names = NameIndex::of_prelude();
        let kind = |name: &str| {
            let matches = names.complete(name, name.len()).matches;
            matches.into_iter().find(|found| found.text == name).map(|found| found.kind)
        };
        assert_eq!(kind("SerialExecutor"), Some("class".into()));
        assert_eq!(kind("benchmark"), Some("function".into()));
        assert_eq!(kind("Text"), None, "a comment names it");
        for other in ["pub", "crate", "threadbook_executor", "show"] {
            assert_eq!(kind(other), None, "{other}");
        }
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
