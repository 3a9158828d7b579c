//! The ledger of a session: the items that cells have defined, in order, and the variables that cells have left, with
//! their types.
//!
//! *Invariant:* no two entries have the same key. An entry that replaces another takes its position, so that the code
//! generated for an unchanged cell is the same after any number of executions.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use crate::entry::{LedgerEntry, changed_names, remove_members, replaces};
use crate::items::{Item, ItemKind, Macros};
use crate::source::{Fragment, Source, hash};
use crate::type_reach::{TypeReach, words_of_type};
use crate::variable::{Lost, Variable};
use crate::words::Words;

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Arc<LedgerEntry>>,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) lost: BTreeMap<String, Lost>,
    /// The number of definitions of each code.
    occurrences: HashMap<u64, usize>,
    /// The redefined types, with the hash of their current definition.
    redefined: BTreeMap<String, u64>,
}

/// The effects of a cell's items on earlier variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    /// The variables that are dropped, each with the name of the redefined type that its own type contains.
    pub(crate) dropped: Vec<(String, String)>,
}

/// The definition of an item as tokens: equal for texts that differ in spaces and comments only.
fn tokens(text: &str) -> String {
    let mut at = 0;
    let mut tokens = String::new();
    for token in ra_ap_rustc_lexer::tokenize(text, ra_ap_rustc_lexer::FrontmatterAllowed::No) {
        let piece = &text[at..at + token.len as usize];
        at += token.len as usize;
        use ra_ap_rustc_lexer::TokenKind::{BlockComment, LineComment, Whitespace};
        if !matches!(token.kind, Whitespace | LineComment { .. } | BlockComment { .. }) {
            tokens += piece;
            tokens.push(' ');
        }
    }
    tokens
}

