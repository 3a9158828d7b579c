//! Whether a piece of code can be executed yet, for front ends that ask at each Enter.

use crate::session::magics::{blanked, waits_for_more};
use crate::session::without_commands;
use jupyter_protocol::{IsCompleteReply, IsCompleteReplyStatus as Status};
use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};
use ra_ap_syntax::{Edition, SourceFile};
use threadbook_engine::is_deep;

const INDENT: &str = "    ";

/// Code with an open bracket or text may go on. Code that is closed wrongly, or is not Rust, cannot.
pub fn is_complete(code: &str) -> IsCompleteReply {
    if waits_for_more(code) {
        return incomplete(0);
    }
    let code = &*blanked(code);
    let mut open = Vec::new();
    let mut last = None;
    for token in tokenize(code, FrontmatterAllowed::No) {
        let closes = |kind| Some(kind);
        let opener = match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBrace | TokenKind::OpenBracket => {
                open.push(token.kind);
                None
            }
            TokenKind::CloseParen => closes(TokenKind::OpenParen),
            TokenKind::CloseBrace => closes(TokenKind::OpenBrace),
            TokenKind::CloseBracket => closes(TokenKind::OpenBracket),
            TokenKind::BlockComment { terminated: false, .. } => return incomplete(0),
            TokenKind::Literal { kind, .. } if is_open_text(kind) => return incomplete(0),
            TokenKind::Unknown => return reply(Status::Invalid, String::new()),
            _ => None,
        };
        if opener.is_some() && open.pop() != opener {
            return reply(Status::Invalid, String::new());
        }
        if !matches!(
            token.kind,
            TokenKind::Whitespace | TokenKind::LineComment { .. } | TokenKind::BlockComment { .. }
        ) {
            last = Some(token.kind);
        }
    }
    let goes_on = matches!(
        last,
        Some(
            TokenKind::Eq
                | TokenKind::Dot
                | TokenKind::Comma
                | TokenKind::Plus
                | TokenKind::Minus
                | TokenKind::Star
                | TokenKind::Slash
                | TokenKind::Percent
                | TokenKind::Caret
                | TokenKind::And
                | TokenKind::Or
                | TokenKind::Lt
                | TokenKind::Colon
                | TokenKind::Pound
        )
    );
    if !open.is_empty() || goes_on {
        return incomplete(open.len());
    }
    let status = if has_syntax_error(code) { Status::Invalid } else { Status::Complete };
    reply(status, String::new())
}

/// Whether something before the end of a cell is no Rust. What is missing at the end may follow.
fn has_syntax_error(code: &str) -> bool {
    const BEFORE: &str = "async fn cell() {\n";
    if is_deep(code) {
        return false;
    }
    let parse = SourceFile::parse(&format!("{BEFORE}{}\n}}", without_commands(code)), Edition::CURRENT);
    let end = BEFORE.len() + code.trim_end().len();
    parse.errors().iter().any(|error| usize::from(error.range().start()) < end)
}

/// A text literal that has no end yet. A character literal without an end is no such thing: it cannot span
/// lines.
fn is_open_text(kind: LiteralKind) -> bool {
    match kind {
        LiteralKind::Str { terminated }
        | LiteralKind::ByteStr { terminated }
        | LiteralKind::CStr { terminated } => !terminated,
        LiteralKind::RawStr { n_hashes }
        | LiteralKind::RawByteStr { n_hashes }
        | LiteralKind::RawCStr { n_hashes } => n_hashes.is_none(),
        _ => false,
    }
}

fn incomplete(depth: usize) -> IsCompleteReply {
    reply(Status::Incomplete, INDENT.repeat(depth))
}

fn reply(status: Status, indent: String) -> IsCompleteReply {
    IsCompleteReply { status, indent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: &str) -> String {
        let reply = is_complete(code);
        serde_json::to_value(reply.status).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn whole_cells_are_complete() {
        for code in ["", "1 + 1", "let x = 1;", "fn f() {}", "// note", "'a'", "\"}\"", "r#\"\"}\"#", "x?"] {
            assert_eq!(status(code), "complete", "{code}");
        }
    }

    #[test]
    fn what_is_open_is_incomplete_and_indented() {
        for code in ["fn f() {", "f(1,", "let x =", "\"abc", "/* note", "r#\"x\"", "x.", "#[test", "a +"] {
            assert_eq!(status(code), "incomplete", "{code}");
        }
        assert_eq!(is_complete("fn f() { if x {").indent, INDENT.repeat(2));
    }

    #[test]
    fn magics_are_whole_and_the_rest_is_rust() {
        for code in
            ["!echo \"a", "%time f(1)", "?x", "%%bash\nif (", "!it's\nlet x = 1;", ":dep a", "%%time\nx"]
        {
            assert_eq!(status(code), "complete", "{code}");
        }
        for code in ["%%time", "%%bash\n", "%%time\nf(", "!ls\nf("] {
            assert_eq!(status(code), "incomplete", "{code}");
        }
    }

    #[test]
    fn what_is_closed_wrongly_is_invalid() {
        for code in ["}", "(]", "fn f() { )", "f())"] {
            assert_eq!(status(code), "invalid", "{code}");
        }
    }

    #[test]
    fn what_is_no_rust_is_invalid() {
        for code in
            ["let x = ;", "fn f(] {}", "let = 1;", "struct 1;", "match x { 1 = 2 }", "let x = 1\nlet y = 2;"]
        {
            assert_eq!(status(code), "invalid", "{code}");
        }
    }

    #[test]
    fn everyday_rust_is_complete() {
        for code in [
            "let Some(x) = y else { return };",
            "if let Some(x) = a && x > 1 { x } else { 2 }",
            "let f = async |x: u32| x + 1; f(1).await",
            "#![allow(unused)]\nuse std::{fs, io::Read as _};",
            "macro_rules! m { ($($x:expr),* $(,)?) => { [$($x),*] }; }\nm![1, 2,]",
            "impl<T: ?Sized> Trait for Box<T> where T: Trait { type A<'a> = &'a T where Self: 'a; }",
            "'outer: loop { break 'outer; }",
            "let c = c\"c\"; let r = br#\"x\"#; let n = 1_000.5e3_f64;",
            "unsafe extern \"C\" { safe fn abs(n: i32) -> i32; }",
            "let [first, .., last] = v[..] else { panic!() };",
            "x?.y()?",
            "tokio::spawn(async move { work().await })",
        ] {
            assert_eq!(status(code), "complete", "{code}");
        }
    }
}
