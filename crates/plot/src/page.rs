//! The page that a picture is drawn on: its SVG elements, and the frames of its texts.

use std::fmt::{self, Write};

use threadbook_display::Svg;

use crate::palette::{EDGE, INK, PANEL};
use crate::text::{escape, shorten, width, wrapped};

/// The width of every picture, which a cell of JupyterLab shows without scaling.
pub(crate) const WIDTH: f64 = 720.0;

/// The maximum width of a name or sentence in a tooltip.
const MAX_TITLE: f64 = 300.0;

/// The placeholder in the elements for the picture's own id, which is computed at the end. No text can
/// contain it.
const ID: &str = "\u{1}";

/// A coordinate as SVG has it: a tenth of a pixel is enough, and short numbers make small files.
pub(crate) struct N(pub(crate) f64);

impl fmt::Display for N {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        match tenths % 10 {
            0 => write!(f, "{}", tenths / 10),
            _ => write!(f, "{}", tenths as f64 / 10.0),
        }
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Frame {
    pub(crate) fn around((x, y): (f64, f64), width: f64, height: f64) -> Frame {
        Frame {
            left: x - width / 2.0,
            top: y - height / 2.0,
            right: x + width / 2.0,
            bottom: y + height / 2.0,
        }
    }

    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(crate) fn center(&self) -> (f64, f64) {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    pub(crate) fn grown(&self, by: f64) -> Frame {
        Frame { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }

    pub(crate) fn overlaps(&self, other: &Frame) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    pub(crate) fn contains(&self, (x, y): (f64, f64)) -> bool {
        self.left <= x && x <= self.right && self.top <= y && y <= self.bottom
    }
}

/// The point of a text at its `x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// The style of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Font {
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) color: &'static str,
}

impl Font {
    pub(crate) const fn new(size: f64) -> Font {
        Font { size, bold: false, color: INK }
    }

    pub(crate) const fn bold(self) -> Font {
        Font { bold: true, ..self }
    }

    pub(crate) const fn color(self, color: &'static str) -> Font {
        Font { color, ..self }
    }

    pub(crate) fn width(&self, text: &str) -> f64 {
        width(text, self.size, self.bold)
    }

    /// The bounding box of a text with its baseline at `y`.
    pub(crate) fn frame(&self, text: &str, anchor: Anchor, (x, y): (f64, f64)) -> Frame {
        let width = self.width(text);
        let left = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        Frame { left, top: y - 0.85 * self.size, right: left + width, bottom: y + 0.25 * self.size }
    }
}

/// A picture under construction.
pub(crate) struct Page {
    body: String,
    /// The frames of the texts so far.
    pub(crate) texts: Vec<Frame>,
    hatched: bool,
}

impl Page {
    pub(crate) fn new() -> Page {
        Page { body: String::new(), texts: Vec::new(), hatched: false }
    }

    /// Adds elements unchanged.
    pub(crate) fn add(&mut self, elements: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(elements);
        self.body.push('\n');
    }

    /// Adds a text that is known to fit. `y` is the baseline.
    pub(crate) fn text(&mut self, text: &str, font: Font, anchor: Anchor, (x, y): (f64, f64)) {
        self.texts.push(font.frame(text, anchor, (x, y)));
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if font.bold { " font-weight=\"bold\"" } else { "" };
        let fill = if font.color == INK { String::new() } else { format!(" fill=\"{}\"", font.color) };
        let (x, y, size, text) = (N(x), N(y), N(font.size), escape(text));
        self.add(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}"{anchor}{weight}{fill}>{text}</text>"#
        ));
    }

    /// Adds a text of at most `room`, shortened in its middle if necessary.
    pub(crate) fn text_within(&mut self, text: &str, font: Font, anchor: Anchor, at: (f64, f64), room: f64) {
        self.text(&shorten(text, font.size, font.bold, room), font, anchor, at);
    }

    /// Adds sentences below each other from `top` on, each in at most three lines; returns the end of the
    /// last one.
    pub(crate) fn paragraphs<'a>(
        &mut self,
        texts: impl IntoIterator<Item = &'a String>,
        font: Font,
        (left, top): (f64, f64),
        room: f64,
    ) -> f64 {
        let mut y = top;
        for line in texts.into_iter().flat_map(|text| wrapped(text, font.size, room, 3)) {
            self.text(&line, font, Anchor::Start, (left, y + font.size));
            y += 1.5 * font.size;
        }
        y
    }

    /// The fill that means waiting: white with dark stripes, which also reads in black and white.
    pub(crate) fn hatch(&mut self) -> String {
        self.hatched = true;
        format!("url(#{ID}-waits)")
    }

    /// The whole document, `height` high, with a name and a description for screen readers.
    pub(crate) fn finish(self, height: f64, title: &str, description: &str) -> Svg {
        let (title, description) = (escape(title), escape(description));
        let hatch = if self.hatched {
            format!(
                "<defs><pattern id=\"{ID}-waits\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"#ffffff\" \
                 fill-opacity=\"0.72\"/><path d=\"M0.8 0V5\" stroke=\"{INK}\" stroke-width=\"1.3\"/></pattern></defs>\n"
            )
        } else {
            String::new()
        };
        let (panel_width, panel_height) = (N(WIDTH - 1.0), N(height - 1.0));
        let (width, height) = (N(WIDTH), N(height));
        let document = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" style=\"max-width:100%;height:auto\" role=\"img\" \
             aria-labelledby=\"{ID}-title {ID}-desc\" fill=\"{INK}\" \
             font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif\">\n\
             <title id=\"{ID}-title\">{title}</title>\n<desc id=\"{ID}-desc\">{description}</desc>\n{hatch}\
             <rect x=\"0.5\" y=\"0.5\" width=\"{panel_width}\" height=\"{panel_height}\" rx=\"6\" \
             fill=\"{PANEL}\" stroke=\"{EDGE}\"/>\n{}</svg>\n",
            self.body
        );
        let id = format!("tb{:08x}", hash(&document));
        Svg(document.replace(ID, &id))
    }
}

/// A `<title>` element, which front ends show as a tooltip.
pub(crate) fn tooltip(text: &str) -> String {
    format!("<title>{}</title>", escape(&shorten(text, 1.0, false, MAX_TITLE)))
}

/// FNV-1a: the ids of a picture come from its content, so that two pictures on a page have different ids, and
/// the same picture has the same ids in every run.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
