//! The names that a type contains, through the definitions of the types that it names.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::entry::LedgerEntry;
use crate::items::ItemKind;
use crate::words::Words;

/// The identifiers of a type.
pub(crate) fn words_of_type(ty: &str) -> Words {
    ty.split(|c: char| c != '_' && !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The definitions of the types of a session.
pub(crate) struct TypeReach<'a> {
    words: HashMap<&'a str, Vec<&'a Words>>,
}

impl<'a> TypeReach<'a> {
    pub(crate) fn new(entries: &'a [Arc<LedgerEntry>]) -> TypeReach<'a> {
        let mut words: HashMap<&str, Vec<&Words>> = HashMap::new();
        for entry in entries {
            let defines = matches!(
                entry.kind,
                ItemKind::Type
                    | ItemKind::Trait { .. }
                    | ItemKind::Module
                    | ItemKind::Const
                    | ItemKind::Use { .. }
                    | ItemKind::Macro { .. }
                    | ItemKind::MacroCall { .. }
            );
            for name in entry.names.iter().filter(|_| defines) {
                words.entry(name).or_default().push(&entry.words);
            }
        }
        TypeReach { words }
    }

    /// The first changed name that code with these identifiers contains.
    pub(crate) fn first_of(&self, changed: &BTreeSet<String>, words: &Words) -> Option<String> {
        let mut seen = HashSet::new();
        let mut queue: Vec<&str> = words.iter().map(String::as_str).collect();
        while let Some(word) = queue.pop() {
            if changed.contains(word) {
                return Some(word.to_owned());
            }
            if seen.insert(word) {
                queue.extend(
                    self.words.get(word).into_iter().flatten().copied().flatten().map(String::as_str),
                );
            }
        }
        None
    }
}
