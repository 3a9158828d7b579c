//! Which lines of a cell are magics, and which only look like it.
//!
//! A magic stands where a Rust statement could begin, outside of all brackets, strings and comments. Nothing
//! in Rust begins with `%` or `?`; a `%` at the start of a line that goes on with an expression stays Rust.

use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};
use ra_ap_syntax::ast::{self, Expr, HasModuleItem};
use ra_ap_syntax::{Edition, SourceFile};
use std::ops::Range;
use threadbook_engine::is_deep;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `!command`
    Shell,
    /// `%name …`
    Line,
    /// `%%name …`
    Cell,
    /// `?name`
    Help,
    /// `:name …`, a command of the engine.
    Command,
}

#[derive(Debug, PartialEq)]
pub struct Magic {
    pub kind: Kind,
    /// Without the line break at the end. A shell command may have several lines.
    pub range: Range<usize>,
    /// Nothing stands before it but other commands, empty lines and comments.
    pub is_at_top: bool,
}

/// Finds the magics of a cell. After a cell magic whose cell is no Rust, as `is_rust` says of its name,
/// nothing else is looked for. `is_variable` says what is a variable: `!done` is Rust if `done` is one. So is
/// `!done()`, which no shell understands.
pub fn find(code: &str, is_rust: impl Fn(&str) -> bool, is_variable: impl Fn(&str) -> bool) -> Vec<Magic> {
    let mut magics = Vec::new();
    let (mut at, mut is_at_top) = (0, true);
    while at < code.len() {
        let line = first_line(&code[at..]);
        match kind(line) {
            Some(kind)
                if kind != Kind::Shell || !is_call(&line[1..]) && !is_variable(first_word(&line[1..])) =>
            {
                let range = at..at + if kind == Kind::Shell { shell_length(&code[at..]) } else { line.len() };
                at = range.end + 1;
                magics.push(Magic { kind, range, is_at_top });
                is_at_top &= kind == Kind::Command;
                if kind == Kind::Cell && !is_rust(name(line)) {
                    break;
                }
            }
            _ => {
                let length = rust_length(&code[at..], &mut is_at_top);
                at += length;
            }
        }
    }
    magics
}

/// The kind of magic that a line looks like.
fn kind(line: &str) -> Option<Kind> {
    let text = line.trim_start_matches([' ', '\t']);
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
    match text.chars().next()? {
        '!' if line.starts_with('!') && !line.starts_with("!=") && !line[1..].trim().is_empty() => {
            Some(Kind::Shell)
        }
        '%' if text.strip_prefix("%%").is_some_and(is_name) => Some(Kind::Cell),
        '%' if is_name(&text[1..]) => Some(Kind::Line),
        '?' if text
            .trim_start_matches('?')
            .trim_start()
            .starts_with(|c: char| c.is_alphabetic() || c == '_') =>
        {
            Some(Kind::Help)
        }
        ':' if is_name(&text[1..]) => Some(Kind::Command),
        _ => None,
    }
}

/// The name of a magic or a command, with its first characters.
pub fn name(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Whether a line begins with a call of a function or a macro: `path::name(`, `name!(`.
fn is_call(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    rest.len() < line.len() && rest.strip_prefix('!').unwrap_or(rest).starts_with('(')
}

/// A shell command goes on after a backslash.
fn shell_length(text: &str) -> usize {
    let mut length = 0;
    for line in text.split('\n') {
        length += line.len();
        if !line.ends_with('\\') {
            return length;
        }
        length += 1;
    }
    length - 1
}

/// How long the Rust is that `text` begins with: up to a line that looks like a magic, and where a statement
/// can begin. Clears `is_nothing` if it is more than empty lines and comments.
fn rust_length(text: &str, is_nothing: &mut bool) -> usize {
    let (mut depth, mut offset, mut last) = (0_usize, 0, None);
    for token in tokenize(text, FrontmatterAllowed::No) {
        let token_text = &text[offset..offset + token.len as usize];
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBrace | TokenKind::OpenBracket => depth += 1,
            TokenKind::CloseParen | TokenKind::CloseBrace | TokenKind::CloseBracket => {
                depth = depth.saturating_sub(1);
            }
            TokenKind::Whitespace => {
                if let Some(newline) = token_text.rfind('\n') {
                    let next = offset + newline + 1;
                    let may_begin = depth == 0
                        && kind(first_line(&text[next..])).is_some()
                        && match last {
                            None | Some(TokenKind::Semi) => true,
                            Some(TokenKind::CloseBrace) => ends_with_statement(&text[..offset]),
                            _ => false,
                        };
                    if may_begin {
                        return next;
                    }
                }
            }
            _ => {}
        }
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment { .. } => {}
            TokenKind::BlockComment { .. } => *is_nothing = false,
            kind => {
                *is_nothing = false;
                last = Some(kind);
            }
        }
        offset += token_text.len();
    }
    text.len()
}

