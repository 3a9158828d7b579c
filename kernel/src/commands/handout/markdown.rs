//! Markdown as HTML. What would be fetched from elsewhere is put in, or else left out.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
#[cfg(test)]
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde_json::{Map, Value};

use super::clean::{self, Cleaner, WEB};
use super::document::{Document, Edition, text};
use super::files::{Files, Trust};
use super::{Escaped, code, formula, picture};
use crate::commands::notebook::Notebook;

/// What of GitHub's Markdown JupyterLab reads, too, and formulas.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_MATH);

/// A heading, as the contents list it.
#[derive(Debug, PartialEq)]
pub(super) struct Heading {
    pub(super) level: usize,
    pub(super) id: String,
    pub(super) text: String,
}

/// What a notebook's text may refer to besides itself.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// Its pictures, and other notebooks.
    pub(super) files: Files<'a>,
    /// The handouts that lie beside this one: their names by those of their notebooks.
    pub(super) handouts: &'a BTreeMap<String, String>,
}

#[cfg(test)]
impl<'a> Beside<'a> {
    /// No other handout is made.
    pub(super) fn alone(directory: &'a Path) -> Self {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        // A test is over soon.
        let files = Files { directory, trust: Trust::Sanitized, left_out: Box::leak(Box::default()) };
        Self { files, handouts: &NONE }
    }
}

/// Renders the Markdown of one handout, from its beginning to its end.
pub(super) struct Markdown<'a> {
    edition: Edition,
    beside: Beside<'a>,
    cleaner: Cleaner,
    ids: HashSet<String>,
    /// The headings so far.
    pub(super) headings: Vec<Heading>,
}

/// The first heading of the first level: its text, and where it is.
pub(super) fn title(source: &str) -> Option<(String, Range<usize>)> {
    let mut events = Parser::new_ext(source, OPTIONS).into_offset_iter();
    let (_, range) = events
        .find(|(event, _)| matches!(event, Event::Start(Tag::Heading { level: HeadingLevel::H1, .. })))?;
    let inside = events.take_while(|(event, _)| !matches!(event, Event::End(TagEnd::Heading(_))));
    Some((plain(inside.map(|(event, _)| event)), range))
}

/// The Markdown from each heading to the next one.
pub(super) fn sections(source: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut starts = vec![0];
    for (event, range) in Parser::new_ext(source, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 && matches!(tag, Tag::Heading { .. }) && range.start > 0 {
                    starts.push(range.start);
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    let ends = starts.iter().skip(1).copied().chain([source.len()]);
    starts.iter().zip(ends).map(|(start, end)| &source[*start..end]).collect()
}

/// Whether it begins with a heading.
pub(super) fn is_section(source: &str) -> bool {
    matches!(Parser::new_ext(source, OPTIONS).next(), Some(Event::Start(Tag::Heading { .. })))
}

/// The Markdown to be read as it stands: without the tags of HTML.
pub(super) fn without_tags(source: &str) -> String {
    let mut text = String::new();
    let mut at = 0;
    for (event, range) in Parser::new_ext(source, OPTIONS).into_offset_iter() {
        if let Event::Html(html) | Event::InlineHtml(html) = event {
            text.push_str(&source[at..range.start]);
            // The end of a hint's title is the end of a sentence.
            text.push_str(&words(&html.replace("</summary>", ":")));
            at = range.end;
        }
    }
    text + &source[at..]
}

/// What a piece of HTML says.
fn words(html: &str) -> String {
    html.split('<')
        .enumerate()
        .map(|(n, piece)| if n == 0 { piece } else { piece.split_once('>').map_or("", |(_, text)| text) })
        .collect()
}

fn plain<'e>(events: impl Iterator<Item = Event<'e>>) -> String {
    let words = events.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
            Some(text)
        }
        Event::SoftBreak | Event::HardBreak => Some(" ".into()),
        _ => None,
    });
    words.map(CowStr::into_string).collect()
}

impl<'a> Markdown<'a> {
    pub(super) fn new(edition: Edition, beside: Beside<'a>) -> Self {
        let cleaner = Cleaner::new(beside.handouts.values().cloned());
        Self { edition, beside, cleaner, ids: HashSet::new(), headings: Vec::new() }
    }

