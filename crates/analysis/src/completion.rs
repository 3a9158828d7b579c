//! The names that are possible at a position.

use crate::protocol::Match;
use crate::word::{is_part, word_at};
use ra_ap_hir::PrefixKind;
use ra_ap_ide::{
    Analysis, Cancellable, CompletionConfig, CompletionFieldsToResolve, CompletionItem, CompletionItemKind,
    FilePosition, RaFixtureConfig, SymbolKind, TextRange,
};
use ra_ap_ide_db::imports::insert_use::{ImportGranularity, InsertUseConfig};

/// The names that are possible at a position, and the text that they replace.
pub struct Completions {
    /// The names, sorted, each of them once.
    pub matches: Vec<Match>,
    /// The start of the word at the position.
    pub start: usize,
    /// The end of the word.
    pub end: usize,
}

impl Completions {
    /// No names, at `offset` in `text`.
    pub fn none(text: &str, offset: usize) -> Completions {
        let word = word_at(text, offset);
        Completions { matches: Vec::new(), start: word.start, end: word.end }
    }
}

/// Queries rust-analyzer for completions.
pub fn complete(analysis: &Analysis, text: &str, position: FilePosition) -> Cancellable<Completions> {
    let items = analysis.completions(&names_only(), position, None)?.unwrap_or_default();
    let mut found = Completions::none(text, position.offset.into());
    let mut names: Vec<_> = items.iter().filter_map(|item| Name::of(item, text, position)).collect();
    // Nearly all replace the word. In some contexts rust-analyzer replaces another range, the same for all.
    if let Some(first) = names.first().map(|name| name.replaced) {
        names.retain(|name| name.replaced == first);
        (found.start, found.end) = (first.start().into(), first.end().into());
    }
    found.matches = names
        .into_iter()
        .map(|Name { text, kind, .. }| Match { text: text.to_owned(), kind: kind.to_owned() })
        .collect();
    found.matches.sort();
    found.matches.dedup_by(|one, other| one.text == other.text);
    Ok(found)
}

/// The name that a completion inserts.
struct Name<'a> {
    text: &'a str,
    kind: &'static str,
    replaced: TextRange,
}

impl<'a> Name<'a> {
    /// The name of a completion. `None` if the completion inserts more than a name, or does not continue the typed text.
    fn of(item: &'a CompletionItem, text: &str, position: FilePosition) -> Option<Name<'a>> {
        let mut edits = item.text_edit.iter();
        let (Some(edit), None) = (edits.next(), edits.next()) else { return None };
        let replaced = edit.delete;
        if !item.import_to_add.is_empty() || !replaced.contains_inclusive(position.offset) {
            return None;
        }
        let name = name_in(&edit.insert).filter(|name| !ABBREVIATIONS.contains(name))?;
        let typed = &text[TextRange::new(replaced.start(), position.offset)];
        let continues = name.starts_with(typed) || name.trim_start_matches("r#").starts_with(typed);
        continues.then(|| Name { text: name, kind: kind(item.kind), replaced })
    }
}

/// The snippets that rust-analyzer lists as keywords: without snippet support, they would be inserted
/// literally.
const ABBREVIATIONS: [&str; 1] = ["letm"];

/// The name, path, macro's name with its `!`, or lifetime with which `text` begins, if only its arguments,
/// fields, type, or the end of the statement follow.
fn name_in(text: &str) -> Option<&str> {
    let mut end =
        ["r#", "'"].iter().find(|prefix| text.starts_with(**prefix)).map_or(0, |prefix| prefix.len());
    loop {
        end = text.len() - text[end..].trim_start_matches(is_part).len();
        match text[end..].strip_prefix("::") {
            Some(rest) => end = text.len() - rest.len(),
            None => break,
        }
    }
    if end > 0 && text[end..].starts_with('!') {
        end += 1;
    }
    let rest = text[end..].trim_start();
    (end > 0 && (rest.is_empty() || rest.starts_with(['(', '{', '[', '<', ':', ';']))).then(|| &text[..end])
}

/// Completion of plain names: no parentheses, snippets, imports, or expressions of several names.
fn names_only() -> CompletionConfig<'static> {
    CompletionConfig {
        enable_postfix_completions: false,
        enable_imports_on_the_fly: false,
        enable_self_on_the_fly: false,
        enable_auto_iter: false,
        enable_auto_await: false,
        enable_private_editable: false,
        enable_term_search: false,
        term_search_fuel: 0,
        full_function_signatures: false,
        callable: None,
        add_colons_to_module: false,
        add_semicolon_to_unit: false,
        snippet_cap: None,
        insert_use: InsertUseConfig {
            granularity: ImportGranularity::Item,
            enforce_granularity: false,
            prefix_kind: PrefixKind::Plain,
            group: false,
            skip_glob_imports: false,
        },
        prefer_no_std: false,
        prefer_prelude: true,
        prefer_absolute: false,
        snippets: Vec::new(),
        limit: None,
        fields_to_resolve: CompletionFieldsToResolve::empty(),
        exclude_flyimport: Vec::new(),
        exclude_traits: &[],
        ra_fixture: RaFixtureConfig::default(),
    }
}

/// The word for a kind of item.
fn kind(kind: CompletionItemKind) -> &'static str {
    let CompletionItemKind::SymbolKind(kind) = kind else {
        return if kind == CompletionItemKind::Keyword { "keyword" } else { "instance" };
    };
    match kind {
        SymbolKind::Enum
        | SymbolKind::SelfType
        | SymbolKind::Struct
        | SymbolKind::Trait
        | SymbolKind::TypeAlias
        | SymbolKind::TypeParam
        | SymbolKind::Union => "class",
        SymbolKind::Attribute
        | SymbolKind::BuiltinAttr
        | SymbolKind::Derive
        | SymbolKind::DeriveHelper
        | SymbolKind::Function
        | SymbolKind::Macro
        | SymbolKind::Method
        | SymbolKind::ProcMacro => "function",
        SymbolKind::CrateRoot | SymbolKind::Module | SymbolKind::ToolModule => "module",
        _ => "instance",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_alone_is_inserted() {
        for name in ["len", "r#type", "println!", "'static", "Ordering::Less", "self::", "0", "数"] {
            assert_eq!(name_in(name), Some(name));
        }
        for longer in ["f()", "f(..)", "f { x: () }", "f: u8", "f ", "f;"] {
            assert_eq!(name_in(longer), Some("f"), "{longer}");
        }
        for other in ["", "fn f() {", "else if", "f.map", "!", "..", "&f"] {
            assert_eq!(name_in(other), None, "{other}");
        }
    }
}
