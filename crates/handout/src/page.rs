//! A document as one page of HTML, which is printed as it is read.

use ansi_to_html::Esc as Escaped;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};

use crate::body;
use crate::document::{Document, Edition};
use crate::facts::Facts;
use crate::files::Trust;
use crate::markdown::{Beside, Heading, Markdown};

const LOOK: &str = include_str!("look.css");
const PAGE: &str = include_str!("page.css");

/// The page.
pub(super) fn page(document: &Document, facts: &Facts, beside: Beside) -> String {
    let mut markdown = Markdown::new(document.edition, beside);
    let parts: String = document.parts.iter().map(|part| body::html(part, &mut markdown)).collect();
    let contents = contents(&markdown.headings);
    let title = title(document, facts);
    let style = format!("{LOOK}{PAGE}{}", footer(&document.title));
    let body = format!("<header>\n{title}{contents}</header>\n<main>\n{parts}</main>\n");
    shell(&document.title, &style, &body, None, beside.files.trust)
}

/// The title and the facts of a handout.
pub(super) fn title(document: &Document, facts: &Facts) -> String {
    let facts: String = facts
        .iter()
        .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", Escaped(value)))
        .collect();
    let name = match document.edition {
        Edition::Student => "<p class=\"name\">Name:</p>\n",
        Edition::Teacher => "",
    };
    format!(
        "<h1>{}</h1>\n<p class=\"edition\">{}</p>\n{name}<dl>\n{facts}</dl>\n",
        Escaped(&document.title),
        document.edition.title()
    )
}

fn contents(headings: &[Heading]) -> String {
    let listed = headings.iter().filter(|heading| heading.level <= 3);
    let items: String = listed
        .map(|Heading { level, id, text }| {
            format!("<li class=\"level-{level}\"><a href=\"#{}\">{}</a></li>\n", Escaped(id), Escaped(text))
        })
        .collect();
    match items.as_str() {
        "" => items,
        _ => format!("<nav aria-label=\"Contents\">\n<ul>\n{items}</ul>\n</nav>\n"),
    }
}

/// The title at the foot of each printed page but the first.
fn footer(title: &str) -> String {
    let title: String = title.chars().map(|c| format!("\\{:x} ", c as u32)).collect();
    format!(
        "@page {{ @bottom-left {{ content: \"{title}\" }} }}\n@page :first {{ @bottom-left {{ content: none }} }}\n"
    )
}

/// A document of HTML with a script of ours, if any.
///
/// Its content security policy lets it fetch and send nothing, and run our script alone. A document that is trusted may
/// run scripts of its own, which may lead the reader elsewhere; that no policy governs.
pub(super) fn shell(title: &str, style: &str, body: &str, script: Option<&str>, trust: Trust) -> String {
    let (element, hash) = match script {
        Some(script) => {
            let hash = BASE64_STANDARD.encode(digest(&SHA256, script.as_bytes()));
            (format!("<script>{script}</script>\n"), format!("'sha256-{hash}'"))
        }
        None => (String::new(), "'none'".to_owned()),
    };
    let scripts = match trust {
        Trust::Sanitized => &hash,
        Trust::Full => "'unsafe-inline'",
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; font-src data:; \
         media-src data:; style-src 'unsafe-inline'; script-src {scripts}; form-action 'none'; base-uri 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"Threadbook {}\">\n\
         <title>{}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}{element}</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        Escaped(title)
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::document::tests::document;

    #[test]
    fn a_page_has_its_title_its_facts_and_its_contents() {
        let cells = json!([{"cell_type": "markdown", "source": "# A & B\n## One\n#### Deep\n## Two"}]);
        let facts = vec![("Date", "<today>".to_owned())];
        let page = page(&document(cells, Edition::Teacher), &facts, Beside::alone(Path::new(".")));
        for expected in [
            "<title>A &amp; B</title>",
            "<h1>A &amp; B</h1>",
            "<dd>&lt;today&gt;</dd>",
            "<li class=\"level-3\"><a href=\"#Deep\">",
            "<h2 id=\"Two\">",
        ] {
            assert!(page.contains(expected), "{expected} is not in {page}");
        }
        assert_eq!(page.matches("<h1").count(), 1);
    }

    #[test]
    fn a_title_ends_no_style() {
        let footer = footer("\"</style>\\");
        assert!(!footer.contains("</style>") && footer.contains("content: \"\\22 \\3c "), "{footer}");
    }
}
