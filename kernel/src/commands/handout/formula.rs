//! Formulas: the LaTeX in a notebook's text as MathML, which browsers show offline and without a script.

use std::borrow::Cow;

use pulldown_cmark::{Event, Parser};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser as Latex, Storage, push_mathml};

use super::Escaped;
use super::markdown::OPTIONS;

/// The longest formula, in bytes.
const MAX_LENGTH: usize = 10_000;

/// The deepest nesting of braces and environments. The parser calls itself for each level.
const MAX_DEPTH: usize = 50;

/// Commands that define others. A few definitions can stand for a text without end.
const DEFINITIONS: [&str; 8] =
    ["\\def", "\\gdef", "\\edef", "\\xdef", "\\let", "\\futurelet", "\\newcommand", "\\renewcommand"];

/// The elements of MathML Core, and the annotation of the source.
const ELEMENTS: &str = "annotation maction math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom \
                        mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder \
                        munderover none semantics";

/// The signs around a formula besides dollars, and the dollars that mean the same. MathJax knows them with one backslash;
/// in JupyterLab, Markdown takes the first of two.
const SIGNS: [(&str, &str, &str); 4] =
    [("\\\\(", "\\\\)", "$"), ("\\\\[", "\\\\]", "$$"), ("\\(", "\\)", "$"), ("\\[", "\\]", "$$")];

/// The HTML of a formula. LaTeX that is not understood is shown as it was written.
pub(super) fn html(latex: &str, is_block: bool) -> String {
    let display_mode = if is_block { DisplayMode::Block } else { DisplayMode::Inline };
    // The renderer writes it as it is.
    let source = Escaped(latex).to_string();
    let config = RenderConfig { display_mode, annotation: Some(&source), ..RenderConfig::default() };
    mathml(latex, config).unwrap_or_else(|| format!("<code>{}</code>", Escaped(latex)))
}

fn mathml(latex: &str, config: RenderConfig) -> Option<String> {
    let is_definition = DEFINITIONS.iter().any(|command| latex.contains(command));
    if latex.len() > MAX_LENGTH || is_definition || depth(latex) > MAX_DEPTH {
        return None;
    }
    let storage = Storage::new();
    let events: Vec<_> = Latex::new(latex, &storage).collect::<Result<_, _>>().ok()?;
    let mut html = String::new();
    let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
    push_mathml(&mut html, events, config).ok()?;
    is_plain(&html).then_some(html)
}