    /// The HTML of a text. `attachments` are the pictures that its cell brings.
    pub(super) fn html(&mut self, source: &str, attachments: &Map<String, Value>) -> String {
        let source = formula::with_dollars(source);
        let mut formulas = Formulas::of(&source);
        let mut events = Parser::new_ext(&source, OPTIONS);
        let mut out = Vec::new();
        // A link may not be in a link, so the end of one is enough to remember.
        let mut end_of_link = None;
        while let Some(event) = events.next() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    let inside = until(&mut events, |end| matches!(end, TagEnd::Heading(_)));
                    let heading = out.len();
                    self.heading(level as usize, inside, &mut out);
                    out[heading..].iter_mut().for_each(|event| formulas.take(event));
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let inside = until(&mut events, |end| matches!(end, TagEnd::CodeBlock));
                    out.push(Event::Html(code_block(&kind, &plain(inside.into_iter())).into()));
                }
                Event::Start(Tag::Image { dest_url, .. }) => {
                    let inside = until(&mut events, |end| matches!(end, TagEnd::Image));
                    let alt = plain(inside.into_iter());
                    out.push(Event::InlineHtml(self.image(&dest_url, &alt, attachments).into()));
                }
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    if let Some(dest_url) = self.address(&dest_url) {
                        out.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                        end_of_link = Some(Event::End(TagEnd::Link));
                    } else {
                        let title = self.title_of(&dest_url);
                        end_of_link = title.map(|title| Event::Text(format!(" ({title})").into()));
                    }
                }
                Event::End(TagEnd::Link) => out.extend(end_of_link.take()),
                Event::Html(html) => out.push(Event::Html(self.unfolded(html))),
                Event::InlineHtml(html) => out.push(Event::InlineHtml(self.unfolded(html))),
                mut other => {
                    formulas.take(&mut other);
                    out.push(other);
                }
            }
        }
        let mut text = String::new();
        html::push_html(&mut text, out.into_iter());
        formulas.put_into(self.sanitized(text, attachments))
    }

    /// HTML of the notebook, as its handout may have it. `attachments` are the pictures that its cell brings.
    pub(super) fn sanitized(&self, html: String, attachments: &Map<String, Value>) -> String {
        let Files { trust, left_out, .. } = self.beside.files;
        let html = picture::with_sources(&html, |source, alt| {
            self.embedded(source, attachments).map_err(|reason| self.missing(source, alt, &reason))
        });
        if trust == Trust::Full {
            return html.into_owned();
        }
        if clean::is_too_deep(&html) {
            left_out.note("HTML that is nested too deep");
            return "<p><em>HTML that is nested too deep for this handout.</em></p>\n".to_owned();
        }
        let html = picture::with_images(&html);
        if clean::has_active(&html) {
            left_out.note("scripts, frames, forms or styles in its HTML; --trusted keeps them");
        }
        self.cleaner.clean(&html)
    }

    /// Levels begin at 2, below the title, and none is left out on the way down.
    fn heading<'e>(&mut self, level: usize, inside: Vec<Event<'e>>, out: &mut Vec<Event<'e>>) {
        let above = self.headings.last().map_or(1, |heading| heading.level);
        let level = level.clamp(2, above + 1);
        let text = plain(inside.iter().cloned());
        let id = self.id(&text);
        out.push(Event::Html(format!("<h{level} id=\"{}\">", Escaped(&id)).into()));
        out.extend(inside);
        out.push(Event::Html(format!("</h{level}>\n").into()));
        self.headings.push(Heading { level, id, text });
    }

    /// As JupyterLab makes it, so that links within the notebook work.
    fn id(&mut self, text: &str) -> String {
        let wanted = text.replace(' ', "-");
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let id = [wanted.clone()].into_iter().chain(numbered).find(|id| !self.ids.contains(id));
        let id = id.unwrap_or(wanted);
        self.ids.insert(id.clone());
        id
    }

    /// Where a link leads. A handout goes where the files beside the notebook do not, so that only what is on
    /// the web, in itself, or handed out with it is linked.
    fn address<'e>(&self, address: &str) -> Option<CowStr<'e>> {
        if address.starts_with('#') || WEB.iter().any(|start| address.starts_with(start)) {
            return Some(address.to_owned().into());
        }
        let (file, place) = address.split_at(address.find('#').unwrap_or(address.len()));
        self.beside
            .handouts
            .get(&*self.beside.files.named(file))
            .map(|handout| format!("{handout}{place}").into())
    }

    /// The title of the notebook that a link leads to, if it is one.
    fn title_of(&self, address: &str) -> Option<String> {
        let files = self.beside.files;
        let name = files.named(address.split('#').next()?);
        if !name.ends_with(".ipynb") || !files.has(&name) {
            return None;
        }
        let content = match files.read(&name) {
            Ok(content) => content,
            Err(reason) => {
                files.left_out.note(format!("the title of {name}: {reason}"));
                return Some(format!("a notebook whose title is not part of this handout: {reason}"));
            }
        };
        let notebook = Notebook::parse(&content).ok()?;
        Document::read(&notebook, self.edition, &name).ok().map(|document| format!("“{}”", document.title))
    }

    fn image(&self, source: &str, alt: &str, attachments: &Map<String, Value>) -> String {
        let alt = if alt.is_empty() { "Picture" } else { alt };
        match self.embedded(source, attachments) {
            Ok(data) => format!("<img src=\"{}\" alt=\"{}\">", Escaped(data), Escaped(alt)),
            Err(reason) => self.missing(source, alt, &reason),
        }
    }

    /// The HTML in the place of a picture.
    fn missing(&self, source: &str, alt: &str, reason: &str) -> String {
        let named = source.chars().take(200).collect::<String>();
        self.beside.files.left_out.note(format!("the picture {named}: {reason}"));
        format!("<em>{} (a picture that is not part of this handout: {})</em>", Escaped(alt), Escaped(reason))
    }

    /// A picture as an address that holds it, or why there is none.
    fn embedded(&self, source: &str, attachments: &Map<String, Value>) -> Result<String, String> {
        if source.starts_with("data:image/") {
            return Ok(source.to_owned());
        }
        if let Some(name) = source.strip_prefix("attachment:") {
            let attached =
                attachments.get(name).and_then(Value::as_object).and_then(|each| each.iter().next());
            let (mime, data) = attached.ok_or("nothing of this name is attached to the cell")?;
            return Ok(format!("data:{mime};base64,{}", text(data).trim()));
        }
        if source.contains("://") {
            return Err("it is on the web".to_owned());
        }
        let name = self.beside.files.named(source);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        let mime = match extension.as_str() {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            "webp" => "image/webp",
            "svg" => "image/svg+xml",
            _ => return Err("its name does not end as that of a picture".to_owned()),
        };
        let data = self.beside.files.read(&name)?;
        Ok(format!("data:{mime};base64,{}", BASE64_STANDARD.encode(data)))
    }

    /// A teacher reads hints without opening them.
    fn unfolded<'e>(&self, html: CowStr<'e>) -> CowStr<'e> {
        match self.edition {
            Edition::Teacher => html.replace("<details", "<details open").into(),
            Edition::Student => html,
        }
    }
}

