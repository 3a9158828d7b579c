//! What came out of a cell, as HTML.

use ansi_to_html::{Converter, Theme};
use serde_json::{Map, Value};

use super::document::{Output, text};
use super::markdown::Markdown;
use super::{Escaped, clean, picture};

/// The kinds of pictures besides SVG, which notebooks keep in Base64.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The HTML of an output; nothing, if there is nothing to see.
pub(super) fn html(output: &Output, markdown: &mut Markdown) -> String {
    match output {
        Output::Stream { name, text } => pre(if name == "stderr" { "stderr" } else { "stdout" }, &text.0),
        Output::Error { ename, evalue, traceback } if traceback.is_empty() => {
            pre("error", &format!("{ename}: {evalue}"))
        }
        Output::Error { traceback, .. } => pre("error", &traceback.join("\n")),
        Output::DisplayData { data } => bundle(data, markdown),
    }
}

/// The richest representation, as JupyterLab chooses it. HTML of which nothing to see is left when it is sanitized is
/// none. A view of a widget needs a kernel; what stands for it is its text.
fn bundle(data: &Map<String, Value>, markdown: &mut Markdown) -> String {
    let get = |mime: &str| data.get(mime).map(text);
    let html = get("text/html").map(|html| markdown.sanitized(html, &Map::new()));
    if let Some(html) = html.as_deref().filter(|html| !clean::is_blank(html)) {
        return format!("<div class=\"rich\">{html}</div>\n");
    }
    if let Some(source) = get("text/markdown").or_else(|| get("text/latex")) {
        return format!("<div class=\"rich\">{}</div>\n", markdown.html(&source, &Map::new()));
    }
    if let Some(svg) = get("image/svg+xml") {
        return figure(&picture::svg(&svg, get("text/plain").map(|text| Escaped(text).to_string())));
    }
    for mime in PICTURES {
        if let Some(base64) = get(mime) {
            let base64: String = base64.split_whitespace().collect();
            let name = get("text/plain").map(|text| Escaped(text).to_string());
            return figure(&picture::image(mime, &base64, name));
        }
    }
    match get("text/plain").or_else(|| get("application/json")) {
        Some(text) => pre("result", &text),
        None if html.is_some() => {
            "<p><em>An output that shows nothing without its scripts.</em></p>\n".to_owned()
        }
        None => String::new(),
    }
}

fn figure(image: &str) -> String {
    format!("<figure>{image}</figure>\n")
}

fn pre(class: &str, text: &str) -> String {
    let shown = overwritten(text);
    let shown = shown.trim_end_matches('\n');
    if shown.is_empty() {
        return String::new();
    }
    format!("<pre class=\"{class}\">{}</pre>\n", coloured(shown))
}

/// The colours of a terminal, as the variables of the page's style.
fn coloured(text: &str) -> String {
    let converter = Converter::new().four_bit_var_prefix(Some("ansi-".to_owned())).theme(Theme::Light);
    converter.convert(text).unwrap_or_else(|_| Escaped(text).to_string())
}

/// What is left to see on a terminal of lines that were written over.
fn overwritten(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.rsplit('\r').next().unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::commands::handout::document::Edition;
    use crate::commands::handout::markdown::Beside;

    fn html(output: Value) -> String {
        let output: Output = serde_json::from_value(output).unwrap();
        super::html(&output, &mut Markdown::new(Edition::Student, Beside::alone(Path::new("."))))
    }

    fn shown(data: Value) -> String {
        html(json!({"output_type": "display_data", "data": data, "metadata": {}}))
    }

    #[test]
    fn text_is_text_whatever_it_looks_like() {
        let text = "<script>alert(1)</script> & \"x\"";
        let expected = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;";
        assert_eq!(shown(json!({"text/plain": text})), format!("<pre class=\"result\">{expected}</pre>\n"));
        let stream = html(json!({"output_type": "stream", "name": "stderr", "text": [text, "\n"]}));
        assert_eq!(stream, format!("<pre class=\"stderr\">{expected}</pre>\n"));
    }

    #[test]
    fn html_is_html() {
        let bundle = json!({"text/plain": "x", "text/html": ["<b>", "x</b>"]});
        assert_eq!(shown(bundle), "<div class=\"rich\"><b>x</b></div>\n");
    }

    #[test]
    fn html_that_only_runs_gives_way_to_the_next_representation() {
        let script = "<div id=\"plot\"></div><script>draw()</script>";
        assert_eq!(shown(json!({"text/html": script, "text/plain": "x"})), "<pre class=\"result\">x</pre>\n");
        assert!(shown(json!({"text/html": script, "image/png": "QUJD"})).starts_with("<figure>"));
        assert!(shown(json!({"text/html": script})).contains("shows nothing without its scripts"));
        let markdown = shown(json!({"text/markdown": "a <img src=x onerror=alert(1)><script>1</script>"}));
        assert!(
            markdown.starts_with("<div class=\"rich\"><p>a <em>Picture (a picture that is not part"),
            "{markdown}"
        );
        assert!(!markdown.contains("onerror") && !markdown.contains("script"), "{markdown}");
    }

    #[test]
    fn colours_of_a_terminal_are_those_of_the_page_and_other_escapes_are_gone() {
        let traceback = ["\u{1b}[31merror\u{1b}[0m: a < b", "\u{1b}[2Kend"];
        let error =
            html(json!({"output_type": "error", "ename": "E", "evalue": "v", "traceback": traceback}));
        assert!(error.contains("<span style='color:var(--ansi-red"), "{error}");
        assert!(error.contains(": a &lt; b\nend</pre>") && !error.contains('\u{1b}'), "{error}");
        let bare = html(json!({"output_type": "error", "ename": "E", "evalue": "v", "traceback": []}));
        assert_eq!(bare, "<pre class=\"error\">E: v</pre>\n");
    }

    #[test]
    fn of_a_bar_that_moved_its_last_state_is_left() {
        let bar = json!({"output_type": "stream", "name": "stdout", "text": "1 %\r50 %\r100 %\r\ndone\r\n"});
        assert_eq!(html(bar), "<pre class=\"stdout\">100 %\ndone</pre>\n");
        assert_eq!(html(json!({"output_type": "stream", "name": "stdout", "text": "\n"})), "");
    }

    #[test]
    fn a_picture_has_a_name() {
        let svg = "<svg><title id=\"t\">A &amp; \"B\"</title><desc>C</desc></svg>";
        let drawn = shown(json!({"image/svg+xml": svg, "text/plain": "other"}));
        assert!(drawn.contains("alt=\"A &amp; &quot;B&quot;. C\""), "{drawn}");
        let named = shown(json!({"image/png": "QU\nJD\n", "text/plain": "a \"b\""}));
        assert!(named.contains("src=\"data:image/png;base64,QUJD\" alt=\"a &quot;b&quot;\""), "{named}");
        assert!(shown(json!({"image/svg+xml": "<svg/>"})).contains("alt=\"Picture\""));
    }

    #[test]
    fn a_widget_is_its_text() {
        let view = json!({"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "5"});
        assert_eq!(shown(view), "<pre class=\"result\">5</pre>\n");
        assert_eq!(shown(json!({"application/x-unknown": "y"})), "");
        assert_eq!(
            shown(json!({"application/json": {"a": 1}})),
            "<pre class=\"result\">{\n  &quot;a&quot;: 1\n}</pre>\n"
        );
    }
}
