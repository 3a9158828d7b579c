//! Names in blocks, as far as they fit.

use threadbook_trace::Bar;

use super::blocks::{Block, Span};
use super::legend::mark_width;
use crate::page::{Anchor, Font, Frame, N, Page};
use crate::palette::INK;
use crate::text::shorten;

/// The minimum width of a shortened name.
const WORTHWHILE: f64 = 64.0;
const AIR: f64 = 4.0;

/// The texts for the block of a task.
pub(super) struct Label<'a> {
    pub(super) bar: &'a Bar,
    pub(super) waits: &'a [(Span, &'a str)],
    pub(super) frame: Frame,
    /// The left end of the row.
    pub(super) left: f64,
    pub(super) ink: &'static str,
}

/// The blocks on top of the first of `blocks`.
pub(super) fn above(blocks: &[Block<'_>]) -> Vec<Span> {
    let Some((first, later)) = blocks.split_first() else { return Vec::new() };
    let upon = later.iter().take_while(|block| block.span.from < first.span.to);
    upon.filter(|block| block.depth > first.depth).map(|block| block.span).collect()
}

impl Label<'_> {
    /// Writes the name into a running part of the task, or else into a wait, and the target of each wait into
    /// it; returns `false` if the name does not fit.
    pub(super) fn draw(&self, page: &mut Page, above: &[Span]) -> bool {
        let end = self.frame.right - mark_width(self.frame, self.bar.outcome);
        let bar = Span { from: self.frame.left - self.left, to: end - self.left };
        if self.frame.height() < 10.0 || bar.width() < 2.0 * AIR {
            return false;
        }
        let font = Font::new(11.0_f64.min(self.frame.height() - 2.0)).color(self.ink);
        let mut taken: Vec<Span> = self.waits.iter().map(|(span, _)| *span).collect();
        taken.extend(above);
        let mut named = false;
        if let Some((span, name)) = place(&self.bar.label, font, &gaps(bar, &mut taken)) {
            self.write(page, &name, font, span);
            named = true;
        }
        for (wait, what) in self.waits {
            let wait = Span { from: wait.from, to: wait.to.min(bar.to) };
            let waits = format!("waits for {what}");
            let whole = format!("{} {waits}", self.bar.label);
            let choices = if named { vec![&waits] } else { vec![&whole, &self.bar.label] };
            let font = font.color(INK);
            let gaps = gaps(wait, &mut above.to_vec());
            let fits = |text: &&String| gaps.iter().any(|gap| font.width(text) <= room(gap));
            if let Some((span, text)) =
                choices.into_iter().find(fits).and_then(|text| place(text, font, &gaps))
            {
                self.backing(page, font, span, &text);
                self.write(page, &text, font, span);
                named = true;
            }
        }
        named
    }

    fn write(&self, page: &mut Page, text: &str, font: Font, span: Span) {
        let baseline = self.frame.center().1 + 0.35 * font.size;
        page.text(text, font, Anchor::Start, (self.left + span.from + AIR, baseline));
    }

    /// Draws a background for text on stripes.
    fn backing(&self, page: &mut Page, font: Font, span: Span, text: &str) {
        let (x, y) = (N(self.left + span.from + AIR - 2.0), N(self.frame.center().1 - 0.6 * font.size));
        let (width, height) = (N(font.width(text) + 4.0), N(1.2 * font.size));
        page.add(format_args!(
            r##"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="2" fill="#ffffff" fill-opacity="0.9"/>"##
        ));
    }
}

/// The place of `name`: the first gap that is wide enough for all of it, or else the widest one, with the
/// name shortened, if enough of it remains.
fn place(name: &str, font: Font, gaps: &[Span]) -> Option<(Span, String)> {
    if let Some(gap) = gaps.iter().find(|gap| font.width(name) <= room(gap)) {
        return Some((*gap, name.to_owned()));
    }
    let widest = gaps.iter().max_by(|a, b| a.width().total_cmp(&b.width()))?;
    let short = shorten(name, font.size, font.bold, room(widest)).into_owned();
    (room(widest) >= WORTHWHILE).then_some((*widest, short))
}

fn room(gap: &Span) -> f64 {
    gap.width() - 2.0 * AIR
}

/// The parts of `span` outside of all spans in `taken`.
fn gaps(span: Span, taken: &mut [Span]) -> Vec<Span> {
    taken.sort_by(|a, b| a.from.total_cmp(&b.from));
    let mut gaps = Vec::new();
    let mut from = span.from;
    let end = Span { from: span.to, to: span.to };
    for next in taken.iter().copied().chain([end]) {
        let gap = Span { from, to: next.from.min(span.to) };
        if gap.width() > 0.0 {
            gaps.push(gap);
        }
        from = from.max(next.to);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: f64, to: f64) -> Span {
        Span { from, to }
    }

    #[test]
    fn gaps_are_between_what_is_taken() {
        let gaps = |taken: &mut [Span]| gaps(span(0.0, 10.0), taken);
        assert_eq!(gaps(&mut []), [span(0.0, 10.0)]);
        assert_eq!(
            gaps(&mut [span(6.0, 7.0), span(1.0, 2.0)]),
            [span(0.0, 1.0), span(2.0, 6.0), span(7.0, 10.0)]
        );
        assert_eq!(gaps(&mut [span(0.0, 10.0)]), []);
        assert_eq!(gaps(&mut [span(0.0, 8.0), span(2.0, 3.0)]), [span(8.0, 10.0)]);
    }

    #[test]
    fn a_name_goes_where_all_of_it_fits() {
        let font = Font::new(11.0);
        let gaps = [span(0.0, 20.0), span(30.0, 90.0), span(100.0, 300.0)];
        assert_eq!(place("alice", font, &gaps), Some((gaps[1], "alice".to_owned())));
        assert_eq!(place("alice", font, &gaps[..1]), None);
        let (gap, name) = place(&"a".repeat(99), font, &gaps).unwrap();
        assert!(gap == gaps[2] && name.contains('…'), "{name}");
    }
}
