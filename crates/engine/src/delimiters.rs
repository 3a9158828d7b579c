//! The delimiters of a cell: they have to be balanced, or the code around the cell would be part of it.

use std::ops::Range;

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// The deepest nesting that is compiled. rustc's own parser overflows its stack at some thousands.
const MAX_DEPTH: usize = 500;

/// An error in the tokens of a cell, in rustc's words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unbalanced {
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) range: Range<usize>,
    /// A second place of the error, with its label.
    pub(crate) other: Option<(Range<usize>, &'static str)>,
}

/// Checks that delimiters are balanced and that literals and comments end.
pub(crate) fn check(cell: &str) -> Result<(), Unbalanced> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut at = 0;
    for token in tokenize(cell, FrontmatterAllowed::No) {
        let range = at..at + token.len as usize;
        at = range.end;
        let error = |code, message: &str| {
            Err(Unbalanced { code, message: message.into(), range: range.clone(), other: None })
        };
        match token.kind {
            TokenKind::OpenBrace => open.push((range.start, '{')),
            TokenKind::OpenParen => open.push((range.start, '(')),
            TokenKind::OpenBracket => open.push((range.start, '[')),
            TokenKind::CloseBrace => close(&mut open, '{', '}', range.clone())?,
            TokenKind::CloseParen => close(&mut open, '(', ')', range.clone())?,
            TokenKind::CloseBracket => close(&mut open, '[', ']', range.clone())?,
            TokenKind::BlockComment { terminated: false, .. } => {
                return error(Some("E0758"), "unterminated block comment");
            }
            TokenKind::Literal { kind, .. } if !is_terminated(kind) => {
                let (code, what) = match kind {
                    LiteralKind::Char { .. } => ("E0762", "unterminated character literal"),
                    LiteralKind::Byte { .. } => ("E0763", "unterminated byte constant"),
                    LiteralKind::RawStr { .. }
                    | LiteralKind::RawByteStr { .. }
                    | LiteralKind::RawCStr { .. } => ("E0748", "unterminated raw string"),
                    LiteralKind::ByteStr { .. } => ("E0766", "unterminated double quote byte string"),
                    _ => ("E0765", "unterminated double quote string"),
                };
                return error(Some(code), what);
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return error(None, &format!("delimiters are nested more than {MAX_DEPTH} deep"));
        }
    }
    match open.pop() {
        None => Ok(()),
        Some((start, _)) => Err(Unbalanced {
            code: None,
            message: "this cell contains an unclosed delimiter".into(),
            range: start..start + 1,
            other: Some((cell.len()..cell.len(), "the cell ends here")),
        }),
    }
}

fn close(
    open: &mut Vec<(usize, char)>,
    opening: char,
    closing: char,
    range: Range<usize>,
) -> Result<(), Unbalanced> {
    match open.pop() {
        Some((_, last)) if last == opening => Ok(()),
        None => Err(Unbalanced {
            code: None,
            message: format!("unexpected closing delimiter: `{closing}`"),
            range,
            other: None,
        }),
        Some((start, _)) => Err(Unbalanced {
            code: None,
            message: format!("mismatched closing delimiter: `{closing}`"),
            range,
            other: Some((start..start + 1, "unclosed delimiter")),
        }),
    }
}

fn is_terminated(kind: LiteralKind) -> bool {
    match kind {
        LiteralKind::Char { terminated }
        | LiteralKind::Byte { terminated }
        | LiteralKind::Str { terminated }
        | LiteralKind::ByteStr { terminated }
        | LiteralKind::CStr { terminated } => terminated,
        LiteralKind::RawStr { n_hashes }
        | LiteralKind::RawByteStr { n_hashes }
        | LiteralKind::RawCStr { n_hashes } => n_hashes.is_some(),
        LiteralKind::Int { .. } | LiteralKind::Float { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_cells_pass() {
        for cell in [
            "",
            "f(a[1])",
            "'{'",
            "\"}\"",
            "r#\"(\"#",
            "// (",
            "/* { /* } */ */",
            "b'['",
            "'a: loop {}",
            "c\"(\"",
        ] {
            assert_eq!(check(cell), Ok(()), "{cell}");
        }
    }

    #[test]
    fn errors_are_those_of_rustc() {
        let message = |cell: &str| check(cell).unwrap_err().message;
        assert_eq!(message("}"), "unexpected closing delimiter: `}`");
        assert_eq!(message("f(]"), "mismatched closing delimiter: `]`");
        assert_eq!(message("fn f() {"), "this cell contains an unclosed delimiter");
        assert_eq!(message("let s = \"no end"), "unterminated double quote string");
        assert_eq!(message("/* open\nlet x = 1;"), "unterminated block comment");
        assert_eq!(message("r#\"a\""), "unterminated raw string");
        assert!(message(&"{".repeat(16_000)).starts_with("delimiters are nested more than"));
    }
}
