//! The picture of a history: the medians of a benchmark from run to run.

use threadbook_display::Svg;
use threadbook_timing::{Past, counted};

use crate::axis::{BESIDE, TimeAxis};
use crate::marks::{SHAPES, line, point};
use crate::page::{Anchor, Font, Frame, N, Page, WIDTH};
use crate::palette::{BARS, INK, MANY, QUIET};
use crate::text::shorten;
use crate::units::human_seconds;

const MARGIN: f64 = 14.0;
const TOP: f64 = 36.0;
const HEIGHT: f64 = 190.0;
const SMALL: Font = Font::new(11.0);
const LINE: f64 = 17.0;
/// The maximum number of drawn runs, the latest ones.
const MAX_RUNS: usize = 60;
/// The maximum number of cases: lines of more are not distinguishable.
const MAX_CASES: usize = SHAPES.len();
/// The maximum number of listed changes.
const MAX_CHANGES: usize = 6;

/// Draws the runs of a benchmark: a line for each case through its medians. Another change between two runs,
/// as of the code or the machine, is marked by a line from top to bottom, and a sentence below.
///
/// # Examples
///
/// ```
/// let past = threadbook_timing::history("an unused name").read()?;
/// assert!(threadbook_plot::history(&past).0.contains("no earlier runs"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn history(past: &Past) -> Svg {
    let (page, height) = draw(past);
    page.finish(height, &format!("History of {}", past.name), &past.to_string().replace('\n', " "))
}

/// The page and its height.
pub(crate) fn draw(past: &Past) -> (Page, f64) {
    let mut page = Page::new();
    let room = WIDTH - 2.0 * MARGIN;
    page.text_within(&past.name, Font::new(13.0).bold(), Anchor::Start, (MARGIN, 23.0), room - 260.0);
    let runs = counted(past.entries.len(), "run");
    let when = past.when(past.entries.len().saturating_sub(1)).unwrap_or_default();
    let what = if past.entries.is_empty() {
        "no earlier runs on this machine".to_owned()
    } else {
        format!("{runs}, the last one {when}")
    };
    page.text_within(&what, SMALL.color(QUIET), Anchor::End, (WIDTH - MARGIN, 23.0), 250.0);
    let mut y = TOP;
    let mut notes = Vec::new();
    if !past.entries.is_empty() {
        let drawing = Drawing::new(past);
        drawing.lines(&mut page, past);
        y = drawing.legend(&mut page, drawing.frame.bottom + 24.0);
        if past.cases().len() > drawing.cases.len() {
            let more = counted(past.cases().len() - drawing.cases.len(), "more case");
            notes.push(format!("And {more} that are not drawn."));
        }
        if drawing.first > 0 {
            notes.push(format!("{} are not drawn.", counted(drawing.first, "earlier run")));
        }
        notes.extend(drawing.changes(past));
    }
    notes.extend(past.notes());
    y = page.paragraphs(&notes, SMALL, (MARGIN, y), room);
    (page, y + 10.0)
}

struct Drawing<'a> {
    frame: Frame,
    axis: TimeAxis,
    /// The names and the medians, from the first drawn run on.
    cases: Vec<(&'a str, Vec<Option<f64>>)>,
    first: usize,
    runs: usize,
}

impl<'a> Drawing<'a> {
    fn new(past: &'a Past) -> Drawing<'a> {
        let first = past.entries.len().saturating_sub(MAX_RUNS);
        let names = past.cases().into_iter().take(MAX_CASES);
        let cases: Vec<_> = names.map(|name| (name, past.medians(name).split_off(first))).collect();
        let seconds: Vec<f64> = cases.iter().flat_map(|(_, medians)| medians).flatten().copied().collect();
        let frame =
            Frame { left: MARGIN + BESIDE, top: TOP, right: WIDTH - MARGIN - 16.0, bottom: TOP + HEIGHT };
        let axis = TimeAxis::from_zero(&seconds, 6);
        Drawing { frame, axis, cases, first, runs: past.entries.len() - first }
    }

    /// The middle of a run's column.
    fn x(&self, run: usize) -> f64 {
        self.frame.left + (run as f64 + 0.5) / self.runs as f64 * self.frame.width()
    }

    fn lines(&self, page: &mut Page, past: &Past) {
        self.axis.draw_beside(page, self.frame);
        for run in 1..self.runs {
            if !past.changes(self.first + run).is_empty() {
                let x = N((self.x(run - 1) + self.x(run)) / 2.0);
                let (top, bottom) = (N(self.frame.top), N(self.frame.bottom));
                page.add(format_args!(
                    r#"<path d="M{x} {top}V{bottom}" stroke="{INK}" stroke-width="1" stroke-dasharray="2 3"/>"#
                ));
            }
        }
        self.numbers(page);
        let size = if self.runs > 30 { 3.0 } else { 4.2 };
        for (index, (name, medians)) in self.cases.iter().enumerate() {
            let (color, shape) = (COLORS[index], SHAPES[index]);
            let place = |run: usize, median: f64| {
                (self.x(run), self.frame.bottom - self.axis.share(median) * self.frame.height())
            };
            let places: Vec<Option<(f64, f64)>> =
                medians.iter().enumerate().map(|(run, median)| Some(place(run, (*median)?))).collect();
            line(page, &places, color, " stroke-width=\"1.5\"");
            for (run, (place, median)) in places.iter().zip(medians).enumerate() {
                if let (Some(place), Some(median)) = (place, median) {
                    let when = past.when(self.first + run).unwrap_or_default();
                    let tip =
                        format!("{name}, run {}, {when}: {}", self.first + run + 1, human_seconds(*median));
                    point(page, shape, *place, size, color, &tip);
                }
            }
        }
    }

    /// The numbers of the runs, as many as fit.
    fn numbers(&self, page: &mut Page) {
        let widest = SMALL.width(&(self.first + self.runs).to_string()) + 10.0;
        let every = (widest / (self.frame.width() / self.runs as f64)).ceil().max(1.0) as usize;
        for run in (0..self.runs).step_by(every) {
            let number = (self.first + run + 1).to_string();
            page.text(&number, SMALL, Anchor::Middle, (self.x(run), self.frame.bottom + 14.0));
        }
    }

    /// Draws the entries from left to right, in as many lines as needed; returns the end of the last line.
    fn legend(&self, page: &mut Page, mut y: f64) -> f64 {
        let mut x = MARGIN;
        for (index, (name, _)) in self.cases.iter().enumerate() {
            let name = shorten(name, SMALL.size, false, 300.0);
            let width = 16.0 + SMALL.width(&name) + 18.0;
            if x > MARGIN && x + width > WIDTH - MARGIN {
                (x, y) = (MARGIN, y + LINE);
            }
            point(page, SHAPES[index], (x + 5.0, y + 6.5), 4.2, COLORS[index], "");
            page.text(&name, SMALL, Anchor::Start, (x + 16.0, y + 10.5));
            x += width;
        }
        y + LINE + 4.0
    }

    fn changes(&self, past: &Past) -> Vec<String> {
        let changes = (self.first..self.first + self.runs).filter_map(|run| {
            let changes = past.changes(run);
            let when = past.when(run)?;
            (!changes.is_empty()).then(|| format!("Run {} ({when}): {}", run + 1, changes.join("; ")))
        });
        let mut changes: Vec<String> = changes.collect();
        changes.split_off(changes.len().saturating_sub(MAX_CHANGES))
    }
}

/// The colours of the palette that are visible as thin lines on the panel.
const COLORS: [&str; MAX_CASES] = [BARS[4].0, BARS[1].0, BARS[2].0, BARS[5].0, BARS[0].0, MANY];
