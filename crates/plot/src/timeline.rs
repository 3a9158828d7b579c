//! The picture of a run: a row for each worker, a block for each task.

mod blocks;
mod labels;
mod legend;

use std::collections::HashMap;
use std::time::Duration;

use plotters::prelude::*;
use threadbook_display::Svg;
use threadbook_timing::counted;
use threadbook_trace::{Bar, Outcome, Row, Timeline};

use crate::canvas::Canvas;
use crate::page::{Anchor, Font, Frame, N, Page, WIDTH, tooltip};
use crate::palette::{ALARM, BARS, GRID, MANY, QUIET, STRIPE, rgb};
use crate::units::{Unit, human, percent, plain};
use blocks::{Block, Many, Scale, What, blocks, counted_bars, noun};
use legend::{Legend, mark};

/// The maximum number of rows; further workers are summarised in a line.
const MAX_ROWS: usize = 64;
const MARGIN: f64 = 14.0;
const TOP: f64 = 36.0;
const AXIS: f64 = 24.0;
const BUSY_COLUMN: f64 = 46.0;
const LINE: f64 = 17.0;
const SMALL: Font = Font::new(11.0);

/// Draws a run: a row for each worker, a block for each task, waits hatched.
///
/// Tasks too short to be visible are drawn together, and workers beyond 64 are summarised, so any run is
/// drawn fast and its picture stays small.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadbook_trace::{Bar, Outcome, Row, Timeline};
///
/// let bar = Bar {
///     label: "is_prime".into(),
///     number: 1,
///     submitted: Duration::ZERO,
///     started: Duration::from_millis(1),
///     finished: Duration::from_millis(9),
///     outcome: Outcome::Returned,
///     waits: vec![],
/// };
/// let row = Row { name: "worker 0".into(), bars: vec![bar] };
/// let run = Timeline { name: "pool".into(), rows: vec![row], length: Duration::from_millis(10), lost: 0 };
/// let picture = threadbook_plot::timeline(&run).0;
/// assert!(picture.contains("1 task on 1 worker in 10 ms"));
/// ```
pub fn timeline(timeline: &Timeline) -> Svg {
    let (page, height, description) = draw(timeline);
    page.finish(height, &format!("Timeline of {}", timeline.name), &description)
}

/// The page, its height, and the picture in words.
pub(crate) fn draw(timeline: &Timeline) -> (Page, f64, String) {
    let shown = &timeline.rows[..timeline.rows.len().min(MAX_ROWS)];
    let drawing = Drawing::new(timeline, shown);
    let mut page = Page::new();
    let room = WIDTH - 2.0 * MARGIN;
    let title = Font::new(13.0).bold();
    page.text_within(&timeline.name, title, Anchor::Start, (MARGIN, 23.0), room - BUSY_COLUMN);
    let mut y = TOP;
    let mut legend = Legend::default();
    if timeline.tasks() > 0 {
        let quiet = SMALL.color(QUIET);
        page.text("busy", quiet, Anchor::End, (WIDTH - MARGIN, 23.0));
        drawing.rows(&mut page, shown);
        drawing.axis(&mut page);
        drawing.blocks(&mut page, shown, &mut legend);
        y = drawing.bottom() + AXIS + 8.0;
        y = legend.draw(&mut page, y);
    }
    let notes = notes(timeline);
    for note in &notes {
        page.text_within(note, SMALL, Anchor::Start, (MARGIN, y + 11.0), room);
        y += LINE;
    }
    let rows = shown.iter().take(16).map(|row| {
        let share = percent(row.busy(), drawing.scale.length);
        format!(" {}: {}, busy {share:.0} % of the time.", row.name, counted_bars(&row.bars))
    });
    let description = notes.join(" ") + &rows.collect::<String>();
    (page, y + 10.0, description)
}

