//! rustc's diagnostics about a cell, with places in the cell instead of the generated code.

use std::sync::Arc;

use crate::cache::CachedWarning;
use crate::delimiters::Unbalanced;
use crate::ledger::{Ledger, Lost};
use crate::rustc::Message;
use crate::source::{Generated, Place, Source};

/// An error or a warning of the compiler.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Whether it is an error; else a warning, a note or help.
    pub is_error: bool,
    /// `error`, `warning`, `note` or `help`.
    pub level: String,
    /// Such as `E0382`.
    pub code: Option<String>,
    /// The message.
    pub message: String,
    /// The places in cells that it refers to.
    pub labels: Vec<Label>,
    /// Notes and help that belong to it.
    pub children: Vec<Diagnostic>,
}

/// A place that a diagnostic refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// Whether this is the diagnostic's primary place.
    pub is_primary: bool,
    /// The label's text.
    pub text: Option<String>,
}

impl Diagnostic {
    /// An error of the engine's own.
    pub(crate) fn error(message: String, place: Option<Place>) -> Diagnostic {
        let labels = place.map(|place| Label { place, is_primary: true, text: None }).into_iter().collect();
        Diagnostic {
            is_error: true,
            level: "error".into(),
            code: None,
            message,
            labels,
            children: Vec::new(),
        }
    }

    /// A warning from the cache.
    pub(crate) fn warning(warning: &CachedWarning, place: Place) -> Diagnostic {
        let CachedWarning { code, message, label, .. } = warning.clone();
        let labels = vec![Label { place, is_primary: true, text: label }];
        Diagnostic { is_error: false, level: "warning".into(), code, message, labels, children: Vec::new() }
    }

    /// The part of a warning that the cache stores: its message and its first place.
    pub(crate) fn to_warning(&self) -> Option<CachedWarning> {
        let Label { place, text, .. } = self.labels.iter().find(|label| label.is_primary)?;
        let (start, end) = (place.range.start, place.range.end);
        Some(CachedWarning {
            code: self.code.clone(),
            message: self.message.clone(),
            start,
            end,
            label: text.clone(),
        })
    }

    /// Shortens the paths of the standard library's items to their names.
    pub(crate) fn short(mut self) -> Diagnostic {
        self.message = shortened(&self.message);
        for label in &mut self.labels {
            label.text = label.text.as_deref().map(shortened);
        }
        self.children = self.children.into_iter().map(Diagnostic::short).collect();
        self
    }

    /// A help message of an error.
    pub(crate) fn help(message: String) -> Diagnostic {
        let (level, labels, children) = ("help".to_owned(), Vec::new(), Vec::new());
        Diagnostic { is_error: false, level, code: None, message, labels, children }
    }

    pub(crate) fn unbalanced(error: Unbalanced, source: &Arc<Source>) -> Diagnostic {
        let place = |range| Place { source: source.clone(), range };
        let mut diagnostic = Diagnostic::error(error.message, Some(place(error.range)));
        diagnostic.code = error.code.map(str::to_owned);
        diagnostic.labels.extend(error.other.map(|(range, text)| Label {
            place: place(range),
            is_primary: false,
            text: Some(text.into()),
        }));
        diagnostic
    }

    /// Converts rustc's message about generated code.
    pub(crate) fn of(message: &Message, code: &Generated) -> Diagnostic {
        let labels = message.spans.iter().filter_map(|span| {
            let place = code.place(span.outermost().range())?;
            Some(Label { place, is_primary: span.is_primary, text: span.label.as_deref().map(clean) })
        });
        let mut text = clean(&message.message);
        if let Some(line) = suggested(message, code) {
            text += &format!(": `{line}`");
        }
        Diagnostic {
            is_error: message.is_error(),
            level: message.level.clone(),
            code: message.code.as_ref().map(|code| code.code.clone()),
            message: text,
            labels: labels.collect(),
            children: message.children.iter().map(|child| Diagnostic::of(child, code)).collect(),
        }
    }

    /// Adds the item or variable of an earlier cell whose name is similar to an unknown one, and not in the
    /// generated code.
    fn with_similar_name(mut self, ledger: &Ledger) -> Diagnostic {
        let mut quoted = self.message.split('`');
        let (what, name) = (quoted.next().unwrap_or_default(), quoted.next().unwrap_or_default());
        if !what.starts_with("cannot find") || self.children.iter().any(|child| child.level == "help") {
            return self;
        }
        let items = ledger.entries().iter().flat_map(|entry| &entry.names);
        let known = items.chain(ledger.variables.keys());
        let max = 1.max(name.chars().count() / 3);
        let distance = |other: &String| strsim::damerau_levenshtein(name, other);
        let similar =
            known.map(|other| (distance(other), other)).filter(|(distance, _)| (1..=max).contains(distance));
        if let Some((_, similar)) = similar.min() {
            self.children.push(Diagnostic::help(format!("an earlier cell defines `{similar}`")));
        }
        self
    }

