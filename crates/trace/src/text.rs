//! Timelines in a terminal: a line a worker, filled where it ran, dotted where it waited.

use std::fmt;
use std::time::Duration;

use crate::timeline::{Row, Timeline};

const WIDTH: usize = 60;
const MAX_ROWS: usize = 32;

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = self.tasks();
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let workers = self.rows.len();
        write!(f, "{}: {tasks} task{} on {workers} worker{}", self.name, s(tasks), s(workers))?;
        if tasks == 0 {
            return Ok(());
        }
        writeln!(f, " in {:.3?}  (█ runs, ░ waits)", self.length)?;
        let longest = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        for row in self.rows.iter().take(MAX_ROWS) {
            let line: String = (0..WIDTH).map(|column| self.cell(row, column)).collect();
            let share = 100.0 * row.busy().as_secs_f64() / self.length.as_secs_f64().max(1e-9);
            let count = row.bars.len();
            let name = &row.name;
            writeln!(f, "{name:longest$} |{line}| {share:3.0} % busy, {count} task{}", s(count))?;
        }
        if workers > MAX_ROWS {
            writeln!(f, "and {} more workers", workers - MAX_ROWS)?;
        }
        if self.lost > 0 {
            writeln!(f, "({} older events are no longer kept)", self.lost)?;
        }
        Ok(())
    }
}

impl Timeline {
    fn cell(&self, row: &Row, column: usize) -> char {
        let at = |column: usize| self.length.mul_f64(column as f64 / WIDTH as f64);
        let (from, to) = (at(column), at(column + 1));
        let middle = from + (to - from) / 2;
        let within = |started: Duration, finished: Duration| started <= middle && middle < finished;
        let touches = |started: Duration, finished: Duration| started < to && finished >= from;
        let runs = row.bars.iter().any(|bar| {
            within(bar.started, bar.finished)
                && !bar.waits.iter().any(|wait| within(wait.started, wait.finished))
        });
        let waits = row.bars.iter().any(|bar| within(bar.started, bar.finished));
        if runs {
            '█'
        } else if waits {
            '░'
        } else if row.bars.iter().any(|bar| touches(bar.started, bar.finished)) {
            // Something shorter than a column: show that it was there.
            '▏'
        } else {
            ' '
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Outcome;
    use crate::timeline::{Bar, Wait};

    #[test]
    fn a_row_shows_runs_waits_and_idleness() {
        let ms = Duration::from_millis;
        let bar = |from, to, waits| Bar {
            label: "alice".into(),
            number: 1,
            submitted: ms(0),
            started: ms(from),
            finished: ms(to),
            outcome: Outcome::Returned,
            waits,
        };
        let wait = Wait { what: "bob".into(), started: ms(20), finished: ms(40) };
        let rows = vec![
            Row { name: "worker 0".into(), bars: vec![bar(0, 60, vec![wait])] },
            Row { name: "worker 1".into(), bars: vec![bar(30, 60, vec![])] },
        ];
        let timeline = Timeline { name: "pool".into(), rows, length: ms(60), lost: 0 };
        let text = timeline.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "pool: 2 tasks on 2 workers in 60.000ms  (█ runs, ░ waits)");
        let expected =
            format!("worker 0 |{}{}{}|  67 % busy, 1 task", "█".repeat(20), "░".repeat(20), "█".repeat(20));
        assert_eq!(lines[1], expected);
        let expected = format!("worker 1 |{}{}|  50 % busy, 1 task", " ".repeat(30), "█".repeat(30));
        assert_eq!(lines[2], expected);
    }
}
