//! Pictures as `<img>` elements. In these an SVG runs no script and fetches nothing, whatever it holds.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Escaped;

/// An SVG as an `<img>`. Its name is what it says of itself, or else `name`, which is HTML.
pub(super) fn svg(svg: &str, name: Option<String>) -> String {
    let said: Vec<_> = ["title", "desc"].iter().filter_map(|name| element(svg, name)).collect();
    let said = Some(said.join(". ")).filter(|said| !said.is_empty());
    image("image/svg+xml", &BASE64_STANDARD.encode(svg), said.or(name))
}

/// A picture with the name, which is HTML, that a screen reader reads.
pub(super) fn image(mime: &str, base64: &str, name: Option<String>) -> String {
    let name = name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "Picture".to_owned());
    format!("<img src=\"data:{mime};base64,{}\" alt=\"{}\">", Escaped(base64), name.trim())
}

/// The HTML with an `<img>` in the place of each SVG that is written out in it, as plotters draws for evcxr. An SVG with
/// a script in it stays as it is.
pub(super) fn with_images(html: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = html;
    while let Some(start) = starts(rest).next() {
        let Some(length) = length(&rest[start..]) else { break };
        let (before, from) = rest.split_at(start);
        let (drawing, after) = from.split_at(length);
        out.push_str(before);
        out.push_str(&match drawing.contains("<script") || drawing.contains("</script") {
            true => drawing.to_owned(),
            false => svg(&with_namespace(drawing), None),
        });
        rest = after;
    }
    match out.as_str() {
        "" => html.into(),
        _ => (out + rest).into(),
    }
}

/// The HTML with an address that holds the picture in the place of each `src` of an `<img>`. `find` is called with the
/// source and the `alt`; if it fails, its HTML takes the place of the element.
pub(super) fn with_sources(html: &str, find: impl Fn(&str, &str) -> Result<String, String>) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (start, _) in html.match_indices('<') {
        let is_image = html.get(start + 1..start + 4).is_some_and(|name| name.eq_ignore_ascii_case("img"));
        if start < copied || !is_image {
            continue;
        }
        let Some((end, attributes)) = attributes(html, start + 4) else { continue };
        let value = |wanted: &str| {
            let mut named =
                attributes.iter().filter(|(name, _)| html[name.clone()].eq_ignore_ascii_case(wanted));
            named.next().map(|(_, value)| value.clone())
        };
        let Some(source) = value("src") else { continue };
        let text = |range: Range<usize>| html[range].replace("&quot;", "\"").replace("&amp;", "&");
        let address = text(source.clone());
        if address.starts_with("data:") {
            continue;
        }
        let alt = value("alt").map(text).filter(|alt| !alt.is_empty());
        let found = find(&address, alt.as_deref().unwrap_or("Picture"));
        let (from, to, new) = match found {
            Ok(data) if html[..source.start].ends_with(['"', '\'']) => {
                (source.start - 1, source.end + 1, format!("\"{}\"", Escaped(data)))
            }
            Ok(data) => (source.start, source.end, format!("\"{}\"", Escaped(data))),
            Err(note) => (start, end, note),
        };
        out.push_str(&html[copied..from]);
        out.push_str(&new);
        copied = to;
    }
    match copied {
        0 => html.into(),
        _ => (out + &html[copied..]).into(),
    }
}

/// The places of a name and of its value.
type Attribute = (Range<usize>, Range<usize>);

/// The end of the tag whose attributes begin at `start`, and their places; nothing if that is the middle of a name, or the
/// tag does not end.
fn attributes(html: &str, start: usize) -> Option<(usize, Vec<Attribute>)> {
    let is_end = |c: char| c.is_ascii_whitespace() || "/>=".contains(c);
    let after = |at: usize, skipped: &dyn Fn(char) -> bool| {
        html[at..].find(|c| !skipped(c)).map(|length| at + length)
    };
    let mut attributes = Vec::new();
    let mut at = start;
    if !html[at..].starts_with(is_end) {
        return None;
    }
    loop {
        at = after(at, &|c| c.is_ascii_whitespace() || c == '/')?;
        if html[at..].starts_with('>') {
            return Some((at + 1, attributes));
        }
        // A name may begin with the sign that ends others.
        let first = html[at..].chars().next()?.len_utf8();
        let name = at..after(at + first, &|c| !is_end(c))?;
        let equals = after(name.end, &|c: char| c.is_ascii_whitespace())?;
        if !html[equals..].starts_with('=') {
            at = name.end;
            continue;
        }
        let begin = after(equals + 1, &|c: char| c.is_ascii_whitespace())?;
        let quote = html[begin..].chars().next().filter(|c| "\"'".contains(*c));
        let value = match quote {
            Some(quote) => begin + 1..html[begin + 1..].find(quote)? + begin + 1,
            None => begin..after(begin, &|c| !c.is_ascii_whitespace() && c != '>')?,
        };
        at = value.end + usize::from(quote.is_some());
        attributes.push((name, value));
    }
}