/// How deep braces and environments are nested at most.
fn depth(latex: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for (at, sign) in latex.char_indices() {
        let rest = &latex[at..];
        if sign == '{' || ["\\begin", "\\left", "\\sqrt", "\\frac"].iter().any(|it| rest.starts_with(it)) {
            depth += 1;
        } else if sign == '}' || ["\\end", "\\right"].iter().any(|it| rest.starts_with(it)) {
            depth = depth.saturating_sub(1);
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether this is MathML and nothing else, which leads nowhere.
fn is_plain(html: &str) -> bool {
    html.split('<').skip(1).all(|piece| {
        let tag = piece.split('>').next().unwrap_or_default().trim_start_matches('/');
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let attributes = tag[name.len()..].split('=').filter_map(|part| part.split_whitespace().next_back());
        let leads = |name: &str| name.contains("href") || name.starts_with("on");
        ELEMENTS.split_whitespace().any(|element| element == name) && !attributes.into_iter().any(leads)
    })
}

/// The Markdown with dollars around each formula that other signs surround, or an environment of LaTeX.
pub(super) fn with_dollars(source: &str) -> Cow<'_, str> {
    let mut literal = Parser::new_ext(source, OPTIONS)
        .into_offset_iter()
        .filter(|(event, _)| {
            use Event::{Code, DisplayMath, Html, InlineHtml, InlineMath, Start};
            matches!(event, Code(_) | DisplayMath(_) | Html(_) | InlineHtml(_) | InlineMath(_))
                || matches!(event, Start(pulldown_cmark::Tag::CodeBlock(_)))
        })
        .map(|(_, range)| range)
        .peekable();
    let (mut text, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(found) = source[at..].find('\\').map(|found| at + found) {
        while literal.next_if(|range| range.end <= found).is_some() {}
        if let Some(range) = literal.peek().filter(|range| range.contains(&found)) {
            at = range.end;
            continue;
        }
        let rest = &source[found..];
        let Some((length, formula)) = formula(rest) else {
            // A backslash that another one takes its meaning from.
            at = found + rest.chars().take(2).map(char::len_utf8).sum::<usize>();
            continue;
        };
        text.push_str(&source[copied..found]);
        text.push_str(&formula);
        (copied, at) = (found + length, found + length);
    }
    match copied {
        0 => source.into(),
        _ => (text + &source[copied..]).into(),
    }
}

/// The formula that a text begins with, in dollars, and the length of what it stands for.
fn formula(text: &str) -> Option<(usize, String)> {
    let paragraph = text.find("\n\n").map_or(text, |end| &text[..end]);
    if let Some(rest) = paragraph.strip_prefix("\\begin{") {
        let (name, _) = rest.split_once('}')?;
        let end = format!("\\end{{{name}}}");
        let length = paragraph.find(&end)? + end.len();
        return (!text[..length].contains('$')).then(|| (length, format!("$${}$$", &text[..length])));
    }
    SIGNS.iter().find_map(|(open, close, dollars)| {
        let (inside, after) = paragraph.strip_prefix(open)?.split_once(close)?;
        // `\[text\](address)` is a link that is none.
        let is_link = after.starts_with('(');
        let is_formula = !inside.trim().is_empty() && !inside.contains('$') && !is_link;
        let length = open.len() + inside.len() + close.len();
        is_formula.then(|| (length, format!("{dollars}{}{dollars}", inside.trim())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbage::text;

    #[test]
    fn latex_becomes_mathml() {
        let html = html("\\{x\\}", false);
        assert!(html.starts_with("<math display=\"inline\"") && html.contains("<mi>x</mi>"), "{html}");
        assert!(html.contains("{</mo>") && html.contains("}</mo>"), "{html}");
        let matrix = super::html("\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}", true);
        assert!(matrix.contains("display=\"block\"") && matrix.matches("<mtr>").count() == 2, "{matrix}");
    }

    #[test]
    fn what_is_not_understood_is_shown_as_it_was_written() {
        let deep = "{".repeat(10_000) + &"}".repeat(10_000);
        let many = "\\frac".repeat(1_500);
        for latex in ["\\nosuch{x}", "\\frac{1", "\\def\\a{\\a\\a}\\a", "a }", &deep[..9_000], &many] {
            assert_eq!(html(latex, false), format!("<code>{}</code>", Escaped(latex)));
        }
    }

    #[test]
    fn other_signs_are_dollars() {
        for (source, expected) in [
            ("a \\(b\\) c", "a $b$ c"),
            ("\\\\( b_1 \\\\), \\\\[c\\\\]", "$b_1$, $$c$$"),
            ("\\[ a \\\\ b \\]", "$$a \\\\ b$$"),
            (
                "\\begin{align} a_1 &= b \\\\ c \\end{align}!",
                "$$\\begin{align} a_1 &= b \\\\ c \\end{align}$$!",
            ),
        ] {
            assert_eq!(with_dollars(source), expected);
        }
    }

    #[test]
    fn code_links_and_escapes_stay() {
        for source in [
            "",
            "`\\(a\\)` ``\\[b\\]``",
            "```\n\\begin{a}\\end{a}\n```",
            "    \\(a\\)\n",
            "<b title=\"\\(a\\)\">x</b>",
            "$a \\(b\\) c$",
            "\\[text\\](address)",
            "\\(open",
            "\\(a\n\nb\\)",
            "\\( \\)",
            "a \\\\ b \\* c\\",
        ] {
            assert_eq!(with_dollars(source), source);
        }
    }

    #[test]
    fn no_formula_is_anything_but_mathml() {
        let pieces = [
            "\\frac",
            "\\text{<script>}",
            "\\href{javascript:a}{b}",
            "{",
            "}",
            "_",
            "^",
            "&",
            "\\\\",
            "\\left(",
            "\\right)",
            "\\begin{matrix}",
            "\\end{matrix}",
            "\\color{red}",
            "\\sqrt[3]",
            "'",
            "<",
            ">",
            "\"",
            "\\mathbf",
            "\\operatorname",
            "\\hspace{1em}",
            "\\rule{1em}{2em}",
            "#1",
            "%",
            "~",
            "é",
            "\\",
            "a",
            "1",
            " ",
        ];
        arbtest::arbtest(|unstructured| {
            let mut latex = String::new();
            for _ in 0..unstructured.arbitrary_len::<u8>()?.min(30) {
                latex.push_str(unstructured.choose(&pieces)?);
            }
            latex.push_str(&text(unstructured, "\\{}^_&$<>\"ab1", 10)?);
            let html = html(&latex, unstructured.arbitrary()?);
            let is_code = html.starts_with("<code>");
            assert!(is_code || is_plain(&html), "{latex}: {html}");
            assert!(!html.contains("<script") && !html.contains(" href"), "{latex}: {html}");
            Ok(())
        });
    }
}