/// Whether Rust that ends with a `}` ends with a whole statement: `if a { b }` does, `let a = S { b }` wants a
/// semicolon.
fn ends_with_statement(rust: &str) -> bool {
    if is_deep(rust) {
        return false;
    }
    let parse = SourceFile::parse(&format!("fn cell() {{\n{rust}\n}}"), Edition::Edition2024);
    let tree = parse.tree();
    let Some(ast::Item::Fn(function)) = tree.items().next() else { return false };
    let tail = function.body().and_then(|body| body.tail_expr());
    let is_block = tail.is_none_or(|tail| {
        matches!(
            tail,
            Expr::BlockExpr(_)
                | Expr::IfExpr(_)
                | Expr::MatchExpr(_)
                | Expr::ForExpr(_)
                | Expr::WhileExpr(_)
                | Expr::LoopExpr(_)
                | Expr::MacroExpr(_)
        )
    });
    parse.errors().is_empty() && is_block
}

/// The end of the last token of some Rust, and the number of brackets that are open there.
pub fn end_of_rust(rust: &str) -> (usize, isize) {
    let (mut offset, mut end, mut depth) = (0, 0, 0);
    for token in tokenize(rust, FrontmatterAllowed::No) {
        offset += token.len as usize;
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBrace | TokenKind::OpenBracket => depth += 1,
            TokenKind::CloseParen | TokenKind::CloseBrace | TokenKind::CloseBracket => depth -= 1,
            TokenKind::Whitespace | TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {
                continue;
            }
            _ => {}
        }
        end = offset;
    }
    (end, depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<(Kind, &str)> {
        let magics = find(code, |name| name == "%%time", |word| word == "done");
        magics.into_iter().map(|magic| (magic.kind, &code[magic.range])).collect()
    }

    #[test]
    fn magics_stand_where_a_statement_can_begin() {
        let code =
            "!ls -l\nlet a = 1; // it's\n\n%time f(a)\nif a {\n  b();\n}\n?Vec\n!echo 'don\\\n't'\n:vars";
        let expected = [
            (Kind::Shell, "!ls -l"),
            (Kind::Line, "%time f(a)"),
            (Kind::Help, "?Vec"),
            (Kind::Shell, "!echo 'don\\\n't'"),
            (Kind::Command, ":vars"),
        ];
        assert_eq!(found(code), expected);
    }

    #[test]
    fn what_only_looks_like_a_magic_stays_rust() {
        for code in [
            "let a = 7\n % 3;",
            "let a = 7\n%b;",
            "let a = S { b: 7 }\n%b;",
            "let a = if x { 1 } else { 2 }\n%b;",
            "let a =\n!b;",
            "f(\n!a,\n);",
            "{\n!a;\n}",
            "let s = \"\n!ls\n%time\n\";",
            "let s = r#\"\n!ls\"\n?x\n\"#;",
            "/*\n!ls\n*/",
            "a\n!= b",
            "!done",
            "let x = 1;\n!done && x",
            " !a",
            "::std::process::id()",
            "% 3",
            "x?",
            "a\n?;",
            "",
        ] {
            assert_eq!(found(code), [], "{code}");
        }
    }

    #[test]
    fn the_rest_of_a_cell_magic_is_rust_or_not_looked_at() {
        assert_eq!(found("%%bash\n!x\n%y"), [(Kind::Cell, "%%bash")]);
        assert_eq!(found("%%time\n!x\n1 + 1"), [(Kind::Cell, "%%time"), (Kind::Shell, "!x")]);
    }

    #[test]
    fn the_top_is_above_all_rust_and_magics() {
        let top = |code: &str| find(code, |_| true, |_| false).last().unwrap().is_at_top;
        assert!(top("// note\n\n:dep a\n:vars"));
        assert!(!top("let x = 1;\n:vars") && !top("!ls\n:vars"));
    }

    #[test]
    fn the_end_of_rust_is_before_its_comments() {
        assert_eq!(end_of_rust("f(1); // note"), (5, 0));
        assert_eq!(end_of_rust("f("), (2, 1));
        assert_eq!(end_of_rust(" "), (0, 0));
    }
}
