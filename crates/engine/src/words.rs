//! The identifiers of code, and places in a cell that is parsed as the body of a function.

use std::collections::BTreeSet;
use std::ops::Range;

use ra_ap_syntax::{NodeOrToken, SyntaxKind, SyntaxNode, SyntaxToken, TextRange};

/// Identifiers, without the `r#` of raw ones.
pub(crate) type Words = BTreeSet<String>;

/// The function around a cell that is parsed: its start, and its end.
pub(crate) const BEFORE: &str = "fn f() {\n";
pub(crate) const AFTER: &str = "\n}";

/// The range of a node in the cell.
pub(crate) fn range(node: &SyntaxNode) -> Range<usize> {
    shifted(node.text_range())
}

/// A range of the parsed text in the cell.
pub(crate) fn shifted(range: TextRange) -> Range<usize> {
    usize::from(range.start()) - BEFORE.len()..usize::from(range.end()) - BEFORE.len()
}

/// The tokens of a node.
pub(crate) fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens().filter_map(NodeOrToken::into_token)
}

/// All identifiers of a node, also those in the arguments of macros and in format strings.
pub(crate) fn words_of(node: &SyntaxNode) -> Words {
    words_except(node, &[])
}

/// The identifiers of a node, except for those at these places.
pub(crate) fn words_except(node: &SyntaxNode, places: &[TextRange]) -> Words {
    let mut words = Words::new();
    for token in tokens(node).filter(|token| !places.contains(&token.text_range())) {
        match token.kind() {
            SyntaxKind::WHITESPACE | SyntaxKind::COMMENT => {}
            SyntaxKind::STRING => words.extend(captured(token.text())),
            _ if token.text().starts_with(is_ident_start) => {
                words.insert(unraw(token.text()).to_owned());
            }
            _ => {}
        }
    }
    words
}

/// Whether an identifier can begin so.
pub(crate) fn is_ident_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

/// The identifiers that a string captures if it is the format of `println!`: those behind a `{`, and the
/// widths and precisions before a `$`.
fn captured(string: &str) -> impl Iterator<Item = String> {
    let ident =
        |text: &str| -> String { text.chars().take_while(|&c| c == '_' || c.is_alphanumeric()).collect() };
    string.split('{').skip(1).flat_map(move |rest| {
        let inside = rest.split('}').next().unwrap_or_default();
        let first = ident(inside);
        let counts = inside.split('$').rev().skip(1).map(|part| {
            let start = part.rfind(|c: char| c != '_' && !c.is_alphanumeric()).map_or(0, |at| at + 1);
            part.get(start..).unwrap_or_default().to_owned()
        });
        std::iter::once(first)
            .chain(counts.collect::<Vec<_>>())
            .filter(|word| word.starts_with(is_ident_start))
    })
}

/// An identifier without `r#`.
pub(crate) fn unraw(ident: &str) -> &str {
    ident.strip_prefix("r#").unwrap_or(ident)
}