impl Ledger {
    /// The numbers of entries and variables: an adapted compilation has removed some.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.variables.len())
    }

    pub(crate) fn entries(&self) -> &[Arc<LedgerEntry>] {
        &self.entries
    }

    fn has_macro(&self, name: &str, is_such: impl Fn(&LedgerEntry, bool) -> bool) -> bool {
        self.entries.iter().any(|entry| match entry.kind {
            ItemKind::Macro { makes_items } => {
                entry.names.iter().any(|own| own == name) && is_such(entry, makes_items)
            }
            _ => false,
        })
    }

    /// Whether a pattern of this name alone is a constant or a unit struct, and binds no variable.
    pub(crate) fn is_pattern(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| {
            let is_value = matches!(entry.kind, ItemKind::Const | ItemKind::Static)
                || entry.kind == ItemKind::Type && entry.code.text().trim_end().ends_with(';');
            is_value && entry.names.iter().any(|own| own == name)
        })
    }

    /// Defines the items of a cell, each in the place of the one that it replaces.
    pub(crate) fn define(&mut self, source: &Arc<Source>, items: &[Item]) -> Changes {
        let before = self.entries.clone();
        let mut changed = BTreeSet::new();
        for item in items {
            self.define_one(source, item, &mut changed);
        }
        let dropped = self.change(&before, &changed);
        for name in &changed {
            let now = self.entries.iter().filter(|entry| entry.names.contains(name)).map(|entry| entry.hash);
            self.redefined.insert(name.clone(), now.fold(0, |all, hash| all.rotate_left(7) ^ hash));
        }
        let values = items
            .iter()
            .filter(|item| matches!(item.kind, ItemKind::Function | ItemKind::Const | ItemKind::Static));
        for name in values.flat_map(|item| &item.names) {
            if self.variables.remove(name).is_some() {
                self.lost.insert(name.clone(), Lost::Shadowed);
            }
        }
        Changes { dropped }
    }

    /// Records that these names refer to recompiled crates, whose environment has the hash `content`. Returns
    /// the variables that are dropped.
    pub(crate) fn replace_crates(&mut self, names: &[String], content: u64) -> Vec<(String, String)> {
        let changed = names.iter().cloned().collect();
        let dropped = self.change(&self.entries.clone(), &changed);
        self.redefined.extend(changed.into_iter().map(|name| (name, content)));
        dropped
    }

    /// Drops the variables whose types contain a changed name, by the definitions `before`, and resets the
    /// statics that do so.
    fn change(&mut self, before: &[Arc<LedgerEntry>], changed: &BTreeSet<String>) -> Vec<(String, String)> {
        let mut dropped = Vec::new();
        if changed.is_empty() {
            return dropped;
        }
        let reach = TypeReach::new(before);
        self.variables.retain(|name, variable| {
            let culprit = reach.first_of(changed, &words_of_type(&variable.r#type));
            dropped.extend(culprit.clone().map(|culprit| (name.clone(), culprit)));
            culprit.is_none()
        });
        for entry in &mut self.entries {
            if entry.is_instantiated && reach.first_of(changed, &entry.words).is_some() {
                let entry = Arc::make_mut(entry);
                entry.is_instantiated = false;
                entry.occurrence = next(&mut self.occurrences, entry.hash);
            }
        }
        for (name, culprit) in &dropped {
            self.lost.insert(name.clone(), Lost::Redefined(culprit.clone()));
        }
        dropped
    }

    fn define_one(&mut self, source: &Arc<Source>, item: &Item, changed: &mut BTreeSet<String>) {
        let code = Fragment { source: source.clone(), range: item.range.clone() };
        let text = match &item.kind {
            ItemKind::Use { path, .. } => path.clone(),
            _ => tokens(code.text()),
        };
        let hash = hash(&text);
        let mut entry = LedgerEntry {
            kind: item.kind.clone(),
            names: item.names.clone(),
            words: item.words.clone(),
            code,
            statics: item.statics.clone(),
            removed: Vec::new(),
            hash,
            occurrence: 0,
            is_instantiated: false,
        };
        if !entry.statics.is_empty() {
            entry.occurrence = next(&mut self.occurrences, hash);
        }
        let mut position = None;
        let mut kept = Vec::with_capacity(self.entries.len() + 1);
        for mut old in std::mem::take(&mut self.entries) {
            if replaces(&entry, &old) {
                changed.extend(changed_names(&entry, &old));
                position.get_or_insert(kept.len());
            } else {
                remove_members(&entry, &mut old);
                kept.push(old);
            }
        }
        kept.insert(position.unwrap_or(kept.len()), Arc::new(entry));
        self.entries = kept;
    }

    /// Removes the entries of earlier cells that contain this place. Returns whether there was one.
    pub(crate) fn remove_at(&mut self, source: &Arc<Source>, range: &Range<usize>) -> bool {
        let count = self.entries.len();
        self.entries.retain(|entry| {
            let code = &entry.code;
            !(Arc::ptr_eq(&code.source, source)
                && code.range.start <= range.start
                && range.end <= code.range.end)
        });
        self.entries.len() < count
    }

    /// The entries that code with these identifiers reaches, as ascending indices.
    pub(crate) fn reach<'a>(&'a self, words: impl IntoIterator<Item = &'a String>) -> Vec<usize> {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let members = match &entry.kind {
                ItemKind::Trait { members } => Some(members),
                _ => None,
            };
            let names = entry.names.iter().chain(members.into_iter().flatten());
            names.for_each(|name| by_name.entry(name).or_default().push(index));
        }
        let mut included = vec![false; self.entries.len()];
        let mut seen: HashSet<&str> = HashSet::new();
        let mut queue: Vec<&str> = words.into_iter().map(String::as_str).collect();
        // The imports that bring traits into scope cannot be determined, so all imports are included.
        for (index, entry) in self.entries.iter().enumerate() {
            if matches!(entry.kind, ItemKind::Use { .. })
                || entry.kind == ItemKind::Other && entry.names.is_empty()
            {
                included[index] = true;
                queue.extend(entry.words.iter().map(String::as_str));
            }
        }
        loop {
            while let Some(word) = queue.pop() {
                if !seen.insert(word) {
                    continue;
                }
                for &index in by_name.get(word).into_iter().flatten() {
                    if !std::mem::replace(&mut included[index], true) {
                        queue.extend(self.entries[index].words.iter().map(String::as_str));
                    }
                }
            }
            let reached = |included: &[bool], header: &Words| {
                let local = |word: &String| by_name.get(word.as_str()).map(Vec::as_slice).unwrap_or_default();
                let is_trait = |&&index: &&usize| matches!(self.entries[index].kind, ItemKind::Trait { .. });
                let is_import = |&&index: &&usize| matches!(self.entries[index].kind, ItemKind::Use { .. });
                let all: Vec<usize> =
                    header.iter().flat_map(local).filter(|i| !is_import(i)).copied().collect();
                let types: Vec<usize> = all.iter().filter(|i| !is_trait(i)).copied().collect();
                let decisive = if types.is_empty() { all } else { types };
                decisive.is_empty() || decisive.iter().any(|&index| included[index])
            };
            for (index, entry) in self.entries.iter().enumerate() {
                let is_reached = match &entry.kind {
                    ItemKind::TraitImpl { header_words, .. }
                    | ItemKind::InherentImpl { header_words, .. } => reached(&included, header_words),
                    // It may expand to an `impl`, so it is included with any type or trait that it or its
                    // macro names.
                    ItemKind::MacroCall { name } => {
                        let of_macro = by_name
                            .get(name.as_str())
                            .into_iter()
                            .flatten()
                            .map(|&index| &self.entries[index].words);
                        let words = of_macro.flatten().chain(&entry.words);
                        let named = words.flat_map(|word| by_name.get(word.as_str()).into_iter().flatten());
                        let is_type = |index: &&usize| {
                            matches!(self.entries[**index].kind, ItemKind::Type | ItemKind::Trait { .. })
                        };
                        named.filter(is_type).any(|&index| included[index])
                    }
                    _ => false,
                };
                if !included[index] && is_reached {
                    included[index] = true;
                    queue.extend(entry.words.iter().map(String::as_str));
                }
            }
            if queue.is_empty() {
                break;
            }
        }
        (0..included.len()).filter(|&index| included[index]).collect()
    }

    /// Records that a loaded object defines the statics of these entries.
    pub(crate) fn instantiate(&mut self, indices: &[usize]) {
        for &index in indices {
            Arc::make_mut(&mut self.entries[index]).is_instantiated = true;
        }
    }

    /// Restores the record of the defined statics from `earlier`, whose objects are still loaded.
    pub(crate) fn forget_statics(&mut self, earlier: &Ledger) {
        let key = |entry: &LedgerEntry| (entry.hash, entry.occurrence);
        let alive: HashSet<_> =
            earlier.entries.iter().filter(|e| e.is_instantiated).map(|e| key(e)).collect();
        for entry in &mut self.entries {
            if entry.is_instantiated && !alive.contains(&key(entry)) {
                Arc::make_mut(entry).is_instantiated = false;
            }
        }
    }

    /// Records that the process with all variables and objects has ended.
    pub(crate) fn forget_process(&mut self) {
        let names = std::mem::take(&mut self.variables).into_keys();
        self.lost.extend(names.map(|name| (name, Lost::Ended)));
        self.forget_statics(&Ledger::default());
    }

    /// Records that the process was restored from a copy, which has no threads: removes the handles of
    /// threads and tasks from the variables. Returns their names.
    pub(crate) fn forget_threads(&mut self) -> Vec<String> {
        let handles = BTreeSet::from(["JoinHandle".to_owned(), "ScopedJoinHandle".to_owned()]);
        let reach = TypeReach::new(&self.entries);
        let has_handle =
            |variable: &Variable| reach.first_of(&handles, &words_of_type(&variable.r#type)).is_some();
        let names = self.variables.iter().filter(|(_, variable)| has_handle(variable));
        let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        for name in &names {
            self.variables.remove(name);
            self.lost.insert(name.clone(), Lost::ThreadEnded);
        }
        names
    }

    /// The first of these names that a type contains, of which the identifiers are given, through the definitions of
    /// the types that it names.
    pub(crate) fn type_reaches(&self, names: &BTreeSet<String>, ty: &Words) -> Option<String> {
        TypeReach::new(&self.entries).first_of(names, ty)
    }

    /// A number that changes when a type is redefined, so that the `TypeId`s of the old and the new one
    /// differ.
    pub(crate) fn generation(&self) -> u64 {
        let text: String = self.redefined.iter().map(|(name, hash)| format!("{name}={hash:x} ")).collect();
        hash(&text)
    }
}

impl Macros for Ledger {
    fn makes_items(&self, name: &str) -> bool {
        self.has_macro(name, |_, makes_items| makes_items)
    }

    fn binds(&self, name: &str) -> bool {
        self.has_macro(name, |entry, _| entry.words.contains("let"))
    }
}

fn next(occurrences: &mut HashMap<u64, usize>, hash: u64) -> usize {
    let count = occurrences.entry(hash).or_default();
    *count += 1;
    *count - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    fn source(number: usize, id: Option<&str>, text: &str) -> Arc<Source> {
        Arc::new(Source { serial: number, number, id: id.map(str::to_owned), text: text.into() })
    }

    fn define(ledger: &mut Ledger, number: usize, id: Option<&str>, text: &str) -> Changes {
        let cell = source(number, id, text);
        let items = parse(text, &*ledger).items;
        ledger.define(&cell, &items)
    }

    fn code(ledger: &Ledger) -> Vec<String> {
        ledger.entries.iter().map(|entry| entry.code.text().to_owned()).collect()
    }

    fn reached(ledger: &Ledger, words: &[&str]) -> Vec<String> {
        let words: Words = words.iter().map(|word| (*word).to_owned()).collect();
        ledger.reach(&words).into_iter().map(|index| ledger.entries[index].code.text().to_owned()).collect()
    }

    #[test]
    fn a_definition_takes_the_place_of_the_one_of_its_name() {
        let mut ledger = Ledger::default();
        define(&mut ledger, 1, None, "fn a() {} struct B; fn c() {}");
        define(&mut ledger, 2, None, "fn a() -> u8 { 1 }");
        assert_eq!(code(&ledger), ["fn a() -> u8 { 1 }", "struct B;", "fn c() {}"]);
        define(&mut ledger, 3, None, "enum B { X }");
        assert_eq!(code(&ledger)[1], "enum B { X }");
    }

    #[test]
    fn an_impl_replaces_the_one_with_its_header() {
        let mut ledger = Ledger::default();
        define(&mut ledger, 1, None, "trait S {} struct D; impl S for D {}");
        define(&mut ledger, 2, None, "impl S for D { /* better */ }");
        assert_eq!(code(&ledger), ["trait S {}", "struct D;", "impl S for D { /* better */ }"]);
    }

    #[test]
    fn an_inherent_impl_replaces_that_of_its_cell_and_methods_of_others() {
        let mut ledger = Ledger::default();
        define(&mut ledger, 1, Some("one"), "struct O; impl O { fn a(&self) {} fn b(&self) {} }");
        define(&mut ledger, 2, Some("two"), "impl O { fn b(&self) -> u8 { 2 } }");
        assert_eq!(ledger.entries[1].removed.len(), 1);
        define(&mut ledger, 3, Some("two"), "impl O { fn c(&self) {} }");
        assert_eq!(code(&ledger).len(), 3);
        assert_eq!(code(&ledger)[2], "impl O { fn c(&self) {} }");
    }

    #[test]
    fn an_impl_comes_with_its_type_and_a_trait_with_its_methods() {
        let mut ledger = Ledger::default();
        define(
            &mut ledger,
            1,
            None,
            "trait S { fn speak(&self) {} } struct D; struct E; impl S for D {} impl S for E {} fn unused() {}",
        );
        assert_eq!(
            reached(&ledger, &["D"]),
            ["trait S { fn speak(&self) {} }", "struct D;", "impl S for D {}"]
        );
        assert_eq!(reached(&ledger, &["speak"]), ["trait S { fn speak(&self) {} }"]);
    }

    #[test]
    fn variables_of_a_redefined_type_are_dropped_and_others_stay() {
        let mut ledger = Ledger::default();
        define(&mut ledger, 1, None, "struct M(u32); struct Outer { m: M } struct Other;");
        let typed = |ty: &str| Variable { r#type: ty.into(), is_mut: false };
        for (name, ty) in [("a", "M"), ("b", "std::vec::Vec<Outer>"), ("c", "Other"), ("d", "i32")] {
            ledger.variables.insert(name.into(), typed(ty));
        }
        let first = ledger.generation();
        assert_eq!(define(&mut ledger, 2, None, "struct M(u32); // the same").dropped, []);
        assert_eq!(ledger.generation(), first);
        let dropped = define(&mut ledger, 3, None, "struct M(f64);").dropped;
        assert_eq!(dropped, [("a".to_owned(), "M".to_owned()), ("b".to_owned(), "M".to_owned())]);
        assert_eq!(ledger.variables.keys().collect::<Vec<_>>(), ["c", "d"]);
        assert_ne!(ledger.generation(), first);
    }

    #[test]
    fn a_static_defined_again_is_another_one() {
        let mut ledger = Ledger::default();
        define(&mut ledger, 1, None, "static N: u8 = 1;");
        ledger.instantiate(&[0]);
        define(&mut ledger, 2, None, "static N: u8 = 1;");
        assert_eq!((ledger.entries[0].occurrence, ledger.entries[0].is_instantiated), (1, false));
    }
}
