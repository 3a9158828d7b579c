//! An SVG picture in the formats that let every front end show it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::bundle::MimeBundle;

/// An SVG picture as `image/svg+xml`, and as an `<img>` in `text/html`.
///
/// JupyterLab shows no SVG of a notebook that it does not trust, since an SVG can hold scripts. In an `<img>` none runs,
/// so that every sanitizer of HTML lets it pass that lets pictures pass. Programs that read notebooks look for the SVG.
///
/// The text for readers who do not see the picture is its `<title>` and its `<desc>`.
///
/// # Examples
///
/// ```
/// let svg = "<svg xmlns='http://www.w3.org/2000/svg'><title>A dot</title><circle r='3'/></svg>";
/// let bundle = threadbook_display::svg_bundle(svg);
/// assert_eq!(bundle["image/svg+xml"], svg);
/// assert!(bundle["text/html"].as_str().unwrap().starts_with("<img alt=\"A dot\" src=\"data:image/svg+xml;base64,"));
/// ```
pub fn svg_bundle(svg: &str) -> MimeBundle {
    let parts = ["title", "desc"].iter().filter_map(|name| element(svg, name));
    let alt = Some(parts.collect::<Vec<_>>().join(". ")).filter(|alt| !alt.is_empty());
    let alt = alt.unwrap_or_else(|| "Picture".to_owned());
    let image =
        format!("<img alt=\"{alt}\" src=\"data:image/svg+xml;base64,{}\">", BASE64_STANDARD.encode(svg));
    let pairs = [("image/svg+xml", svg.to_owned()), ("text/html", image)];
    pairs.map(|(mime, text)| (mime.to_owned(), text.into())).into_iter().collect()
}

/// The text of the first element of this name, as HTML for an attribute.
fn element(svg: &str, name: &str) -> Option<String> {
    let start = format!("<{name}");
    let mut afters = svg.match_indices(&start).map(|(at, _)| &svg[at + start.len()..]);
    // `<desc>` is no `<description>`.
    let after = afters.find(|after| after.starts_with([' ', '>', '\n', '\t', '\r']))?;
    let (_, inside) = after.split_once('>')?;
    let (inside, _) = inside.split_once('<')?;
    Some(inside.trim().replace('"', "&quot;")).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(svg: &str) -> String {
        svg_bundle(svg)["text/html"].as_str().unwrap().to_owned()
    }

    #[test]
    fn the_picture_is_in_both() {
        let svg = "<svg><text>\u{e4} \"</text></svg>";
        let html = html(svg);
        let base64 = html.split("base64,").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(BASE64_STANDARD.decode(base64).unwrap(), svg.as_bytes());
        assert_eq!(svg_bundle(svg)["image/svg+xml"], svg);
    }

    #[test]
    fn its_title_and_description_are_read_to_those_who_do_not_see_it() {
        let svg = "<svg><title id=\"t\">A &amp; \"B\"</title><description/><desc>\nC</desc><g><title>no</title></g></svg>";
        assert!(html(svg).starts_with("<img alt=\"A &amp; &quot;B&quot;. C\" src="), "{}", html(svg));
        for none in
            ["<svg/>", "<svg><title></title></svg>", "<svg><title", "<svg><titles>x</titles></svg>", ""]
        {
            assert!(html(none).starts_with("<img alt=\"Picture\" src="), "{}", html(none));
        }
    }
}