/// The formulas of a text, which are no HTML of the notebook's and so are not sanitized: words stand for them until it is.
struct Formulas {
    /// How these words begin. The text has none that does.
    word: String,
    html: Vec<String>,
}

impl Formulas {
    fn of(source: &str) -> Self {
        let mut words = (0_u64..).map(|number| format!("formula{number}number"));
        let word = words.find(|word| !source.contains(word.as_str())).unwrap_or_default();
        Self { word, html: Vec::new() }
    }

    /// Takes a formula, if the event is one.
    fn take(&mut self, event: &mut Event) {
        let (latex, is_block) = match event {
            Event::InlineMath(latex) => (latex, false),
            Event::DisplayMath(latex) => (latex, true),
            _ => return,
        };
        let html = formula::html(latex, is_block);
        *event = Event::Text(format!("{}{}.", self.word, self.html.len()).into());
        self.html.push(html);
    }

    fn put_into(self, text: String) -> String {
        let numbered = self.html.iter().enumerate();
        numbered.fold(text, |text, (number, html)| text.replace(&format!("{}{number}.", self.word), html))
    }
}

/// The events up to the end of what has begun.
fn until<'e>(events: &mut Parser<'e>, is_end: impl Fn(&TagEnd) -> bool) -> Vec<Event<'e>> {
    events.take_while(|event| !matches!(event, Event::End(end) if is_end(end))).collect()
}

