//! The picture of a comparison: a bar for each case, with its runs and its interval.

use threadbook_display::Svg;
use threadbook_timing::{Case, Comparison, counted};

use crate::axis::{BELOW, TimeAxis};
use crate::marks::{Shape, dot, point, sparkline, whisker_across};
use crate::page::{Anchor, Font, Frame, N, Page, WIDTH, tooltip};
use crate::palette::{BARS, MANY, QUIET, STRIPE};
use crate::units::human_seconds;

/// The maximum number of drawn cases.
const MAX_ROWS: usize = 60;
/// The maximum number of cases with two lines each.
const FEW_ROWS: usize = 14;
/// The maximum number of drawn runs, the latest ones.
const MAX_RUNS: usize = 24;
const MARGIN: f64 = 14.0;
const TOP: f64 = 36.0;
const NAMES: f64 = 150.0;
const MEDIANS: f64 = 76.0;
const VERDICTS: f64 = 128.0;
const STRIP: f64 = 64.0;
const SMALL: Font = Font::new(11.0);

/// Draws a comparison: a bar for each case, as long as its median, with a dot for each run and the 95 %
/// confidence interval of the median; beside it the result relative to the first case, and the medians of the
/// earlier runs. If the times differ by more than a hundredfold, there are points on a logarithmic axis
/// instead of bars.
///
/// # Examples
///
/// ```
/// use threadbook_timing::{Case, Comparison, Measurement};
///
/// let case = |name: &str, seconds: [f64; 3]| Case {
///     name: name.into(),
///     measurement: Measurement::new(1, seconds),
/// };
/// let comparison = Comparison::new("sort", vec![case("old", [4.0, 4.1, 4.2]), case("new", [2.0, 2.1, 2.1])]);
/// assert!(threadbook_plot::comparison(&comparison).0.contains("1.98 times as fast"));
/// ```
pub fn comparison(comparison: &Comparison) -> Svg {
    let (page, height) = draw(comparison);
    let verdicts = comparison
        .cases()
        .iter()
        .take(12)
        .map(|case| format!("{}: {}, {}. ", case.name, median(case), comparison.verdict(&case.name)));
    page.finish(height, &format!("Comparison of {}", comparison.name()), &verdicts.collect::<String>())
}

/// The page and its height.
pub(crate) fn draw(comparison: &Comparison) -> (Page, f64) {
    let cases = comparison.cases();
    let shown = &cases[..cases.len().min(MAX_ROWS)];
    let mut page = Page::new();
    let room = WIDTH - 2.0 * MARGIN;
    page.text_within(comparison.name(), Font::new(13.0).bold(), Anchor::Start, (MARGIN, 23.0), room - 200.0);
    let runs = cases.first().map_or(0, |case| case.measurement.seconds().len());
    let how = format!("{} of each, by turns", counted(runs, "run"));
    page.text_within(&how, SMALL.color(QUIET), Anchor::End, (WIDTH - MARGIN, 23.0), 190.0);
    let mut y = TOP;
    if !shown.is_empty() {
        let rows = Rows::new(comparison, shown);
        rows.draw(&mut page, comparison, shown);
        y = rows.frame.bottom + BELOW + 8.0;
    }
    let mut notes: Vec<String> = comparison.since_last_time().into_iter().collect();
    if cases.len() > shown.len() {
        notes.push(format!("And {} that are not drawn.", counted(cases.len() - shown.len(), "more case")));
    }
    notes.extend(comparison.notes.iter().cloned());
    notes.extend(comparison.warnings().iter().map(|warning| format!("Beware: {warning}")));
    y = page.paragraphs(&notes, SMALL, (MARGIN, y), room);
    (page, y + 10.0)
}

fn median(case: &Case) -> String {
    human_seconds(case.measurement.median_seconds())
}

/// The positions of the rows.
struct Rows {
    /// The frame around the bars.
    frame: Frame,
    row_height: f64,
    axis: TimeAxis,
    has_strips: bool,
}

impl Rows {
    fn new(comparison: &Comparison, shown: &[Case]) -> Rows {
        let names = shown.iter().map(|case| SMALL.width(&case.name)).fold(0.0, f64::max);
        let left = (MARGIN + names.min(NAMES) + 10.0).round();
        let has_strips = !comparison.earlier.is_empty();
        let strip = if has_strips { STRIP + 14.0 } else { 0.0 };
        let right = WIDTH - MARGIN - MEDIANS - VERDICTS - 10.0 - strip;
        let row_height = if shown.len() <= FEW_ROWS { 34.0 } else { 18.0 };
        let bottom = TOP + shown.len() as f64 * row_height;
        let seconds: Vec<f64> = shown.iter().flat_map(|case| case.measurement.seconds()).copied().collect();
        let axis = TimeAxis::from_zero(&seconds, ((right - left) / 70.0) as usize);
        Rows { frame: Frame { left, top: TOP, right, bottom }, row_height, axis, has_strips }
    }

