//! An entry of the ledger, and the entries that it replaces.

use std::ops::Range;
use std::sync::Arc;

use crate::items::{ItemKind, Static};
use crate::source::Fragment;
use crate::words::Words;

/// An item of the session.
#[derive(Clone, Debug)]
pub(crate) struct LedgerEntry {
    pub(crate) kind: ItemKind,
    pub(crate) names: Vec<String>,
    pub(crate) words: Words,
    pub(crate) code: Fragment,
    pub(crate) statics: Vec<Static>,
    /// The parts that later cells have replaced: methods of an inherent `impl`.
    pub(crate) removed: Vec<Range<usize>>,
    /// A hash of the code.
    pub(crate) hash: u64,
    /// The number of earlier definitions of the same code in the session.
    pub(crate) occurrence: usize,
    /// Whether a loaded object defines the statics.
    pub(crate) is_instantiated: bool,
}

/// The names whose meaning in a type changes when a new entry replaces an old one.
pub(crate) fn changed_names(new: &LedgerEntry, old: &LedgerEntry) -> Vec<String> {
    match (&new.kind, &old.kind) {
        _ if new.hash == old.hash => Vec::new(),
        // A type can depend on the associated types of a trait's `impl` only.
        (ItemKind::TraitImpl { types, .. }, ItemKind::TraitImpl { types: before, header_words, .. })
            if types != before =>
        {
            header_words.iter().cloned().collect()
        }
        (
            _,
            ItemKind::Type
            | ItemKind::Trait { .. }
            | ItemKind::Module
            | ItemKind::Const
            | ItemKind::Macro { .. }
            | ItemKind::Use { .. },
        ) => old.names.clone(),
        _ => Vec::new(),
    }
}

/// Whether a new entry replaces an old one.
pub(crate) fn replaces(new: &LedgerEntry, old: &LedgerEntry) -> bool {
    let shares_name = || new.names.iter().any(|name| old.names.contains(name));
    let same_cell = || new.code.source.id.is_some() && new.code.source.id == old.code.source.id;
    let is_another = !Arc::ptr_eq(&new.code.source, &old.code.source);
    match (&new.kind, &old.kind) {
        (ItemKind::Macro { .. }, ItemKind::Macro { .. }) => shares_name(),
        (ItemKind::Use { path, .. }, ItemKind::Use { path: other, .. }) => {
            path == other || is_another && shares_name()
        }
        (ItemKind::TraitImpl { header, .. }, ItemKind::TraitImpl { header: other, .. }) => {
            is_another && header == other
        }
        (ItemKind::InherentImpl { self_type, .. }, ItemKind::InherentImpl { self_type: other, .. }) => {
            is_another && self_type == other && (same_cell() || new.hash == old.hash)
        }
        (ItemKind::MacroCall { name }, ItemKind::MacroCall { name: other }) => {
            is_another && name == other && (same_cell() || new.hash == old.hash)
        }
        (ItemKind::Other, ItemKind::Other) => is_another && (shares_name() || new.hash == old.hash),
        (new_kind, old_kind) => is_another && overlap(new_kind, old_kind) && shares_name(),
    }
}

/// Whether two kinds of item are in one namespace.
fn overlap(new: &ItemKind, old: &ItemKind) -> bool {
    let is_type =
        |kind: &ItemKind| matches!(kind, ItemKind::Type | ItemKind::Trait { .. } | ItemKind::Module);
    let is_value = |kind: &ItemKind| matches!(kind, ItemKind::Function | ItemKind::Const | ItemKind::Static);
    let is_named = |kind: &ItemKind| is_type(kind) || is_value(kind);
    let is_import = |kind: &ItemKind| matches!(kind, ItemKind::Use { .. });
    is_type(new) && is_type(old) || is_value(new) && is_value(old) || is_named(new) && is_import(old)
}

/// Removes from an inherent `impl` of another cell the methods that a new one has as well.
pub(crate) fn remove_members(new: &LedgerEntry, old: &mut Arc<LedgerEntry>) {
    let (
        ItemKind::InherentImpl { self_type, members, .. },
        ItemKind::InherentImpl { self_type: other, members: theirs, .. },
    ) = (&new.kind, &old.kind)
    else {
        return;
    };
    if self_type != other || Arc::ptr_eq(&new.code.source, &old.code.source) {
        return;
    }
    let is_replaced = |name: &String| members.iter().any(|(own, _)| own == name);
    let ranges: Vec<_> =
        theirs.iter().filter(|(name, _)| is_replaced(name)).map(|(_, range)| range.clone()).collect();
    if !ranges.is_empty() {
        let old = Arc::make_mut(old);
        old.removed.extend(ranges);
        old.removed.sort_by_key(|range| range.start);
        old.removed.dedup();
        if let ItemKind::InherentImpl { members: theirs, .. } = &mut old.kind {
            theirs.retain(|(name, _)| !is_replaced(name));
        }
    }
}
