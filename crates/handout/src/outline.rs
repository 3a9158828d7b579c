//! The outline of a text in Markdown: its title, its sections, its words.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The parts of GitHub's Markdown that JupyterLab reads, and formulas.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_MATH);

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

/// The text of a piece of HTML.
fn words(html: &str) -> String {
    html.split('<')
        .enumerate()
        .map(|(n, piece)| if n == 0 { piece } else { piece.split_once('>').map_or("", |(_, text)| text) })
        .collect()
}

/// The text of events, without markup.
pub(super) fn plain<'e>(events: impl Iterator<Item = Event<'e>>) -> String {
    let words = events.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
            Some(text)
        }
        Event::SoftBreak | Event::HardBreak => Some(" ".into()),
        _ => None,
    });
    words.map(CowStr::into_string).collect()
}

/// The events up to the end of an element that has begun.
pub(super) fn until<'e>(events: &mut Parser<'e>, is_end: impl Fn(&TagEnd) -> bool) -> Vec<Event<'e>> {
    events.take_while(|event| !matches!(event, Event::End(end) if is_end(end))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