/// Sentences about the figures of the run.
fn notes(timeline: &Timeline) -> Vec<String> {
    let (tasks, rows) = (timeline.tasks(), &timeline.rows);
    let on = format!("{} on {}", counted(tasks, "task"), counted(rows.len(), "worker"));
    if tasks == 0 {
        return vec![format!("{on}: nothing to show yet.")];
    }
    let length = length(timeline);
    let shares = || rows.iter().map(|row| percent(row.busy(), length));
    let mean = shares().sum::<f64>() / rows.len() as f64;
    let (min, max): (f64, f64) =
        shares().fold((100.0_f64, 0.0_f64), |(min, max), share| (min.min(share), max.max(share)));
    let busy = match rows.len() {
        1 => format!("the worker was busy {mean:.0} % of the time."),
        _ if min.round() == max.round() => format!("each worker was busy {mean:.0} % of the time."),
        _ => {
            format!("a worker was busy {mean:.0} % of the time on average (from {min:.0} % to {max:.0} %).")
        }
    };
    let mut notes = vec![format!("{on} in {}; {busy}", human(end(timeline)))];
    let panicked =
        rows.iter().flat_map(|row| &row.bars).filter(|bar| bar.outcome == Outcome::Panicked).count();
    if panicked > 0 {
        notes.push(format!("{} panicked.", counted(panicked, "task")));
    }
    if let Some(hidden) = rows.get(MAX_ROWS..).filter(|hidden| !hidden.is_empty()) {
        let tasks = counted_bars(hidden.iter().flat_map(|row| &row.bars));
        let share = hidden.iter().map(|row| percent(row.busy(), length)).sum::<f64>() / hidden.len() as f64;
        let workers = counted(hidden.len(), "more worker");
        notes.push(format!("And {workers} with {tasks}, busy {share:.0} % of the time on average."));
    }
    if timeline.lost > 0 {
        let verb = if timeline.lost == 1 { "is" } else { "are" };
        notes.push(format!("{} {verb} no longer kept.", counted(timeline.lost as usize, "older event")));
    }
    notes
}

/// The end of the run, or of the last task if that is later.
fn end(timeline: &Timeline) -> Duration {
    let ends = timeline.rows.iter().flat_map(|row| &row.bars).map(|bar| bar.finished);
    ends.max().unwrap_or_default().max(timeline.length)
}

/// The length of the axis, which is never zero.
fn length(timeline: &Timeline) -> Duration {
    end(timeline).max(Duration::from_nanos(1))
}

/// The scale of the picture, and the colours of the tasks.
struct Drawing<'a> {
    left: f64,
    row_height: f64,
    rows: usize,
    scale: Scale,
    colors: HashMap<&'a str, usize>,
}

