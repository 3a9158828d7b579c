//! A failing schedule: a column for each thread, a row for each step, and the state of locks and atomics beside it.

use std::collections::BTreeMap;

use threadbook_display::Svg;
use threadbook_explore::{Exploration, Failure, FailureKind, Step};

use crate::page::{Anchor, Font, Frame, N, Page, WIDTH, tooltip};
use crate::palette::{ALARM, BARS, EDGE, GRID, INK, PANEL, QUIET, STRIPE};
use crate::text::{escape, shorten};

const MARGIN: f64 = 14.0;
const TITLE: Font = Font::new(14.0).bold();
const NAME: Font = Font::new(12.5).bold();
const OPERATION: Font = Font::new(11.5).bold();
const STATE: Font = Font::new(11.5);
const SMALL: Font = Font::new(10.5).color(QUIET);
/// The size of source code.
const CODE: f64 = 10.5;
const ROW: f64 = 36.0;
/// The first row's top.
const TOP: f64 = 74.0;
/// The numbers of the steps.
const NUMBERS: f64 = 24.0;
/// The width of the state of one object.
const STATES: f64 = 78.0;
/// No step is narrower than this: it may lie over the columns beside it, where no other thread has a step.
const NARROWEST: f64 = 236.0;
/// So many steps from the beginning and from the end are drawn.
const MAX_STEPS: usize = 60;
/// So many lines of the failure's message are drawn.
const MAX_LINES: usize = 6;
/// So many threads have a column; the others share the last.
const MAX_THREADS: usize = 8;

/// Draws the failing schedule of an exploration, or its result in a sentence if there is none.
///
/// A thick arrow marks the switch that decides, thin ones the other switches and hand-overs, and dashed ones lead from a
/// step to the step that it allows. Below stand the threads that wait for ever, and the failure.
///
/// # Examples
///
/// ```
/// use threadbook_explore::{explore, std as explored};
/// use explored::sync::atomic::{AtomicBool, Ordering::SeqCst};
///
/// let exploration = explore(|| {
///     let is_open = AtomicBool::new(true);
///     explored::thread::scope(|scope| {
///         scope.spawn(|| is_open.store(false, SeqCst));
///         assert!(is_open.load(SeqCst), "it was closed");
///     });
/// });
/// let picture = threadbook_plot::schedule(&exploration).0;
/// assert!(picture.contains("it was closed"));
/// ```
pub fn schedule(exploration: &Exploration) -> Svg {
    match exploration.failure() {
        Some(failure) => {
            let (page, height, title) = draw(exploration, failure);
            page.finish(height, &title, &failure.to_string())
        }
        None => sentence(exploration),
    }
}

/// The page, its height and the picture's title.
pub(crate) fn draw(exploration: &Exploration, failure: &Failure) -> (Page, f64, String) {
    Drawing::of(failure).draw(exploration)
}

/// The result of an exploration without a failure.
fn sentence(exploration: &Exploration) -> Svg {
    let mut page = Page::new();
    let summary = exploration.summary();
    let mut texts = vec![summary.clone()];
    texts.extend(exploration.notes().iter().cloned());
    let bottom = page.paragraphs(&texts, Font::new(13.0), (MARGIN, 12.0), WIDTH - 2.0 * MARGIN);
    page.finish(bottom + 10.0, "An exploration", &summary)
}

/// A row of the drawing.
enum Row<'a> {
    Step(usize, &'a Step),
    /// A step that never comes.
    Never(&'a Step),
    /// So many steps that are left out.
    Gap(usize),
}

struct Drawing<'a> {
    failure: &'a Failure,
    rows: Vec<Row<'a>>,
    columns: usize,
    /// The objects that have a column.
    objects: usize,
}

