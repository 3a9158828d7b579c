//! HTML of a notebook, made safe to open: it shows, and does nothing.
//!
//! The allowed elements are listed here; all others are removed. The page's content security policy forbids the same once
//! more, see [`crate::page::shell`].

use std::borrow::Cow;
use std::collections::HashSet;

use ammonia::Builder;

// Lists of words, separated by white space.

/// Elements of today's HTML that ammonia leaves out by default.
const TAGS: &str = "input meter progress section";

/// Elements that go with all that is in them.
const GONE: &str =
    "applet audio button embed form iframe noscript object script select style svg template textarea video";

const ATTRIBUTES: &str = "align aria-hidden aria-label border dir height id role style valign width";

/// The attributes of a few elements.
const ATTRIBUTES_OF: [(&str, &str); 7] = [
    ("a", "name"),
    ("details", "open"),
    ("input", "checked"),
    ("li", "value"),
    ("meter", "value min max low high optimum"),
    ("progress", "value max"),
    ("time", "datetime"),
];

/// How a thing looks, but not where it is: nothing may lie over the rest of the page.
const STYLES: &str = "\
    background background-color border border-bottom border-collapse border-color border-left border-radius \
    border-right border-spacing border-style border-top border-width color column-gap columns display flex \
    flex-direction flex-wrap float font font-family font-size font-style font-variant font-weight gap height \
    justify-content letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right \
    margin-top max-height max-width min-width opacity overflow overflow-wrap overflow-x padding padding-bottom \
    padding-left padding-right padding-top text-align text-decoration vertical-align white-space width";

/// Our own classes in Markdown: the colours of code.
const CODE: &str = "code comment function keyword lifetime macro magic number string type";

/// The starts of addresses on the web.
pub(super) const WEB: [&str; 3] = ["http://", "https://", "mailto:"];

