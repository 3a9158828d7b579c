//! From tasks to visible blocks: a block for each task, or for many that are too narrow.

use std::time::Duration;

use threadbook_timing::counted;
use threadbook_trace::{Bar, Outcome, Row};

/// The maximum drawn depth of tasks, which nest when a waiting worker runs other tasks.
const MAX_DEPTH: usize = 3;
/// The minimum visible width of a block, in pixels.
const MIN_WIDTH: f64 = 0.5;
/// The maximum number of elements: more make a slow page and a large notebook.
const MAX_ELEMENTS: usize = 1500;

/// Part of a row, in pixels from its left end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Span {
    pub(super) fn width(&self) -> f64 {
        self.to - self.from
    }
}

/// An element of a row.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) span: Span,
    /// The number of tasks of the same worker below this one, which wait for it.
    pub(super) depth: usize,
    pub(super) what: What<'a>,
}

/// The content of a block.
#[derive(Debug)]
pub(super) enum What<'a> {
    One(&'a Bar, Vec<(Span, &'a str)>),
    Many(Many<'a>),
}

/// Tasks, or turns of async tasks, that are too short to be visible one by one.
#[derive(Debug)]
pub(super) struct Many<'a> {
    pub(super) first: &'a Bar,
    pub(super) count: usize,
    pub(super) panicked: usize,
    /// Whether they all have the name of the first.
    pub(super) alike: bool,
    /// Whether they are turns of async tasks.
    pub(super) turns: bool,
    pub(super) started: Duration,
    pub(super) finished: Duration,
    /// Their total time.
    pub(super) took: Duration,
}

/// Converts times to pixels.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) length: Duration,
    pub(super) width: f64,
}

impl Scale {
    pub(super) fn span(&self, from: Duration, to: Duration) -> Span {
        let at = |moment: Duration| {
            (moment.as_secs_f64() / self.length.as_secs_f64()).clamp(0.0, 1.0) * self.width
        };
        Span { from: at(from), to: at(to.max(from)) }
    }
}

/// The blocks of all rows, as fine as the number of elements allows.
pub(super) fn blocks<'a>(rows: &'a [Row], scale: Scale) -> Vec<Vec<Block<'a>>> {
    let mut min_width = MIN_WIDTH;
    loop {
        let blocks: Vec<_> = rows.iter().map(|row| row_blocks(row, scale, min_width)).collect();
        let elements: usize = blocks.iter().flatten().map(Block::elements).sum();
        if elements <= MAX_ELEMENTS || min_width >= scale.width {
            return blocks;
        }
        min_width *= 2.0;
    }
}

fn row_blocks(row: &Row, scale: Scale, min_width: f64) -> Vec<Block<'_>> {
    let mut bars: Vec<&Bar> = row.bars.iter().collect();
    bars.sort_by_key(|bar| bar.started);
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut last = [None; MAX_DEPTH + 1];
    // The ends of the tasks that the worker is currently in.
    let mut open: Vec<Duration> = Vec::new();
    for bar in bars {
        while open.last().is_some_and(|end| *end <= bar.started) {
            open.pop();
        }
        let depth = open.len().min(MAX_DEPTH);
        open.push(bar.finished);
        let span = scale.span(bar.started, bar.finished);
        if span.width() >= min_width {
            let what = What::One(bar, waits(bar, scale, min_width));
            last[depth] = None;
            blocks.push(Block { span, depth, what });
            continue;
        }
        match last[depth].and_then(|index: usize| blocks.get_mut(index)) {
            Some(Block { span: before, what: What::Many(many), .. }) if span.from - before.to < min_width => {
                before.to = before.to.max(span.to);
                many.add(bar);
            }
            _ => {
                last[depth] = Some(blocks.len());
                blocks.push(Block { span, depth, what: What::Many(Many::new(bar)) });
            }
        }
    }
    for block in &mut blocks {
        if let What::Many(Many { first, count: 1, .. }) = &block.what {
            block.what = What::One(first, Vec::new());
        }
    }
    blocks
}

/// The visible waits of a task; those without a visible gap between them are merged.
fn waits(bar: &Bar, scale: Scale, min_width: f64) -> Vec<(Span, &str)> {
    let mut spans: Vec<(Span, &str)> = Vec::new();
    let visible = |(span, _): &(Span, &str)| span.width() >= min_width;
    let mut sorted: Vec<_> = bar.waits.iter().collect();
    sorted.sort_by_key(|wait| wait.started);
    for wait in sorted {
        let span = scale.span(wait.started.max(bar.started), wait.finished.min(bar.finished));
        match spans.last_mut() {
            Some((before, what)) if span.from - before.to < min_width => {
                before.to = before.to.max(span.to);
                if *what != wait.what {
                    *what = "several things";
                }
            }
            _ => {
                // A span that was too short and was not merged stays invisible.
                spans.pop_if(|span| !visible(span));
                spans.push((span, &wait.what));
            }
        }
    }
    spans.pop_if(|span| !visible(span));
    spans
}