/// Where SVG elements begin.
fn starts(html: &str) -> impl Iterator<Item = usize> {
    let places = html.match_indices("<svg").map(|(at, _)| at);
    places.filter(|at| html[at + 4..].starts_with(|c: char| c.is_ascii_whitespace() || c == '>'))
}

/// The length of the SVG element that the HTML begins with, if it ends.
fn length(html: &str) -> Option<usize> {
    const END: &str = "</svg>";
    let mut inner = starts(html).skip(1).peekable();
    let mut open = 1;
    for (at, _) in html.match_indices(END) {
        while inner.next_if(|start| *start < at).is_some() {
            open += 1;
        }
        open -= 1;
        if open == 0 {
            return Some(at + END.len());
        }
    }
    None
}

/// In HTML an SVG needs no namespace, and as a document of its own it does.
fn with_namespace(svg: &str) -> Cow<'_, str> {
    let tag = svg.split('>').next().unwrap_or_default();
    match tag.contains("xmlns=") {
        true => svg.into(),
        false => svg.replacen("<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"", 1).into(),
    }
}

/// The text of the first element of this name, as it is written in the document.
fn element(document: &str, name: &str) -> Option<String> {
    let (_, from) = document.split_once(&format!("<{name}"))?;
    let (_, inside) = from.split_once('>')?;
    let (inside, _) = inside.split_once('<')?;
    Some(inside.replace('"', "&quot;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(html: &str) -> Vec<String> {
        let sources = html.split("base64,").skip(1).map(|rest| rest.split('"').next().unwrap());
        sources.map(|base64| String::from_utf8(BASE64_STANDARD.decode(base64).unwrap()).unwrap()).collect()
    }

    #[test]
    fn an_svg_in_html_becomes_an_image() {
        let html = "<div><svg width=\"9\"><title>A &amp; B</title><svg><a/></svg></svg> and <svg xmlns='x'>b</svg></div>";
        let images = with_images(html);
        assert!(
            images.starts_with("<div><img src=\"data:image/svg+xml;base64,") && images.ends_with("</div>")
        );
        assert!(images.contains("alt=\"A &amp; B\"> and <img") && !images.contains("<svg"), "{images}");
        let expected = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\"><title>A &amp; B</title><svg><a/></svg></svg>",
            "<svg xmlns='x'>b</svg>",
        ];
        assert_eq!(decoded(&images), expected);
    }

    #[test]
    fn sources_of_images_are_replaced() {
        let find = |source: &str, alt: &str| match source {
            "none" => Err(format!("<em>{alt}</em>")),
            _ => Ok(format!("data:{source}")),
        };
        for (html, expected) in [
            ("<img src=\"a\">", "<img src=\"data:a\">"),
            (
                "<b><IMG\nalt='x > y' SRC = 'a&amp;b' /></b>",
                "<b><IMG\nalt='x > y' SRC = \"data:a&amp;b\" /></b>",
            ),
            ("<img width=1 src=a><img src=b>", "<img width=1 src=\"data:a\"><img src=\"data:b\">"),
            ("x<img src=none alt=y>z<img src=\"none\">", "x<em>y</em>z<em>Picture</em>"),
            ("<img data-src=a src=b src=c>", "<img data-src=a src=\"data:b\" src=c>"),
        ] {
            assert_eq!(with_sources(html, find), expected);
        }
        for html in [
            "",
            "<img>",
            "<img src>",
            "<img src=\"data:x\">",
            "<imgs src=a>",
            "<img src=\"a",
            "<img",
            "ä<im",
            "<b src=a>",
        ] {
            assert_eq!(with_sources(html, find), html);
        }
    }

    #[test]
    fn any_html_is_read_to_its_end() {
        let pieces = ["<img", " ", "src", "alt", "=", "\"", "'", ">", "/", "<", "ä", "a", "\n"];
        arbtest::arbtest(|unstructured| {
            let mut html = String::new();
            for _ in 0..unstructured.arbitrary_len::<u8>()?.min(40) {
                html.push_str(unstructured.choose(&pieces)?);
            }
            let same = with_sources(&html, |source, _| Ok(source.to_owned()));
            let plain = |html: &str| {
                html.replace(['"', '\''], "")
                    .replace("&#39;", "")
                    .replace("&quot;", "")
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
            };
            assert_eq!(plain(&same), plain(&html));
            Ok(())
        });
    }

    #[test]
    fn other_html_stays() {
        for html in [
            "",
            "<b>x</b>",
            "<svgs>x</svgs>",
            "<svg>no end",
            "</svg>",
            "<svg><svg></svg>",
            "<svg><script>1</script></svg>",
            "<script>'<svg >'</script>x</svg>",
            "<svg",
        ] {
            assert_eq!(with_images(html), html);
        }
    }
}
