//! Marks for outcomes, which do not depend on colour, and the legend.

use threadbook_trace::Outcome;

use super::{LINE, MARGIN, SMALL, rect};
use crate::page::{Anchor, Frame, N, Page, WIDTH};
use crate::palette::{ALARM, INK, MANY, QUIET};
use crate::text::shorten;

/// The width of the mark at the end of a block, for tasks that did not return normally.
pub(super) fn mark_width(frame: Frame, outcome: Outcome) -> f64 {
    match outcome {
        Outcome::Panicked | Outcome::Running if frame.width() >= 14.0 => 10.0,
        Outcome::Panicked => 2.0_f64.min(frame.width()),
        _ => 0.0,
    }
}

/// A cross on vermillion for a panic, an arrowhead for a task that goes on.
pub(super) fn mark(page: &mut Page, frame: Frame, outcome: Outcome, legend: &mut Legend) {
    let width = mark_width(frame, outcome);
    legend.panicked |= outcome == Outcome::Panicked;
    legend.running |= outcome == Outcome::Running && width > 0.0;
    if width == 0.0 {
        return;
    }
    let end = Frame { left: frame.right - width, ..frame };
    match outcome {
        Outcome::Panicked => {
            rect(page, end, ALARM, "", "");
            if width >= 8.0 {
                cross(page, end.center());
            }
        }
        _ => arrowhead(page, end),
    }
}

fn cross(page: &mut Page, (x, y): (f64, f64)) {
    let (left, right, top, bottom) = (N(x - 3.2), N(x + 2.4), N(y - 2.8), N(y + 2.8));
    page.add(format_args!(
        r##"<path d="M{left} {top}L{right} {bottom}M{right} {top}L{left} {bottom}" stroke="#ffffff" stroke-width="1.6"/>"##
    ));
}

fn arrowhead(page: &mut Page, end: Frame) {
    let (left, right, middle) = (N(end.left + 1.0), N(end.right - 1.0), N(end.center().1));
    let (top, bottom) = (N(end.center().1 - 5.0), N(end.center().1 + 5.0));
    page.add(format_args!(r#"<path d="M{left} {top}L{right} {middle}L{left} {bottom}Z" fill="{INK}"/>"#));
}

/// The legend of the colours and marks that occur.
#[derive(Default)]
pub(super) struct Legend {
    pub(super) names: Vec<(&'static str, String)>,
    pub(super) waits: bool,
    pub(super) panicked: bool,
    pub(super) running: bool,
    pub(super) many: bool,
    /// Whether some of the merged blocks are turns of async tasks.
    pub(super) turns: bool,
}

impl Legend {
    /// Draws the entries from left to right, in as many lines as needed; returns the end of the last line.
    pub(super) fn draw(&self, page: &mut Page, mut y: f64) -> f64 {
        let hatch = if self.waits { page.hatch() } else { String::new() };
        let many = if self.turns { "many short turns" } else { "many short tasks" };
        let words = [
            (self.waits, &*hatch, "waits"),
            (self.panicked, ALARM, "panicked"),
            (self.running, "none", "still running"),
            (self.many, MANY, many),
        ];
        let words = words.into_iter().filter(|(occurs, ..)| *occurs).map(|(_, fill, word)| (fill, word));
        let names = self.names.iter().map(|(fill, name)| (*fill, &**name));
        let mut x = MARGIN;
        let mut any = false;
        for (fill, word) in names.chain(words) {
            let word = shorten(word, SMALL.size, false, 200.0);
            let width = 16.0 + SMALL.width(&word) + 16.0;
            if x > MARGIN && x + width > WIDTH - MARGIN {
                (x, y) = (MARGIN, y + LINE);
            }
            let swatch = Frame { left: x, top: y + 1.0, right: x + 11.7, bottom: y + 12.0 };
            let stroke = if fill == hatch {
                format!(" stroke=\"{QUIET}\" stroke-width=\"0.6\"")
            } else {
                String::new()
            };
            match fill {
                "none" => arrowhead(page, Frame { left: x, right: x + 10.0, ..swatch }),
                _ => rect(page, swatch, fill, &stroke, ""),
            }
            if fill == ALARM {
                cross(page, swatch.center());
            }
            page.text(&word, SMALL, Anchor::Start, (x + 16.0, y + 10.5));
            x += width;
            any = true;
        }
        if any { y + LINE + 4.0 } else { y }
    }
}
