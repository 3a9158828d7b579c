//! The names that could stand at a place.

use crate::protocol::Match;
use ra_ap_hir::PrefixKind;
use ra_ap_ide::{
    Analysis, Cancellable, CompletionConfig, CompletionFieldsToResolve, CompletionItem, CompletionItemKind,
    FilePosition, RaFixtureConfig, SymbolKind, TextRange,
};
use ra_ap_ide_db::imports::insert_use::{ImportGranularity, InsertUseConfig};

/// The names that could stand at a place, and the text that they replace.
pub struct Completions {
    /// The names, sorted, each of them once.
    pub matches: Vec<Match>,
    /// Where the word at the place starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Completions {
    /// None, at `offset` in `text`.
    pub fn none(text: &str, offset: usize) -> Completions {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let start = text[..offset].trim_end_matches(is_part).len();
        let end = text.len() - text[offset..].trim_start_matches(is_part).len();
        Completions { matches: Vec::new(), start, end }
    }
}

/// Asks rust-analyzer.
pub fn complete(analysis: &Analysis, text: &str, position: FilePosition) -> Cancellable<Completions> {
    let items = analysis.completions(&names_only(), position, None)?.unwrap_or_default();
    let mut found = Completions::none(text, position.offset.into());
    let mut names: Vec<_> = items.iter().filter_map(|item| Name::of(item, text, position)).collect();
    // Nearly all replace the word. In places rust-analyzer means another range, the same for all.
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

/// A completion that inserts a name.
struct Name<'a> {
    text: &'a str,
    kind: &'static str,
    replaced: TextRange,
}

impl<'a> Name<'a> {
    /// That of a completion, unless it inserts something else, or does not continue what is typed.
    fn of(item: &'a CompletionItem, text: &str, position: FilePosition) -> Option<Name<'a>> {
        let mut edits = item.text_edit.iter();
        let (Some(edit), None) = (edits.next(), edits.next()) else { return None };
        let (name, replaced) = (edit.insert.as_str(), edit.delete);
        if !item.import_to_add.is_empty() || !replaced.contains_inclusive(position.offset) {
            return None;
        }
        let typed = &text[TextRange::new(replaced.start(), position.offset)];
        let continues = name.starts_with(typed) || name.trim_start_matches("r#").starts_with(typed);
        (is_name(name) && continues).then(|| Name { text: name, kind: kind(item.kind), replaced })
    }
}

/// Whether `text` is a name, a path, a macro's name with its `!`, or a lifetime.
fn is_name(text: &str) -> bool {
    let text = text.trim_start_matches("r#").trim_start_matches('\'').trim_end_matches('!');
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':')
}

/// Nothing that a name can do without: parentheses, snippets, imports, and expressions of several names.
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
    fn a_name_is_a_name() {
        for name in ["len", "r#type", "println!", "'static", "Ordering::Less", "self::", "数"] {
            assert!(is_name(name), "{name}");
        }
        for other in ["", "f()", "Point { x: (), y: () }", "fn f() {", "iter().map", "impl for", "!"] {
            assert!(!is_name(other), "{other}");
        }
    }

    #[test]
    fn without_names_the_word_would_be_replaced() {
        let none = Completions::none("let é = ab_数c + 1", 13);
        assert_eq!((none.start, none.end), (9, 16));
        let none = Completions::none("", 0);
        assert_eq!((none.start, none.end), (0, 0));
    }
}
