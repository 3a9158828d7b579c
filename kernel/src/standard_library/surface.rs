//! What rust-analyzer needs of a source file to name the types of a notebook's variables: everything but the
//! bodies of functions.
//!
//! No question is about the inside of a dependency, yet rust-analyzer would parse all of it, and what
//! a macro writes once for each of twelve integer types it would parse twelve times.

use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind as Kind, tokenize};

/// Attributes in macros that say nothing about types.
const SILENT: [&str; 8] = [
    "doc",
    "inline",
    "must_use",
    "rustc_const_stable",
    "rustc_const_unstable",
    "rustc_inherit_overflow_checks",
    "stable",
    "track_caller",
];

/// The text of a source file without bodies of functions and comments that do not document anything, and
/// without the documentation of what macros make.
pub fn surface(text: &str) -> String {
    let mut start = 0;
    let mut tokens = Vec::new();
    for token in tokenize(text, FrontmatterAllowed::No) {
        let end = start + token.len as usize;
        tokens.push((token.kind, &text[start..end]));
        start = end;
    }
    let mut kept = String::with_capacity(text.len() / 2);
    Tokens(&tokens).surface(false, &mut kept);
    kept
}

#[derive(Clone, Copy)]
struct Tokens<'a>(&'a [(Kind, &'a str)]);

impl<'a> Tokens<'a> {
    fn surface(self, in_macro: bool, kept: &mut String) {
        let (mut at, mut body) = (0, None);
        while let Some(&(kind, text)) = self.0.get(at) {
            if body == Some(at) {
                kept.push_str("{ loop {} }");
                at = self.after_group(at);
                continue;
            }
            match kind {
                Kind::LineComment { doc_style } | Kind::BlockComment { doc_style, .. }
                    if in_macro || doc_style.is_none() =>
                {
                    kept.push(' ');
                }
                Kind::Pound if in_macro && self.is_silent(at) => {
                    at = self.after_group(self.next(at + 1));
                    continue;
                }
                Kind::Ident if text == "fn" => {
                    kept.push_str(text);
                    let name = self.kind(self.next(at + 1));
                    if matches!(name, Some(Kind::Ident | Kind::RawIdent | Kind::Dollar)) {
                        body = self.body(at);
                    }
                }
                Kind::Ident if text == "macro_rules" => {
                    let group = self.0[at..].iter().position(|(kind, _)| is_opener(*kind));
                    let Some(group) = group.map(|length| at + length) else { break };
                    let end = self.after_group(group);
                    self.part(at, group).copy(kept);
                    self.part(group, end).rules(kept);
                    at = end;
                    continue;
                }
                _ => kept.push_str(text),
            }
            at += 1;
        }
    }

    /// The rules of a macro: what they match stays as it is.
    fn rules(self, kept: &mut String) {
        let mut at = 1;
        let mut matcher = true;
        self.part(0, 1).copy(kept);
        while at < self.0.len() {
            let end = match self.kind(at) {
                Some(kind) if is_opener(kind) => {
                    let end = self.after_group(at);
                    match matcher {
                        true => self.part(at, end).copy(kept),
                        false => self.part(at, end).surface(true, kept),
                    }
                    matcher = !matcher;
                    end
                }
                _ => {
                    self.part(at, at + 1).copy(kept);
                    at + 1
                }
            };
            at = end;
        }
    }

    /// Where the body of the function begins whose `fn` stands at `at`, if it has one.
    fn body(self, at: usize) -> Option<usize> {
        let (mut at, mut last) = (at + 1, Kind::Ident);
        while let Some(kind) = self.kind(at) {
            at = match kind {
                Kind::OpenBrace if last != Kind::Lt => return Some(at),
                Kind::Semi | Kind::CloseBrace | Kind::CloseParen | Kind::CloseBracket => return None,
                _ if is_opener(kind) => self.after_group(at),
                _ => at + 1,
            };
            if !is_space(kind) {
                last = kind;
            }
        }
        None
    }

    /// Whether `#` at `at` begins an attribute that says nothing about types.
    fn is_silent(self, at: usize) -> bool {
        let bracket = self.next(at + 1);
        let name = self.next(bracket + 1);
        self.kind(bracket) == Some(Kind::OpenBracket)
            && self.0.get(name).is_some_and(|(_, text)| SILENT.contains(text))
    }

    /// What comes after the group that opens at `at`.
    fn after_group(self, at: usize) -> usize {
        let mut depth = 0;
        for (index, (kind, _)) in self.0.iter().enumerate().skip(at) {
            if is_opener(*kind) {
                depth += 1;
            } else if matches!(kind, Kind::CloseBrace | Kind::CloseParen | Kind::CloseBracket) {
                depth -= 1;
                if depth == 0 {
                    return index + 1;
                }
            }
        }
        self.0.len()
    }

    /// The first token from `at` on that is neither space nor comment.
    fn next(self, at: usize) -> usize {
        at + self.0.iter().skip(at).take_while(|(kind, _)| is_space(*kind)).count()
    }

    fn kind(self, at: usize) -> Option<Kind> {
        self.0.get(at).map(|(kind, _)| *kind)
    }

    fn part(self, from: usize, to: usize) -> Tokens<'a> {
        Tokens(&self.0[from..to.min(self.0.len())])
    }

    fn copy(self, kept: &mut String) {
        kept.extend(self.0.iter().map(|(_, text)| *text));
    }
}

fn is_opener(kind: Kind) -> bool {
    matches!(kind, Kind::OpenBrace | Kind::OpenParen | Kind::OpenBracket)
}

fn is_space(kind: Kind) -> bool {
    matches!(kind, Kind::Whitespace | Kind::LineComment { .. } | Kind::BlockComment { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_remarks_go_and_signatures_and_documentation_stay() {
        let text = "/// Doubles.\npub fn twice(n: [u8; { 2 }]) -> Wrap<{ 3 }> where A: B, { n * 2 } // why\nstruct A;";
        let kept = surface(text);
        assert_eq!(
            kept,
            "/// Doubles.\npub fn twice(n: [u8; { 2 }]) -> Wrap<{ 3 }> where A: B, { loop {} }  \nstruct A;"
        );
    }

    #[test]
    fn what_has_no_body_stays_whole() {
        for text in [
            "trait T { fn a(&self); const N: usize = { 1 }; }",
            "type F = fn(u8) -> u8; struct S { a: fn() }",
        ] {
            assert_eq!(surface(text), text);
        }
    }

    #[test]
    fn a_macro_keeps_what_it_matches_and_makes_functions_without_bodies() {
        let text = "macro_rules! m { (#[doc = $d:expr] fn $n:ident() { $b:tt }) => \
                    { #[doc = $d] #[cfg(x)] fn $n() -> u8 { $b } }; }";
        let kept = surface(text);
        assert_eq!(
            kept,
            "macro_rules! m { (#[doc = $d:expr] fn $n:ident() { $b:tt }) => \
             {  #[cfg(x)] fn $n() -> u8 { loop {} } }; }"
        );
    }

    #[test]
    fn what_does_not_parse_is_no_trouble() {
        for text in ["", "fn", "fn a", "fn a(", "macro_rules", "macro_rules! m {", "}}}", "fn a() { \"", "#["]
        {
            surface(text);
        }
    }
}