/// Sanitizes HTML.
pub(super) struct Cleaner(Builder<'static>);

impl Cleaner {
    /// For a page that may link to these files, which lie beside it.
    pub(super) fn new(beside: impl IntoIterator<Item = String>) -> Self {
        let beside: HashSet<String> = beside.into_iter().collect();
        let mut builder = Builder::default();
        builder
            .add_tags(words(TAGS))
            .rm_tags(["area", "map"])
            .clean_content_tags(words(GONE).collect())
            .add_generic_attributes(words(ATTRIBUTES))
            .add_allowed_classes("span", words(CODE))
            .add_allowed_classes("pre", ["code"])
            // A box of a list of tasks: nothing can be written into it.
            .set_tag_attribute_value("input", "type", "checkbox")
            .set_tag_attribute_value("input", "disabled", "")
            .add_url_schemes(["data"])
            .filter_style_properties(words(STYLES).collect())
            .link_rel(None)
            .attribute_filter(move |element, attribute, value| {
                is_allowed(element, attribute, value, &beside).then_some(Cow::Borrowed(value))
            });
        for (tag, attributes) in ATTRIBUTES_OF {
            builder.add_tag_attributes(tag, words(attributes));
        }
        Self(builder)
    }

    /// The HTML without the parts that run, fetch, send or lead elsewhere by themselves. All elements are closed.
    pub(super) fn clean(&self, html: &str) -> String {
        self.0.clean(html).to_string()
    }
}

fn words(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_whitespace()
}

/// Whether the HTML has elements that a handout leaves out with all that they show or do.
pub(super) fn has_active(html: &str) -> bool {
    let html = html.to_ascii_lowercase();
    let mut tags = html.split('<').skip(1);
    tags.any(|tag| {
        words(GONE).any(|name| {
            tag.strip_prefix(name)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
        })
    })
}

/// Whether elements are nested deeper than browsers nest them. Cleaning takes a time that grows with the square of it.
pub(super) fn is_too_deep(html: &str) -> bool {
    const MAX: usize = 512;
    // These have no end, or need none.
    const FLAT: &str =
        "area base br col dd dt embed hr img input li link meta option p source tbody td th tr wbr";
    let is_flat = |tag: &str| {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        words(FLAT).any(|flat| flat.eq_ignore_ascii_case(name))
    };
    let mut depth = 0_usize;
    for tag in html.split('<').skip(1) {
        match tag.strip_prefix('/') {
            Some(end) if !is_flat(end) => depth = depth.saturating_sub(1),
            None if tag.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_flat(tag) => depth += 1,
            _ => {}
        }
        if depth > MAX {
            return true;
        }
    }
    false
}

/// Whether there is nothing to see in HTML that was cleaned.
pub(super) fn is_blank(html: &str) -> bool {
    let text = html.split('<').enumerate().map(|(n, piece)| match piece.split_once('>') {
        Some((_, text)) if n > 0 => text,
        _ => piece,
    });
    let drawn = ["<img ", "<progress", "<meter", "<hr", "<input"];
    text.map(|text| text.replace("&nbsp;", "")).all(|text| text.trim().is_empty())
        && !drawn.iter().any(|tag| html.contains(tag))
}

fn is_allowed(element: &str, attribute: &str, value: &str, beside: &HashSet<String>) -> bool {
    match (element, attribute) {
        ("img", "src") => starts(value, "data:image/"),
        (_, "href") => {
            let file = value.split('#').next().unwrap_or_default();
            value.starts_with('#') || WEB.iter().any(|start| starts(value, start)) || beside.contains(file)
        }
        (_, "src" | "cite") => false,
        // A function of CSS that fetches is written out: nothing hides it.
        (_, "style") => {
            let style = value.to_ascii_lowercase();
            !["\\", "/*", "url", "image", "src(", "expression"].iter().any(|word| style.contains(word))
        }
        _ => true,
    }
}

fn starts(value: &str, start: &str) -> bool {
    value.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::text;

    fn clean(html: &str) -> String {
        Cleaner::new(["two-student.html".to_owned()]).clean(html)
    }

    #[test]
    fn what_shows_stays_as_it_is() {
        for html in [
            "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td style=\"text-align:left\"><code>b</code></td></tr></tbody></table>",
            "<progress style=\"vertical-align:middle\" value=\"6\" max=\"6\"></progress> 6/6",
            "<details><summary>Hint</summary><p>Look at <a href=\"https://x.org/?a=b#c\">x</a>.</p></details>",
            "<pre class=\"code\"><code><span class=\"keyword\">let</span> a &lt; b</code></pre>",
            "<h2 id=\"A-b\">A</h2><a href=\"#A-b\">b</a><a href=\"two-student.html#A\">c</a>",
            "<img src=\"data:image/svg+xml;base64,PHN2Zy8+\" alt=\"A picture\">",
            "<span style=\"color:red;font-weight:bold\">x</span> &amp; <kbd>y</kbd>",
        ] {
            // Attributes have no order.
            let sorted = |html: &str| {
                let mut words: Vec<String> = html.split([' ', '>']).map(str::to_owned).collect();
                words.sort();
                words
            };
            assert_eq!(sorted(&clean(html)), sorted(html));
        }
    }

    #[test]
    fn what_does_is_gone() {
        for html in [
            "<script>alert(1)</script>",
            "<SCRIPT SRC=//x.org></SCRIPT>",
            "<svg onload=alert(1)><script>1</script><use href=\"data:x\"/><foreignObject><b>x</b></foreignObject></svg>",
            "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
            "<form action=\"https://x.org\"><input name=a></form>",
            "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
            "<object data=x></object><embed src=x><link rel=preload href=x><meta http-equiv=refresh content=0><base href=x>",
            "<style>@import 'x'; a { background: url(x) }</style>",
            "<template><script>1</script></template><noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<!-- <script>1</script> -->",
        ] {
            let cleaned = clean(html);
            let gone = [
                "script", "onerror=", "onload", "svg", "form", "iframe", "object", "embed", "link", "meta",
                "base", "style",
            ];
            let tags: Vec<&str> =
                cleaned.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect();
            assert!(
                !tags.iter().any(|tag| gone.iter().any(|word| tag.contains(word))),
                "{html} became {cleaned}"
            );
        }
    }

    #[test]
    fn addresses_are_of_the_web_of_the_page_or_hold_a_picture() {
        for href in [
            "javascript:alert(1)",
            "JaVa\tScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "/etc/passwd",
            "//x.org",
            "other.html",
            "vbscript:x",
            "two-student.html/../x",
            " javascript:x",
        ] {
            assert_eq!(clean(&format!("<a href=\"{href}\">x</a>")), "<a>x</a>", "{href}");
        }
        for src in ["https://x.org/x.png", "x.png", "file:///x.png", "data:text/html,x", "//x.org/x", "#a"] {
            assert_eq!(clean(&format!("<img alt=\"x\" src=\"{src}\">")), "<img alt=\"x\">", "{src}");
        }
    }

    #[test]
    fn a_style_fetches_nothing_and_covers_nothing() {
        assert_eq!(
            clean("<b style=\"position:fixed;top:0;color:red\">x</b>"),
            "<b style=\"color:red\">x</b>"
        );
        for style in
            ["background:url(x)", "background:u\\72l(x)", "background:image-set('x' 1x)", "color:red/**/"]
        {
            assert_eq!(clean(&format!("<b style=\"{style}\">x</b>")), "<b>x</b>", "{style}");
        }
    }

    #[test]
    fn a_class_or_an_end_of_the_page_is_not_taken() {
        assert_eq!(clean("<div class=\"controls slide\">x</div></div></main>"), "<div>x</div>");
        assert_eq!(clean("<b>open"), "<b>open</b>");
        assert_eq!(clean("<input type=\"text\" name=\"a\">").matches("type=\"checkbox\"").count(), 1);
    }

    #[test]
    fn it_is_known_how_deep_it_is() {
        for deep in ["<div>", "<B>", "<b><p>", "<table><tr><td>", "<blockquote>\n"] {
            assert!(is_too_deep(&deep.repeat(600)) && !is_too_deep(&deep.repeat(200)), "{deep}");
        }
        for flat in ["<br>", "<p>x", "<li>x", "<img src=x>", "<b>x</b>", "a < b ", "<tr><td>x</td>"] {
            assert!(!is_too_deep(&flat.repeat(10_000)), "{flat}");
        }
    }

    #[test]
    fn it_is_known_whether_anything_is_left_to_see() {
        assert!(is_blank(&clean("<div><script>draw()</script>\n</div>")) && is_blank(""));
        assert!(!is_blank(&clean("<p>x</p>")) && !is_blank(&clean("<img src=\"data:image/png;base64,\">")));
        assert!(
            has_active("<b>x</b><ScRiPt>")
                && has_active("<svg/>")
                && !has_active("<b>script</b><s>x</s><forms>")
        );
    }

    #[test]
    fn nothing_of_any_text_runs() {
        let pieces = [
            "<",
            ">",
            "\"",
            "'",
            "/",
            "=",
            " ",
            "script",
            "svg",
            "math",
            "style",
            "onerror",
            "img",
            "a",
            "href",
            "javascript:",
            "&lt;",
            "<!--",
            "-->",
            "]]>",
            "title",
            "p",
            "x",
        ];
        arbtest::arbtest(|unstructured| {
            let mut html = String::new();
            for _ in 0..unstructured.arbitrary_len::<u8>()?.min(40) {
                html.push_str(unstructured.choose(&pieces)?);
            }
            html.push_str(&text(unstructured, "<>\"'/= &;ab", 10)?);
            let cleaned = clean(&html);
            // What is clean stays so: no second reading finds another meaning in it.
            assert_eq!(clean(&cleaned), cleaned, "{html}");
            for forbidden in ["<script", "<svg", "<math", "<style", " onerror=", "href=\"javascript:"] {
                let inside: Vec<&str> =
                    cleaned.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect();
                assert!(
                    !inside
                        .iter()
                        .any(|tag| format!("<{tag}").contains(forbidden) && !tag.contains("title=")),
                    "{html}: {cleaned}"
                );
            }
            Ok(())
        });
    }
}