impl<'a> Drawing<'a> {
    fn new(timeline: &Timeline, shown: &'a [Row]) -> Drawing<'a> {
        let names = shown.iter().map(|row| SMALL.width(&row.name)).fold(0.0, f64::max);
        let left = (MARGIN + names.min(150.0) + 10.0).round();
        let row_height = match shown.len() {
            0..=6 => 30.0,
            7..=16 => 24.0,
            17..=32 => 18.0,
            _ => 14.0,
        };
        let mut bars: Vec<&Bar> = shown.iter().flat_map(|row| &row.bars).collect();
        bars.sort_by_key(|bar| (bar.started, bar.number));
        let mut colors = HashMap::new();
        for bar in bars {
            let next = colors.len();
            colors.entry(&*bar.label).or_insert(next);
        }
        let width = WIDTH - MARGIN - BUSY_COLUMN - left;
        let scale = Scale { length: length(timeline), width };
        Drawing { left, row_height, rows: shown.len(), scale, colors }
    }

    fn top_of(&self, row: usize) -> f64 {
        TOP + row as f64 * self.row_height
    }

    fn bottom(&self) -> f64 {
        self.top_of(self.rows)
    }

    /// Names on the left, busy shares on the right.
    fn rows(&self, page: &mut Page, rows: &[Row]) {
        let font = Font { size: SMALL.size.min(self.row_height - 3.0), ..SMALL };
        for (index, row) in rows.iter().enumerate() {
            let top = self.top_of(index);
            if index % 2 == 0 {
                let (x, y, width, height) = (N(MARGIN / 2.0), N(top), N(WIDTH - MARGIN), N(self.row_height));
                page.add(format_args!(
                    r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{STRIPE}"/>"#
                ));
            }
            let baseline = top + self.row_height / 2.0 + 0.35 * font.size;
            page.text_within(&row.name, font, Anchor::Start, (MARGIN, baseline), self.left - MARGIN - 8.0);
            let share = format!("{:.0} %", percent(row.busy(), self.scale.length));
            page.text(&share, font, Anchor::End, (WIDTH - MARGIN, baseline));
        }
    }

    /// The time axis and its grid, by plotters.
    fn axis(&self, page: &mut Page) {
        let unit = Unit::of(self.scale.length.as_secs_f64());
        let end = self.scale.length.as_secs_f64() / unit.seconds;
        let label = |value: &f64| format!("{} {}", plain(*value, 3), unit.name);
        let canvas = Canvas { page, height: self.bottom() + AXIS };
        let size = (self.scale.width as u32 + 1, (self.bottom() - TOP + AXIS) as u32);
        let area = canvas.into_drawing_area().shrink((self.left as u32, TOP as u32), size);
        // Our canvas never fails, and plotters itself fails only if there is no room at all, where no axis is
        // needed.
        let _ = ChartBuilder::on(&area)
            .x_label_area_size(AXIS as u32)
            .build_cartesian_2d(0.0..end, 0.0..1.0)
            .and_then(|mut chart| {
                chart
                    .configure_mesh()
                    .disable_y_mesh()
                    .disable_y_axis()
                    .x_labels(7)
                    .x_label_formatter(&label)
                    .label_style(("sans-serif", 11))
                    .axis_style(rgb(QUIET))
                    .bold_line_style(rgb(GRID))
                    .light_line_style(TRANSPARENT)
                    .draw()
            });
    }

    fn blocks(&self, page: &mut Page, rows: &[Row], legend: &mut Legend) {
        let mut unlabelled = false;
        for (index, row) in blocks(rows, self.scale).iter().enumerate() {
            for (place, block) in row.iter().enumerate() {
                let frame = self.frame(index, block);
                let above = labels::above(&row[place..]);
                match &block.what {
                    What::One(bar, waits) => {
                        self.one(page, frame, bar);
                        for (span, what) in waits {
                            let frame =
                                Frame { left: self.left + span.from, right: self.left + span.to, ..frame };
                            let hatch = page.hatch();
                            let tip = tooltip(&format!("{} waits for {what}", bar.label));
                            rect(page, frame, &hatch, "", &tip);
                            legend.waits = true;
                        }
                        mark(page, frame, bar.outcome, legend);
                        let (_, ink) = self.color(bar);
                        let label = labels::Label { bar, waits, frame, left: self.left, ink };
                        unlabelled |= !label.draw(page, &above);
                    }
                    What::Many(many) => {
                        self.many(page, frame, many);
                        legend.panicked |= many.panicked > 0;
                        unlabelled |= many.alike;
                        legend.many |= !many.alike;
                        legend.turns |= !many.alike && many.turns;
                    }
                }
            }
        }
        // A legend of the colours is useful only while each has a single meaning.
        if unlabelled && self.colors.len() <= BARS.len() {
            let mut names: Vec<_> =
                self.colors.iter().map(|(name, index)| (*index, name.to_string())).collect();
            names.sort_unstable();
            legend.names = names.into_iter().map(|(index, name)| (BARS[index].0, name)).collect();
        }
    }

    fn frame(&self, row: usize, block: &Block<'_>) -> Frame {
        let (inset, step) = if self.row_height >= 18.0 { (3.0, 3.0) } else { (1.0, 1.5) };
        let inset = (inset + step * block.depth as f64).min(self.row_height / 2.0 - 2.0);
        let (top, bottom) = (self.top_of(row) + inset, self.top_of(row) + self.row_height - inset);
        Frame { left: self.left + block.span.from, top, right: self.left + block.span.to, bottom }
    }

    fn color(&self, bar: &Bar) -> (&'static str, &'static str) {
        BARS[self.colors.get(&*bar.label).copied().unwrap_or(0) % BARS.len()]
    }

    fn one(&self, page: &mut Page, frame: Frame, bar: &Bar) {
        let word = match bar.outcome {
            Outcome::Returned => String::new(),
            outcome => format!(", {outcome:?}").to_lowercase(),
        };
        let waited = match bar.waiting() {
            Duration::ZERO => String::new(),
            waiting => format!(", of which {} waiting", human(waiting)),
        };
        let queued = human(bar.started.saturating_sub(bar.submitted));
        let took = human(bar.duration());
        let tip = tooltip(&format!("{}: {took}{waited}{word}; queued for {queued}", bar.label));
        rect(page, frame, self.color(bar).0, "", &tip);
    }

    /// Draws many tasks as a block, as opaque as the tasks are dense.
    fn many(&self, page: &mut Page, frame: Frame, many: &Many<'_>) {
        let fill = if many.alike { self.color(many.first).0 } else { MANY };
        let density = percent(many.took, many.finished.saturating_sub(many.started)) / 100.0;
        let opacity = format!(" fill-opacity=\"{:.1}\"", 0.4 + 0.6 * density);
        let (count, took) = (counted(many.count, noun(many.turns)), human(many.took));
        let panicked = match many.panicked {
            0 => String::new(),
            panicked => format!(", {panicked} panicked"),
        };
        let tip = tooltip(&format!("{count} from {}, {took} together{panicked}", many.first.label));
        rect(page, frame, fill, &opacity, &tip);
        if many.panicked > 0 {
            let edge = Frame { left: frame.right - 1.5_f64.min(frame.width()), ..frame };
            rect(page, edge, ALARM, "", "");
        }
    }
}

/// A rectangle with a small gap to the next one, and never too thin to be visible.
fn rect(page: &mut Page, frame: Frame, fill: &str, more: &str, tip: &str) {
    let width = if frame.width() > 2.0 { frame.width() - 0.7 } else { frame.width().max(0.8) };
    let (x, y, width, height) = (N(frame.left), N(frame.top), N(width), N(frame.height()));
    page.add(format_args!(
        r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"{more}>{tip}</rect>"#
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that interleaves several tasks, whose turns have this outcome.
    fn turns(outcome: Outcome) -> Timeline {
        let bar = |turn: u64| Bar {
            label: format!("task {}", 1 + turn % 3),
            number: 1 + turn % 3,
            submitted: Duration::ZERO,
            started: Duration::from_micros(2 * turn),
            finished: Duration::from_micros(2 * turn + 1),
            outcome,
            waits: Vec::new(),
        };
        let row = Row { name: "worker 0".into(), bars: (0..2000).map(bar).collect() };
        Timeline { name: "tokio".into(), rows: vec![row], length: Duration::from_millis(4), lost: 0 }
    }

    #[test]
    fn many_turns_of_few_tasks_are_not_called_many_tasks() {
        let picture = timeline(&turns(Outcome::Suspended)).0;
        assert!(picture.contains("many short turns") && !picture.contains("many short tasks"), "{picture}");
        assert!(picture.contains("worker 0: 2000 turns, busy") && picture.contains(" turns from task "));
        let picture = timeline(&turns(Outcome::Returned)).0;
        assert!(picture.contains("many short tasks") && picture.contains("worker 0: 2000 tasks, busy"));
    }
}
