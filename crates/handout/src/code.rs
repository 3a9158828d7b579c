//! Rust in colours. The compiler's own lexer finds the tokens, so raw strings and nested comments are right.

use std::ops::Range;

use ansi_to_html::Esc as Escaped;
use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};
use ra_ap_syntax::{Edition, SyntaxKind};

/// Finds the parts of a cell that are not Rust, in order. They may be any of a notebook's magics.
pub type NotRust = fn(&str) -> Vec<Range<usize>>;

/// The HTML of a cell's code: each word that has a colour is in a `span` of its class.
pub(super) fn html(code: &str, not_rust: NotRust) -> String {
    let mut html = String::new();
    let mut at = 0;
    for magic in not_rust(code) {
        rust(&code[at..magic.start], &mut html);
        span(Some("magic"), &code[magic.clone()], &mut html);
        at = magic.end;
    }
    rust(&code[at..], &mut html);
    html
}

fn rust(code: &str, html: &mut String) {
    let mut at = 0;
    for token in tokenize(code, FrontmatterAllowed::No) {
        let end = at + token.len as usize;
        span(class(token.kind, &code[at..end], &code[end..]), &code[at..end], html);
        at = end;
    }
}

fn span(class: Option<&str>, text: &str, html: &mut String) {
    let text = Escaped(text);
    html.push_str(&match class {
        Some(class) => format!("<span class=\"{class}\">{text}</span>"),
        None => text.to_string(),
    });
}

/// The class of a word; `next` is the code after it.
fn class(kind: TokenKind, word: &str, next: &str) -> Option<&'static str> {
    match kind {
        TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => Some("comment"),
        TokenKind::Literal { kind: LiteralKind::Int { .. } | LiteralKind::Float { .. }, .. } => {
            Some("number")
        }
        TokenKind::Literal { .. } => Some("string"),
        TokenKind::Lifetime { .. } | TokenKind::RawLifetime => Some("lifetime"),
        TokenKind::Ident if is_keyword(word) => Some("keyword"),
        TokenKind::Ident if next.starts_with('!') && !next.starts_with("!=") => Some("macro"),
        TokenKind::Ident if word.starts_with(char::is_uppercase) => Some("type"),
        TokenKind::Ident if next.starts_with('(') => Some("function"),
        _ => None,
    }
}

fn is_keyword(word: &str) -> bool {
    SyntaxKind::from_keyword(word, Edition::CURRENT).is_some()
}

#[cfg(test)]
mod tests {
    use crate::fuzz::text;

    fn html(code: &str) -> String {
        super::html(code, |code| {
            code.starts_with('!').then(|| 0..code.find('\n').unwrap_or(code.len())).into_iter().collect()
        })
    }

    #[test]
    fn words_have_classes_and_texts_are_escaped() {
        let expected =
            "<span class=\"keyword\">let</span> a = <span class=\"string\">&quot;&lt;b&gt;&quot;</span>;";
        assert_eq!(html("let a = \"<b>\";"), expected);
    }

    #[test]
    fn what_looks_like_code_in_a_string_or_a_comment_is_none() {
        assert_eq!(
            html("r#\"let \"1\"\"#"),
            "<span class=\"string\">r#&quot;let &quot;1&quot;&quot;#</span>"
        );
        assert_eq!(html("/* /* let */ 1 */"), "<span class=\"comment\">/* /* let */ 1 */</span>");
    }

    #[test]
    fn a_macro_is_told_from_a_comparison() {
        assert_eq!(html("a!=b"), "a!=b");
        assert!(html("vec![]").starts_with("<span class=\"macro\">vec</span>!"));
    }

    #[test]
    fn a_magic_is_no_rust() {
        let expected = "<span class=\"magic\">!echo &#39;let</span>\n<span class=\"number\">1</span>";
        assert_eq!(html("!echo 'let\n1"), expected);
    }

    #[test]
    fn nothing_is_lost_of_any_text() {
        arbtest::arbtest(|unstructured| {
            let code = text(unstructured, "ab1'\"#r/*!%?:&<>;{}\n ä", 40)?;
            let unescape = |html: String| {
                let text: String =
                    html.split('<').map(|piece| piece.rsplit('>').next().unwrap_or(piece)).collect();
                [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
                    .iter()
                    .fold(text, |text, (from, to)| text.replace(from, to))
            };
            assert_eq!(unescape(html(&code)), code);
            Ok(())
        });
    }
}