fn code_block(kind: &CodeBlockKind, source: &str) -> String {
    let language = match kind {
        CodeBlockKind::Fenced(info) => info.split([' ', ',']).next().unwrap_or_default(),
        CodeBlockKind::Indented => "",
    };
    let html = match language {
        "rust" | "rs" => code::html(source),
        _ => Escaped(source).to_string(),
    };
    format!("<pre class=\"code\"><code>{html}</code></pre>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn html(source: &str, edition: Edition) -> String {
        Markdown::new(edition, Beside::alone(Path::new("/there/is/nothing"))).html(source, &Map::new())
    }

    #[test]
    fn headings_leave_no_level_out_and_have_ids_of_their_own() {
        let mut markdown = Markdown::new(Edition::Student, Beside::alone(Path::new(".")));
        let html = markdown.html("#### Deep *down*\n# Up\n### A `b`\n## Up", &Map::new());
        let expected = "<h2 id=\"Deep-down\">Deep <em>down</em></h2>\n<h2 id=\"Up\">Up</h2>\n\
                        <h3 id=\"A-b\">A <code>b</code></h3>\n<h2 id=\"Up-2\">Up</h2>\n";
        assert_eq!(html, expected);
        let levels: Vec<_> = markdown.headings.iter().map(|heading| heading.level).collect();
        assert_eq!(levels, [2, 2, 3, 2]);
    }

    #[test]
    fn links_to_files_that_are_not_handed_out_are_text() {
        let source = "[a](https://x.org) [b](#B) [c](02.ipynb) [d](javascript:alert(1))";
        let expected = "<p><a href=\"https://x.org\">a</a> <a href=\"#B\">b</a> c d</p>\n";
        assert_eq!(html(source, Edition::Student), expected);
    }

    #[test]
    fn a_link_to_a_notebook_leads_to_its_handout_or_says_its_title() {
        let directory = tempfile::tempdir().unwrap();
        let cells = json!([{"cell_type": "markdown", "source": "# Data & more"}]);
        let notebook = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells});
        std::fs::write(directory.path().join("02.ipynb"), notebook.to_string()).unwrap();
        let html = |handouts: BTreeMap<_, _>| {
            let beside = Beside { handouts: &handouts, ..Beside::alone(directory.path()) };
            Markdown::new(Edition::Student, beside).html("[two](02.ipynb#A) [three](03.ipynb)", &Map::new())
        };
        assert_eq!(html(BTreeMap::new()), "<p>two (“Data &amp; more”) three</p>\n");
        let made = BTreeMap::from([("02.ipynb".to_owned(), "02-student.html".to_owned())]);
        assert_eq!(html(made), "<p><a href=\"02-student.html#A\">two</a> three</p>\n");
    }

    #[test]
    fn pictures_are_put_in_or_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.png"), [1, 2, 3]).unwrap();
        let mut markdown = Markdown::new(Edition::Student, Beside::alone(directory.path()));
        let attachments = json!({"b.png": {"image/png": "QUJD"}});
        let mut html = |source: &str| markdown.html(source, attachments.as_object().unwrap());
        assert_eq!(html("![one](a.png)"), "<p><img src=\"data:image/png;base64,AQID\" alt=\"one\"></p>\n");
        assert!(html("![](attachment:b.png)").contains("base64,QUJD\" alt=\"Picture\""));
        for (missing, reason) in [
            ("https://x.org/x.png", "it is on the web"),
            ("none.png", "there is no such file"),
            ("attachment:none", "nothing of this name is attached to the cell"),
            ("data:text/html,x", "its name does not end as that of a picture"),
            ("../a.ipynb", "its name does not end as that of a picture"),
        ] {
            let expected =
                format!("<p><em>x (a picture that is not part of this handout: {reason})</em></p>\n");
            assert_eq!(html(&format!("![x]({missing})")), expected);
        }
        let noted = markdown.beside.files.left_out;
        assert!(format!("{noted:?}").contains("the picture none.png: there is no such file"), "{noted:?}");
    }

    #[test]
    fn pictures_in_html_are_put_in_or_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a b.png"), [1, 2, 3]).unwrap();
        for trust in [Trust::Sanitized, Trust::Full] {
            let beside = Beside::alone(directory.path());
            let beside = Beside { files: Files { trust, ..beside.files }, ..beside };
            let mut markdown = Markdown::new(Edition::Student, beside);
            let attachments = json!({"c.png": {"image/png": "QUJD"}});
            let mut html = |source: &str| markdown.html(source, attachments.as_object().unwrap());
            for source in
                ["<img src=\"a%20b.png\" width=\"9\">", "text <IMG SRC='a b.png'/>", "![](a%20b.png?raw=1#x)"]
            {
                assert!(html(source).contains("=\"data:image/png;base64,AQID\""), "{}", html(source));
            }
            assert!(html("<div>\n<img alt=\"c\" src=attachment:c.png>\n</div>").contains("base64,QUJD\""));
            let missing = html("<p><img src=\"https://x.org/a.png\" alt=\"A < B\"></p>");
            assert!(missing.contains(
                "<em>A &lt; B (a picture that is not part of this handout: it is on the web)</em>"
            ));
        }
    }

    #[test]
    fn formulas_are_typeset_wherever_text_is() {
        let source = "# On $x^2$\n\n| a |\n|---|\n| $\\{x\\}$ |\n\n**\\(y\\)** and\n$$\\sum_i \\frac{1}{2}$$\n\n`$code$`, $5 and $6";
        let mut markdown = Markdown::new(Edition::Student, Beside::alone(Path::new(".")));
        let html = markdown.html(source, &Map::new());
        assert_eq!(html.matches("<math ").count(), 4, "{html}");
        assert!(html.contains("<code>$code$</code>, $5 and $6"), "{html}");
        assert_eq!(markdown.headings[0].text, "On x^2");
        let words = markdown.html("formula0number0. $a$ formula1number0.", &Map::new());
        assert!(
            words.starts_with("<p>formula0number0. <math") && words.contains("</math> formula1number0."),
            "{words}"
        );
    }

    #[test]
    fn html_between_markdown_is_sanitized_as_a_whole() {
        let task = "- [x] <b onclick=\"x()\">a</b>";
        let expected =
            "<ul>\n<li><input checked=\"\" disabled=\"\" type=\"checkbox\">\n<b>a</b></li>\n</ul>\n";
        let sorted = |html: &str| html.split(' ').map(str::len).sum::<usize>();
        assert_eq!(
            sorted(&html(task, Edition::Student)),
            sorted(expected),
            "{}",
            html(task, Edition::Student)
        );
        let split = html("<scr\n\n<script>\n\n*alert(1)*\n\n</script>\n\nend", Edition::Student);
        assert!(!split.contains("<script") && !split.contains("<em>alert"), "{split}");
        let unclosed = html("<div>\n\n</div></div></main>\n\n<b>x", Edition::Student);
        assert!(!unclosed.contains("</main>") && unclosed.trim_end().ends_with("</b>"), "{unclosed}");
    }

    #[test]
    fn hints_are_folded_for_students_alone() {
        let source = "<details><summary>Hint</summary>\n\nLook.\n</details>";
        assert!(html(source, Edition::Student).starts_with("<details><summary>"));
        assert!(html(source, Edition::Teacher).starts_with("<details open=\"\"><summary>"));
    }

    #[test]
    fn code_is_coloured_if_it_is_rust() {
        assert!(html("```rust\nlet\n```", Edition::Student).contains("<span class=\"keyword\">let</span>"));
        let plain = "<pre class=\"code\"><code>let &lt;\n</code></pre>\n";
        assert_eq!(html("```\nlet <\n```", Edition::Student), plain);
    }

    #[test]
    fn a_text_is_cut_at_its_headings() {
        assert_eq!(sections("a\n\n## b\nc\n\n## d"), ["a\n\n", "## b\nc\n\n", "## d"]);
        assert_eq!(sections("## b\n\n> ## c"), ["## b\n\n> ## c"]);
        assert_eq!(sections("```\n# a\n```"), ["```\n# a\n```"]);
        assert!(is_section("## b\nc") && !is_section("c\n\n## b") && !is_section(""));
    }

    #[test]
    fn tags_are_no_text() {
        let source = "<details><summary>Hint 1</summary>\n\n`a < b` is *it*.\n</details>\n";
        assert_eq!(without_tags(source).trim(), "Hint 1:\n\n`a < b` is *it*.");
        assert_eq!(without_tags("a <b>c</b> d < e"), "a c d < e");
    }
}
