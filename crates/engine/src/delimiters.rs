//! The delimiters of a cell, which have to be balanced, or the generated code around the cell would become
//! part of it; and its nesting depth, which overflows the stack of a recursive parser.

use std::ops::Range;

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// The maximum nesting depth of a cell. rustc's own parser overflows its stack at some thousands.
const MAX_DEPTH: usize = 500;

/// The maximum number of tokens in an expression or type, between commas and semicolons. Each can be a level
/// of recursion.
const MAX_TOKENS: usize = 4096;

/// An error in the tokens of a cell, with rustc's message.
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
    let mut nesting = Nesting::default();
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
        if nesting.add(token.kind, &cell[range.clone()]) > MAX_TOKENS {
            return error(
                None,
                &format!("an expression or type here has more than {MAX_TOKENS} tokens in a row"),
            );
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

/// An upper bound of a parser's recursion: the tokens since the last semicolon, comma or block, at each level
/// of delimiters.
struct Nesting {
    /// For each level of delimiters: the number of tokens, and an estimate of the open angle brackets.
    levels: Vec<(usize, usize)>,
    total: usize,
    last: Option<TokenKind>,
}

impl Default for Nesting {
    fn default() -> Nesting {
        Nesting { levels: vec![(0, 0)], total: 0, last: None }
    }
}

impl Nesting {
    /// Counts a token, and returns their number.
    fn add(&mut self, kind: TokenKind, text: &str) -> usize {
        use TokenKind::*;
        if matches!(kind, Whitespace | LineComment { .. } | BlockComment { .. }) {
            return self.total;
        }
        // A token after a block continues its expression, or starts another statement.
        if self.last == Some(CloseBrace) && !matches!(kind, Dot | Question) && text != "else" {
            self.reset();
        }
        let depth = self.levels.len();
        let Some((count, angles)) = self.levels.last_mut() else { return self.total };
        *count += 1;
        self.total += 1;
        match kind {
            Lt => *angles += 1,
            Gt if !matches!(self.last, Some(Minus | Eq)) => *angles = angles.saturating_sub(1),
            Comma if *angles > 0 => {}
            Comma | Semi => self.reset(),
            OpenBrace | OpenParen | OpenBracket => self.levels.push((0, 0)),
            CloseBrace | CloseParen | CloseBracket if depth > 1 => {
                self.reset();
                self.levels.pop();
            }
            _ => {}
        }
        self.last = Some(kind);
        self.total
    }

    fn reset(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.total -= level.0;
            *level = (0, 0);
        }
    }
}

/// Whether code may be nested so deeply that a parser needs more than a thread's default stack.
pub fn is_deep(code: &str) -> bool {
    const USUAL: usize = 512;
    let mut nesting = Nesting::default();
    let mut at = 0;
    tokenize(code, FrontmatterAllowed::No).any(|token| {
        let range = at..at + token.len as usize;
        at = range.end;
        nesting.add(token.kind, &code[range]) > USUAL || nesting.levels.len() > USUAL
    })
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

    #[test]
    fn what_is_nested_without_delimiters_is_refused() {
        let deep =
            |before: &str, level: &str, after: &str| format!("{before}{}{after}", level.repeat(20_000));
        for cell in [
            deep("let x: ", "Vec<", "u8;"),
            deep("let x: ", "HashMap<u8, ", "u8;"),
            deep("let x: ", "fn() -> ", "u8;"),
            deep("let x = ", "&", "1;"),
            deep("let x = ", "- ", "1;"),
            deep("let x = ", "|| ", "1;"),
            deep("let x = 1", " + 1", ";"),
            deep("let x = 1", ".clone()", ";"),
            deep("let x = 1", " as u8", ";"),
            deep("use ", "a::", "b;"),
            deep("if a {}", " else if a {}", ""),
            deep("", "return ", ""),
        ] {
            let message = check(&cell).unwrap_err().message;
            assert!(message.contains("more than 4096 tokens in a row"), "{}: {message}", &cell[..30]);
            assert!(is_deep(&cell));
        }
    }

    #[test]
    fn long_cells_are_not_deep() {
        let long = |part: &str| part.repeat(20_000);
        for cell in [
            long("fn f(a: &[u8]) -> Vec<u8> { a.to_vec() }\n"),
            long("let x = a < b && c > d;\n"),
            format!("let v = vec![{}];", long("(1, \"a\"), ")),
            format!("match x {{ {} }}", long("A => { f() } B(n) if n > 1 => g(n), ")),
            long("if a { b } else { c }\n"),
            long("impl<T: Fn(u8) -> u8> A<T> for B { type C = HashMap<u8, Vec<T>>; }\n"),
            long("struct S { a: HashMap<u8, Vec<u8>>, b: u8 }\n"),
        ] {
            assert_eq!(check(&cell), Ok(()), "{}", &cell[..30]);
            assert!(!is_deep(&cell));
        }
    }
}
