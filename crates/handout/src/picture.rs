//! Pictures as `<img>` elements, in which an SVG runs no script and fetches nothing.

use std::borrow::Cow;

use ansi_to_html::Esc as Escaped;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// An SVG as an `<img>`. Its name is its own title and description, or else `name`, which is HTML.
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

/// The byte offsets of SVG elements.
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