    fn draw(&self, page: &mut Page, comparison: &Comparison, shown: &[Case]) {
        for index in (0..shown.len()).step_by(2) {
            let (x, y) = (N(MARGIN / 2.0), N(self.top_of(index)));
            let (width, height) = (N(WIDTH - MARGIN), N(self.row_height));
            page.add(format_args!(
                r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{STRIPE}"/>"#
            ));
        }
        self.axis.draw_below(page, self.frame);
        for (index, case) in shown.iter().enumerate() {
            self.name_and_verdict(page, comparison, index, case);
            self.bar(page, index, case);
            if self.has_strips {
                let medians = comparison.medians(&case.name);
                let latest = &medians[medians.len().saturating_sub(MAX_RUNS)..];
                let bottom = self.top_of(index) + self.row_height - 5.0;
                sparkline(page, latest, (self.frame.right + 14.0, bottom), (STRIP, self.row_height - 10.0));
            }
        }
        if self.has_strips {
            let place = (self.frame.right + 34.0, self.frame.bottom + 15.4);
            page.text("earlier runs", SMALL.color(QUIET), Anchor::Start, place);
        }
        if let Some(first) = shown.first().filter(|_| shown.len() > 1) {
            let x = N(self.x(first.measurement.median_seconds()));
            let (top, bottom) = (N(self.frame.top), N(self.frame.bottom));
            page.add(format_args!(
                r#"<path d="M{x} {top}V{bottom}" stroke="{QUIET}" stroke-width="1" stroke-dasharray="3 3"/>"#
            ));
        }
    }

    fn top_of(&self, row: usize) -> f64 {
        TOP + row as f64 * self.row_height
    }

    fn x(&self, seconds: f64) -> f64 {
        self.frame.left + self.axis.share(seconds) * self.frame.width()
    }

    fn name_and_verdict(&self, page: &mut Page, comparison: &Comparison, index: usize, case: &Case) {
        let two_lines = self.row_height > 30.0;
        let middle = self.top_of(index) + self.row_height / 2.0 + 4.0;
        let first = if two_lines { middle - 7.0 } else { middle };
        page.text_within(&case.name, SMALL, Anchor::Start, (MARGIN, middle), self.frame.left - MARGIN - 8.0);
        let verdicts = WIDTH - MARGIN - VERDICTS;
        let end = verdicts - 8.0;
        page.text_within(&median(case), SMALL, Anchor::End, (end, first), MEDIANS - 4.0);
        page.text_within(&comparison.summary(&case.name), SMALL, Anchor::Start, (verdicts, first), VERDICTS);
        if two_lines {
            let quiet = Font::new(10.5).color(QUIET);
            let spread = format!("± {}", human_seconds(case.measurement.spread_seconds()));
            if case.measurement.seconds().len() > 1 {
                page.text_within(&spread, quiet, Anchor::End, (end, first + 14.0), MEDIANS - 4.0);
            }
            if let Some(bounds) = comparison.bounds(&case.name) {
                page.text_within(&bounds, quiet, Anchor::Start, (verdicts, first + 14.0), VERDICTS);
            }
        }
    }

    fn bar(&self, page: &mut Page, index: usize, case: &Case) {
        let inset = if self.row_height > 30.0 { 8.0 } else { 3.5 };
        let (top, bottom) = (self.top_of(index) + inset, self.top_of(index) + self.row_height - inset);
        let middle = (top + bottom) / 2.0;
        let end = self.x(case.measurement.median_seconds());
        let fill = if index == 0 { MANY } else { BARS[0].0 };
        let tip = format!("{}: {}", case.name, case.measurement.to_string().replace('\n', "; "));
        if !self.axis.is_log {
            let (x, y, width, height) =
                (N(self.frame.left), N(top), N((end - self.frame.left).max(0.8)), N(bottom - top));
            let (opacity, tip) = (if index == 0 { 0.55 } else { 1.0 }, tooltip(&tip));
            page.add(format_args!(
                r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" fill-opacity="{opacity}">{tip}</rect>"#
            ));
        }
        let seconds = case.measurement.seconds();
        let every = seconds.len().div_ceil(50).max(1);
        for (run, time) in seconds.iter().enumerate().step_by(every) {
            let down = (run as f64 + 0.5) / seconds.len() as f64;
            dot(page, (self.x(*time), top + 2.0 + (bottom - top - 4.0) * down));
        }
        let (low, high) = case.measurement.interval_seconds();
        if seconds.len() > 1 {
            whisker_across(page, self.x(low), self.x(high), middle, (bottom - top) / 4.0);
        }
        if self.axis.is_log {
            point(
                page,
                if index == 0 { Shape::Square } else { Shape::Circle },
                (end, middle),
                4.5,
                fill,
                &tip,
            );
        }
    }
}