impl<'a> Many<'a> {
    fn new(bar: &'a Bar) -> Many<'a> {
        Many {
            first: bar,
            count: 1,
            panicked: usize::from(bar.outcome == Outcome::Panicked),
            alike: true,
            turns: is_turn(bar),
            started: bar.started,
            finished: bar.finished,
            took: bar.duration(),
        }
    }

    fn add(&mut self, bar: &Bar) {
        self.count += 1;
        self.panicked += usize::from(bar.outcome == Outcome::Panicked);
        self.alike &= bar.label == self.first.label;
        self.turns |= is_turn(bar);
        self.finished = self.finished.max(bar.finished);
        self.took += bar.duration();
    }
}

/// Whether the task went on in a later turn. Its last turn looks like that of any task.
fn is_turn(bar: &Bar) -> bool {
    bar.outcome == Outcome::Suspended
}

/// `3 tasks`, or `3 turns` if some were not the last of their task.
pub(super) fn counted_bars<'a>(bars: impl IntoIterator<Item = &'a Bar>) -> String {
    let add = |(count, turns), bar| (count + 1_usize, turns || is_turn(bar));
    let (count, turns) = bars.into_iter().fold((0, false), add);
    counted(count, noun(turns))
}

pub(super) fn noun(turns: bool) -> &'static str {
    if turns { "turn" } else { "task" }
}

impl Block<'_> {
    fn elements(&self) -> usize {
        match &self.what {
            What::One(_, waits) => 1 + waits.len(),
            What::Many(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadbook_trace::Wait;

    const SCALE: Scale = Scale { length: Duration::from_millis(1000), width: 100.0 };

    fn bar(started: u64, finished: u64) -> Bar {
        Bar {
            label: "work".into(),
            number: 1,
            submitted: Duration::ZERO,
            started: Duration::from_millis(started),
            finished: Duration::from_millis(finished),
            outcome: Outcome::Returned,
            waits: Vec::new(),
        }
    }

    fn row(bars: Vec<Bar>) -> Row {
        Row { name: "worker 0".into(), bars }
    }

    #[test]
    fn short_tasks_side_by_side_are_one_block() {
        let row = row(vec![bar(0, 500), bar(600, 601), bar(602, 603), bar(604, 605), bar(900, 901)]);
        let blocks = row_blocks(&row, SCALE, MIN_WIDTH);
        let counts: Vec<usize> = blocks
            .iter()
            .map(|block| match &block.what {
                What::One(..) => 1,
                What::Many(many) => many.count,
            })
            .collect();
        assert_eq!(counts, [1, 3, 1]);
        assert_eq!(blocks[1].span, Span { from: 60.0, to: 60.5 });
    }

    #[test]
    fn a_task_that_runs_within_another_ones_wait_lies_deeper() {
        let row = row(vec![bar(0, 500), bar(100, 400), bar(200, 300), bar(500, 600)]);
        let depths: Vec<usize> = row_blocks(&row, SCALE, MIN_WIDTH).iter().map(|block| block.depth).collect();
        assert_eq!(depths, [0, 1, 2, 0]);
    }

    #[test]
    fn waits_that_cannot_be_seen_apart_are_one() {
        let mut bar = bar(0, 1000);
        let wait = |started, finished| Wait {
            what: "lock".into(),
            started: Duration::from_millis(started),
            finished: Duration::from_millis(finished),
        };
        bar.waits = vec![wait(10, 11), wait(100, 103), wait(104, 107), wait(500, 600), wait(900, 901)];
        let spans: Vec<Span> = waits(&bar, SCALE, MIN_WIDTH).into_iter().map(|(span, _)| span).collect();
        assert_eq!(spans, [Span { from: 10.0, to: 10.7 }, Span { from: 50.0, to: 60.0 }]);
    }

    #[test]
    fn no_run_is_too_long() {
        let rows: Vec<Row> =
            (0..64).map(|_| row((0..2000).map(|n| bar(2 * n / 4, 2 * n / 4 + 1)).collect())).collect();
        let scale = Scale { length: Duration::from_secs(1), width: 500.0 };
        assert!(blocks(&rows, scale).iter().map(Vec::len).sum::<usize>() <= MAX_ELEMENTS);
    }
}
