//! SPDX expressions, as the field `license` of a manifest has them.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

type Words = Peekable<IntoIter<String>>;

/// Whether the terms of an expression can be met with licences that are allowed. Invalid expressions are not
/// allowed.
pub(crate) fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // In old manifests, a slash is an "or".
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut words = words.into_iter().peekable();
    any(&mut words, allowed) == Some(true) && words.next().is_none()
}

fn any(words: &mut Words, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut is_met = all(words, allowed)?;
    while words.next_if(|word| word == "OR").is_some() {
        is_met |= all(words, allowed)?;
    }
    Some(is_met)
}

fn all(words: &mut Words, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut is_met = one(words, allowed)?;
    while words.next_if(|word| word == "AND").is_some() {
        is_met &= one(words, allowed)?;
    }
    Some(is_met)
}

fn one(words: &mut Words, allowed: &BTreeSet<String>) -> Option<bool> {
    if words.next_if(|word| word == "(").is_some() {
        let is_met = any(words, allowed)?;
        return words.next_if(|word| word == ")").map(|_| is_met);
    }
    let mut name = words.next_if(|word| !["OR", "AND", "WITH", ")"].contains(&word.as_str()))?;
    if words.next_if(|word| word == "WITH").is_some() {
        name = format!("{name} WITH {}", words.next()?);
    }
    Some(allowed.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_has_them() {
        let allowed: BTreeSet<String> =
            ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(Into::into).into();
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "GPL-3.0 OR MIT AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT AND (GPL-3.0 OR AGPL-3.0)",
            "MIT WITH some-exception",
            "MIT OR",
            "(MIT",
            "MIT Apache-2.0",
            "no licence",
        ] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }
}
