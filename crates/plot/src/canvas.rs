//! A plotters backend that draws on a [`Page`].
//!
//! plotters' own SVG backend writes a document of its own, with a font size for every text but no tooltips,
//! patterns or ids. With this one, plotters' axes and series become elements of our page, beside those that
//! plotters does not have, and their texts take part in the check for overlaps.

use std::convert::Infallible;
use std::fmt::Write;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use crate::page::{Anchor, Font, Page, WIDTH};
use crate::palette::INK;

/// A page of which plotters uses `height`.
pub(crate) struct Canvas<'a> {
    pub(crate) page: &'a mut Page,
    pub(crate) height: f64,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// The value of a `fill` or `stroke` attribute.
fn paint(color: BackendColor) -> String {
    let (r, g, b) = color.rgb;
    match color.alpha {
        alpha if alpha >= 1.0 => format!("#{r:02x}{g:02x}{b:02x}"),
        alpha => format!("rgba({r},{g},{b},{alpha:.2})"),
    }
}

/// `fill` or `stroke` attributes.
fn look<S: BackendStyle>(style: &S, fill: bool) -> String {
    let paint = paint(style.color());
    if fill {
        format!("fill=\"{paint}\"")
    } else {
        format!("fill=\"none\" stroke=\"{paint}\" stroke-width=\"{}\"", style.stroke_width())
    }
}

/// Lines of one pixel are sharp if they run through the middle of pixels.
fn path(points: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut data = String::new();
    for (x, y) in points {
        let command = if data.is_empty() { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(data, "{command}{x}.5 {y}.5");
    }
    data
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (WIDTH as u32, self.height as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(point, (point.0 + 1, point.1 + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (width, height, look) = (right - left, bottom - top, look(style, fill));
        self.page
            .add(format_args!(r#"<rect x="{left}" y="{top}" width="{width}" height="{height}" {look}/>"#));
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        self.page.add(format_args!(r#"<path d="{}" {}/>"#, path(points), look(style, false)));
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        points: I,
        style: &S,
    ) -> Drawn {
        self.page.add(format_args!(r#"<path d="{}Z" {}/>"#, path(points), look(style, true)));
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.page.add(format_args!(r#"<circle cx="{x}" cy="{y}" r="{radius}" {}/>"#, look(style, fill)));
        Ok(())
    }

    /// Horizontal, in the page's own font: no picture has rotated text.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let font = Font::new(style.size()).color(INK);
        let anchor = match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        let drop = match style.anchor().v_pos {
            VPos::Top => 0.85,
            VPos::Center => 0.35,
            VPos::Bottom => -0.25,
        };
        self.page.text(text, font, anchor, (f64::from(x), f64::from(y) + drop * style.size()));
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let font = Font::new(style.size());
        Ok((font.width(text).ceil() as u32, (1.1 * style.size()).ceil() as u32))
    }
}
