//! A document as slides: one for each heading, or by the notebook's own metadata.
//!
//! How much a slide holds is known in the browser alone. There, `slides.js` lets what is too much go on in
//! another slide.

use crate::document::{Content, Document, Part};
use crate::facts::Facts;
use crate::markdown::{Beside, Markdown};
use crate::{body, outline, page};

const LOOK: &str = include_str!("look.css");
const SLIDES: &str = include_str!("slides.css");
const SCRIPT: &str = include_str!("slides.js");
const CONTROLS: &str = "<nav class=\"controls\" aria-label=\"Slides\" hidden>\n\
    <button type=\"button\" aria-label=\"Previous slide\">‹</button><span role=\"status\"></span>\
    <button type=\"button\" aria-label=\"Next slide\">›</button>\n</nav>\n";

/// The slides.
pub(super) fn slides(document: &Document, facts: &Facts, beside: Beside) -> String {
    let mut markdown = Markdown::new(document.edition, beside);
    let by_metadata = document.parts.iter().any(|part| part.slide.is_some());
    let mut slides = vec![page::title(document, facts)];
    for part in document.parts.iter().filter(|part| !is_left_out(part)) {
        for (begins, html) in pieces(part, by_metadata, &mut markdown) {
            // Nothing else is on the slide of the title.
            if begins || slides.len() == 1 {
                slides.push(String::new());
            }
            slides.last_mut().expect("the title is there").push_str(&html);
        }
    }
    let slides: String =
        slides.iter().map(|slide| format!("<section class=\"slide\">\n{slide}</section>\n")).collect();
    let body = format!("<main>\n{slides}</main>\n{CONTROLS}");
    page::shell(&document.title, &format!("{LOOK}{SLIDES}"), &body, Some(SCRIPT), beside.files.trust)
}

/// The notebook keeps it from its slides.
fn is_left_out(part: &Part) -> bool {
    matches!(part.slide.as_deref(), Some("skip" | "notes"))
}

/// The HTML of a part, cut where a slide begins; whether one does is beside each piece.
fn pieces(part: &Part, by_metadata: bool, markdown: &mut Markdown) -> Vec<(bool, String)> {
    match &part.content {
        _ if by_metadata => {
            let begins = matches!(part.slide.as_deref(), Some("slide" | "subslide"));
            vec![(begins, body::html(part, markdown))]
        }
        Content::Text { source, attachments } => {
            let sections = outline::sections(source).into_iter();
            let piece = |section| (outline::is_section(section), body::text(section, attachments, markdown));
            sections.map(piece).collect()
        }
        _ => vec![(false, body::html(part, markdown))],
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::document::{Edition, tests::document};

    fn cut(cells: Value) -> Vec<String> {
        let html = slides(&document(cells, Edition::Student), &Vec::new(), Beside::alone(Path::new(".")));
        html.split("<section class=\"slide\">").skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn each_heading_begins_a_slide_wherever_it_stands() {
        let slides = cut(json!([
            {"cell_type": "markdown", "source": "# Title\n\nFirst."},
            {"cell_type": "markdown", "source": "## One\n\nText\n\n## Two"},
            {"cell_type": "code", "source": "code()"},
        ]));
        let words = ["Title", "First", "One", "Two"];
        assert_eq!(slides.len(), words.len());
        assert!(words.iter().zip(&slides).all(|(word, slide)| slide.contains(word)), "{slides:?}");
        assert!(slides[3].contains("code"), "{slides:?}");
    }

    #[test]
    fn metadata_says_it_instead() {
        let cell = |source: &str, kind: &str| json!({"cell_type": "markdown", "source": source, "metadata": {"slideshow": {"slide_type": kind}}});
        let slides = cut(json!([
            cell("## One", "slide"),
            cell("## Two", "fragment"),
            cell("left out", "skip"),
            cell("three", "subslide"),
            cell("left out", "notes"),
        ]));
        assert_eq!(slides.len(), 3);
        assert!(slides[1].contains("One") && slides[1].contains("Two") && slides[2].contains("three"));
        assert!(!slides.concat().contains("left out"));
    }
}