    /// Explains an unknown name that a variable once had.
    pub(crate) fn explained(mut self, ledger: &Ledger) -> Diagnostic {
        let name = self.message.split('`').nth(1).unwrap_or_default().to_owned();
        let is_unknown = self.code.as_deref() == Some("E0425") && self.message.starts_with("cannot find ");
        let Some(lost) = ledger.lost.get(&name).filter(|_| is_unknown) else {
            return self.with_similar_name(ledger);
        };
        self.children.clear();
        let (message, advice) = match lost {
            Lost::Moved(cell, _) => {
                self.code = Some("E0382".into());
                (
                    format!("use of moved value: `{name}`, which cell [{cell}] has moved"),
                    format!("give `{name}` a value anew, or move a clone of it in that cell"),
                )
            }
            Lost::Unnameable(ty) => (
                format!("`{name}` was not kept: its type, `{}`, cannot be written", clean(ty)),
                advice_on(&name, ty),
            ),
            Lost::Borrows => (
                format!("`{name}` was not kept: it borrows from another variable"),
                format!(
                    "borrow it again in this cell, or let `{name}` own its value (`.to_owned()`, `.clone()`, `.collect::<Vec<_>>()`)"
                ),
            ),
            Lost::Redefined(ty) => {
                (format!("`{name}` was dropped when `{ty}` was redefined"), format!("define `{name}` again"))
            }
            Lost::Unfinished(cell) => (
                format!("`{name}` was not kept: cell [{cell}] ended before its last statement"),
                "execute that cell again".to_owned(),
            ),
            Lost::Shadowed => {
                (format!("an item has taken the name `{name}`"), "choose another name".to_owned())
            }
            Lost::ThreadEnded => (
                format!("`{name}` is gone: its thread has ended with an earlier process"),
                "execute the cell that starts it again".to_owned(),
            ),
            Lost::Ended => (
                format!("`{name}` is gone: the process that had it has ended"),
                "execute the cell that defines it again".to_owned(),
            ),
        };
        self.message = message;
        self.children.push(Diagnostic::help(advice));
        self
    }
}

/// The line of a cell with rustc's suggestion applied, if the suggestion changes a part of one line.
fn suggested(message: &Message, code: &Generated) -> Option<String> {
    let mut edits = Vec::new();
    for span in message.spans.iter().filter(|span| span.suggested_replacement.is_some()) {
        edits.push((code.place(span.range())?, span.suggested_replacement.as_deref()?));
    }
    let source = edits.first()?.0.source.clone();
    let text = &source.text;
    let start = text[..edits[0].0.range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let is_within = |place: &Place| start <= place.range.start && place.range.end <= end;
    if !edits
        .iter()
        .all(|(place, with)| Arc::ptr_eq(&place.source, &source) && is_within(place) && !with.contains('\n'))
    {
        return None;
    }
    edits.sort_by_key(|(place, _)| place.range.start);
    let mut line = text[start..end].to_owned();
    for (place, with) in edits.iter().rev() {
        line.replace_range(place.range.start - start..place.range.end - start, with);
    }
    Some(line.trim().to_owned())
}

fn advice_on(name: &str, ty: &str) -> String {
    if ty.contains("{closure@") {
        format!("write a function, or keep it boxed: `let {name}: Box<dyn Fn(_) -> _> = Box::new({name});`")
    } else if ty.contains("Iterator") {
        format!("keep what it yields: `let {name}: Vec<_> = {name}.collect();`")
    } else {
        format!("keep it boxed: `let {name}: Box<dyn ..> = Box::new({name});`")
    }
}

/// A message without the engine's own names.
/// `Vec<String>` for `std::vec::Vec<std::string::String>`.
fn shortened(text: &str) -> String {
    let is_part = |c: char| c == '_' || c == ':' || c.is_alphanumeric();
    let mut short = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, path_on) = rest.split_at(start);
        let end = path_on.find(|c| !is_part(c)).unwrap_or(path_on.len());
        let (path, after) = path_on.split_at(end);
        let is_std = ["std::", "core::", "alloc::"].iter().any(|name| path.starts_with(name));
        let item = path.rsplit("::").next().unwrap_or(path);
        short += before;
        short += if is_std && item.starts_with(char::is_uppercase) { item } else { path };
        rest = after;
    }
    short + rest
}

fn clean(message: &str) -> String {
    let mut parts = message.split("@cell_");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // The rest up to the brace is the place of a closure: `cell_0.rs:3:9: 3:15}`.
        text += part.find('}').map_or(part, |end| &part[end..]);
    }
    text.replace("::threadbook::cell::AnyError", "the error of a cell")
        .replace("threadbook::cell::Error", "the error of a cell")
        .replace("threadbook::cell::AnyError", "the error of a cell")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_standard_library_are_shortened() {
        let full = "unused `std::result::Result<std::vec::Vec<u8>, my::Error>` in `std::mem::drop`: it";
        assert_eq!(shortened(full), "unused `Result<Vec<u8>, my::Error>` in `std::mem::drop`: it");
    }
}