impl<'a> Drawing<'a> {
    fn of(failure: &'a Failure) -> Drawing<'a> {
        let steps = failure.steps();
        let (head, tail) = match steps.len() {
            count if count <= MAX_STEPS => (count, count),
            count => (MAX_STEPS / 3, count - MAX_STEPS * 2 / 3),
        };
        let numbered = || steps.iter().enumerate().map(|(index, step)| Row::Step(index, step));
        let mut rows: Vec<Row> = numbered().take(head).collect();
        if tail > head {
            rows.push(Row::Gap(tail - head));
        }
        rows.extend(numbered().skip(tail));
        rows.extend(failure.waiting().iter().map(Row::Never));
        let columns = failure.threads().len().clamp(1, MAX_THREADS);
        let objects = failure.objects().len().min(if columns <= 3 { 3 } else { 2 });
        Drawing { failure, rows, columns, objects }
    }

    /// Where the columns of the threads end and those of the objects begin.
    fn right(&self) -> f64 {
        WIDTH - MARGIN - self.objects as f64 * STATES
    }

    fn column(&self, thread: usize) -> usize {
        thread.min(self.columns - 1)
    }

    /// The line of a thread.
    fn x(&self, thread: usize) -> f64 {
        let left = MARGIN + NUMBERS;
        left + 8.0 + (self.right() - left) * self.column(thread) as f64 / self.columns as f64
    }

    fn y(row: usize) -> f64 {
        TOP + ROW * (row as f64 + 0.5)
    }

    fn color(&self, thread: usize) -> (&'static str, &'static str) {
        BARS[self.column(thread) % BARS.len()]
    }

    fn draw(&self, exploration: &Exploration) -> (Page, f64, String) {
        let mut page = Page::new();
        let count = self.failure.steps().len();
        let what = match self.failure.kind() {
            FailureKind::Deadlock => "A deadlock",
            FailureKind::Livelock => "No end",
            FailureKind::Open => "A schedule",
            _ => "A failure",
        };
        let title = format!("{what} after {count} step{}", if count == 1 { "" } else { "s" });
        page.text(&title, TITLE, Anchor::Start, (MARGIN, 26.0));
        let end = WIDTH - MARGIN;
        page.text_within(
            &exploration.summary(),
            SMALL,
            Anchor::End,
            (end, 26.0),
            end - MARGIN - TITLE.width(&title) - 20.0,
        );
        let bottom = TOP + ROW * self.rows.len() as f64;
        self.ground(&mut page, bottom);
        self.arrows(&mut page);
        for (index, row) in self.rows.iter().enumerate() {
            from_step(&mut page, self.shown_from(row), |page| self.row(page, index, row));
        }
        self.states(&mut page);
        let lines = self.failure.message().lines().take(MAX_LINES);
        let mut texts: Vec<_> = lines.map(|line| line.trim().to_owned()).collect();
        texts.extend(self.failure.place().map(|place| format!("at {place}")));
        let is_open = self.failure.kind() == FailureKind::Open;
        let alarm = Font::new(12.5).color(if is_open { INK } else { ALARM });
        let mut below = bottom;
        from_step(&mut page, count, |page| {
            below = page.paragraphs(&texts, alarm, (MARGIN, bottom + 10.0), WIDTH - 2.0 * MARGIN);
        });
        let below = page.paragraphs(exploration.notes(), SMALL, (MARGIN, below + 2.0), WIDTH - 2.0 * MARGIN);
        (page, below + 8.0, title)
    }

    /// Stripes, the names of threads and objects, and the lines of the threads.
    fn ground(&self, page: &mut Page, bottom: f64) {
        for (index, _) in self.rows.iter().enumerate().filter(|(index, _)| index % 2 == 1) {
            let (top, width) = (N(TOP + ROW * index as f64), N(WIDTH - 2.0 * MARGIN));
            page.add(format_args!(
                r#"<rect x="{}" y="{top}" width="{width}" height="{}" fill="{STRIPE}"/>"#,
                N(MARGIN),
                N(ROW)
            ));
        }
        let room = (self.right() - MARGIN - NUMBERS) / self.columns as f64 - 10.0;
        for (thread, name) in self.failure.threads().iter().enumerate().take(self.columns) {
            let (x, (color, _)) = (self.x(thread), self.color(thread));
            let others = self.failure.threads().len() - self.columns;
            let name = match thread + 1 == self.columns && others > 0 {
                true => format!("{name} and {others} more"),
                false => name.clone(),
            };
            page.add(format_args!(
                r#"<path d="M{x} {}V{}" stroke="{color}" stroke-width="2"/>"#,
                N(TOP - 6.0),
                N(bottom),
                x = N(x)
            ));
            page.add(format_args!(r#"<circle cx="{}" cy="{}" r="5" fill="{color}"/>"#, N(x), N(TOP - 14.0)));
            page.text_within(&name, NAME, Anchor::Start, (x + 9.0, TOP - 10.0), room - 6.0);
        }
        for (object, name) in self.failure.objects().iter().enumerate().take(self.objects) {
            let x = self.right() + STATES * object as f64;
            page.add(format_args!(
                r#"<path d="M{x} {}V{}" stroke="{GRID}"/>"#,
                N(TOP - 22.0),
                N(bottom),
                x = N(x)
            ));
            page.text_within(name, STATE.bold(), Anchor::Start, (x + 6.0, TOP - 10.0), STATES - 10.0);
        }
    }

    /// The step that a row is shown from, when a reader steps through the schedule.
    fn shown_from(&self, row: &Row) -> usize {
        match row {
            Row::Step(index, _) => index + 1,
            Row::Never(_) => self.failure.steps().len(),
            Row::Gap(_) => MAX_STEPS / 3 + 1,
        }
    }

    /// The rows of the steps, by their numbers.
    fn places(&self) -> BTreeMap<usize, usize> {
        let place = |(row, it): (usize, &Row)| match it {
            Row::Step(index, _) => Some((*index, row)),
            Row::Never(_) | Row::Gap(_) => None,
        };
        self.rows.iter().enumerate().filter_map(place).collect()
    }

    fn arrows(&self, page: &mut Page) {
        let places = self.places();
        let steps = self.failure.steps();
        for (&index, &row) in &places {
            let step = &steps[index];
            let from = (self.x(step.thread), Self::y(row));
            for &woken in &step.wakes {
                let next = places.range(index + 1..).find(|(later, _)| steps[**later].thread == woken);
                if let Some((_, &later)) = next
                    && later > row + 1
                {
                    let to = (self.x(woken), Self::y(later));
                    let stroke = format!(r#"stroke="{QUIET}" stroke-width="1.3" stroke-dasharray="4 3""#);
                    from_step(page, self.shown_from(&self.rows[later]), |page| {
                        arrow(page, from, to, &stroke, QUIET);
                    });
                }
            }
            let Some(&before) = index.checked_sub(1).and_then(|before| places.get(&before)) else { continue };
            let other = &steps[index - 1];
            if other.thread == step.thread {
                continue;
            }
            let start = (self.x(other.thread), Self::y(before));
            let decides = self.failure.deciding_switch() == Some(index);
            let wakes = other.wakes.contains(&step.thread);
            let (color, width, dash) = match (decides, step.is_switch, wakes) {
                (true, _, _) => (ALARM, 3.0, ""),
                (_, true, _) => (ALARM, 1.4, ""),
                (_, _, true) => (QUIET, 1.4, r#" stroke-dasharray="4 3""#),
                _ => (QUIET, 1.1, ""),
            };
            let stroke = format!(r#"stroke="{color}" stroke-width="{width}"{dash}"#);
            from_step(page, index + 1, |page| arrow(page, start, from, &stroke, color));
        }
    }

    fn row(&self, page: &mut Page, index: usize, row: &Row) {
        let y = Self::y(index);
        let (step, number, is_ever) = match row {
            Row::Gap(count) => {
                let text = format!("… {count} steps …");
                page.text(&text, SMALL, Anchor::Start, (MARGIN + NUMBERS + 22.0, y + 4.0));
                return;
            }
            Row::Step(index, step) => (step, (index + 1).to_string(), true),
            Row::Never(step) => (step, "∞".to_owned(), false),
        };
        let decides = matches!(row, Row::Step(index, _) if self.failure.deciding_switch() == Some(*index));
        page.text(&number, SMALL, Anchor::End, (MARGIN + NUMBERS - 6.0, y + 4.0));
        let (x, (color, _)) = (self.x(step.thread), self.color(step.thread));
        let own = (self.right() - MARGIN - NUMBERS) / self.columns as f64 - 18.0;
        let width = own.max(NARROWEST).min(self.right() - MARGIN - NUMBERS - 20.0);
        // A step of a thread on the right lies on the left of its line, if there is no room on the other side.
        let left = if x + 10.0 + width <= self.right() { x + 10.0 } else { x - 10.0 - width };
        let edge = if decides || !is_ever { ALARM } else { EDGE };
        let (fill, dash) = if is_ever { (PANEL, "") } else { (PANEL, r#" stroke-dasharray="5 3""#) };
        let title = tooltip(&format!("{}, {}: {}", step.in_words(), step.place, step.source));
        page.add(format_args!(
            r#"<g>{title}<rect x="{}" y="{}" width="{}" height="{}" rx="4" fill="{fill}" stroke="{edge}"{dash}/></g>"#,
            N(left),
            N(y - ROW / 2.0 + 2.5),
            N(width),
            N(ROW - 5.0)
        ));
        page.add(format_args!(
            r#"<circle cx="{}" cy="{}" r="5" fill="{}" stroke="{INK}"/>"#,
            N(x),
            N(y),
            if is_ever { color } else { PANEL }
        ));
        let words = if is_ever { step.in_words() } else { format!("waits: {}", step.in_words()) };
        let font = if is_ever { OPERATION } else { OPERATION.color(ALARM) };
        let mark = if decides { "⚠ " } else { "" };
        let inner = width - 14.0;
        let place = shorten(&step.place, SMALL.size, false, inner * 0.45);
        let place_width = SMALL.width(&place);
        let has_source = !step.source.is_empty();
        let y_words = if has_source { y - 3.5 } else { y + 4.0 };
        page.text_within(
            &format!("{mark}{words}"),
            font,
            Anchor::Start,
            (left + 7.0, y_words),
            inner - place_width - 6.0,
        );
        page.text(&place, SMALL, Anchor::End, (left + width - 7.0, y_words));
        if has_source {
            code(page, &step.source, (left + 7.0, y + 11.0), inner);
        }
    }

    /// The states that a step has changed; a state that stays is not repeated.
    fn states(&self, page: &mut Page) {
        for object in 0..self.objects {
            let mut last: Option<&str> = None;
            for (row, it) in self.rows.iter().enumerate() {
                let Row::Step(index, step) = it else { continue };
                let Some(now) = step.states.iter().find(|state| state.object == object) else { continue };
                if last != Some(now.state.as_str()) {
                    let at = (self.right() + STATES * object as f64 + 6.0, Self::y(row) + 4.0);
                    from_step(page, index + 1, |page| {
                        page.text_within(&now.state, STATE, Anchor::Start, at, STATES - 10.0);
                    });
                    last = Some(now.state.as_str());
                }
            }
        }
    }
}

/// Adds elements that a reader who steps through the schedule sees from a step on, the first of which is 1.
fn from_step(page: &mut Page, step: usize, add: impl FnOnce(&mut Page)) {
    page.add(format_args!(r#"<g data-step="{step}">"#));
    add(page);
    page.add(format_args!("</g>"));
}

/// A line of source code, shortened at its end.
fn code(page: &mut Page, text: &str, (x, y): (f64, f64), room: f64) {
    let most = (room / (0.61 * CODE)) as usize;
    let text = match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    };
    let top = y - 0.85 * CODE;
    page.texts.push(Frame { left: x, top, right: x + room, bottom: y + 0.25 * CODE });
    page.add(format_args!(
        r#"<text x="{}" y="{}" font-size="{}" fill="{QUIET}" font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" xml:space="preserve">{}</text>"#,
        N(x),
        N(y),
        N(CODE),
        escape(&text)
    ));
}

/// An arrow from a step to a later one, which begins and ends beside their circles.
fn arrow(page: &mut Page, (x0, y0): (f64, f64), (x1, y1): (f64, f64), stroke: &str, color: &str) {
    let length = (x1 - x0).hypot(y1 - y0).max(1.0);
    let (dx, dy) = ((x1 - x0) / length, (y1 - y0) / length);
    let (x0, y0, x1, y1) = (x0 + 6.0 * dx, y0 + 6.0 * dy, x1 - 7.0 * dx, y1 - 7.0 * dy);
    page.add(format_args!(r#"<path d="M{} {}L{} {}" fill="none" {stroke}/>"#, N(x0), N(y0), N(x1), N(y1)));
    let (back_x, back_y) = (x1 - 8.0 * dx, y1 - 8.0 * dy);
    page.add(format_args!(
        r#"<path d="M{} {}L{} {}L{} {}Z" fill="{color}"/>"#,
        N(x1),
        N(y1),
        N(back_x - 3.5 * dy),
        N(back_y + 3.5 * dx),
        N(back_x + 3.5 * dy),
        N(back_y - 3.5 * dx)
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadbook_explore::{explore, std as explored};

    use explored::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use explored::sync::{Arc, Mutex};

    fn lost_update() -> Exploration {
        explore(|| {
            let count = Arc::new(AtomicU32::new(0));
            let other = count.clone();
            let thread = explored::thread::spawn(move || other.store(other.load(SeqCst) + 1, SeqCst));
            count.store(count.load(SeqCst) + 1, SeqCst);
            thread.join().unwrap();
            assert_eq!(count.load(SeqCst), 2, "an update is lost");
        })
    }

    #[test]
    fn each_step_stands_with_its_line_and_each_thread_has_a_column() {
        let picture = schedule(&lost_update()).0;
        for text in [
            "main",
            "thread 1",
            "load `count`",
            "count.store(count.load(SeqCst) + 1, SeqCst);",
            "an update is lost",
        ] {
            assert!(picture.contains(&*escape(text)), "{text}: {picture}");
        }
        assert!(picture.contains('⚠'), "the deciding switch");
    }

    #[test]
    fn threads_that_wait_for_ever_are_drawn() {
        let exploration = explore(|| {
            let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
            let (a2, b2) = (a.clone(), b.clone());
            let thread = explored::thread::spawn(move || {
                let _b = b2.lock().unwrap();
                let _a = a2.lock().unwrap();
            });
            let both = (a.lock().unwrap(), b.lock().unwrap());
            drop(both);
            thread.join().unwrap();
        });
        let picture = schedule(&exploration).0;
        assert!(picture.contains("waits: lock `a`") && picture.contains("waits: lock `b`"), "{picture}");
    }

    #[test]
    fn an_exploration_without_a_failure_is_a_sentence() {
        let exploration = explore(|| {
            let count = AtomicU32::new(0);
            count.store(1, SeqCst);
        });
        let picture = schedule(&exploration).0;
        assert!(picture.contains("every schedule: 1"), "{picture}");
    }
}
