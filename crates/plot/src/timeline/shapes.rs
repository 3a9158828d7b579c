//! The sizes and shapes that a timeline and its legend share.

use crate::page::{Font, Frame, N, Page};

pub(super) const MARGIN: f64 = 14.0;
pub(super) const LINE: f64 = 17.0;
pub(super) const SMALL: Font = Font::new(11.0);

pub(super) fn rect(page: &mut Page, frame: Frame, fill: &str, more: &str, tip: &str) {
    let width = if frame.width() > 2.0 { frame.width() - 0.7 } else { frame.width().max(0.8) };
    let (x, y, width, height) = (N(frame.left), N(frame.top), N(width), N(frame.height()));
    page.add(format_args!(
        r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"{more}>{tip}</rect>"#
    ));
}
