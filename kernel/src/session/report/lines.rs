//! The lines of generated code that come from cells.

/// A line of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectLine {
    /// The serial number of the cell.
    pub serial: usize,
    /// The number that a reader sees. Cells that leave no trace in the history share one.
    pub count: usize,
    /// From 1.
    pub line: usize,
}

/// For each line of the generated code that comes from a cell, its place there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineTable {
    runs: Vec<Run>,
}

/// Lines that follow each other in the generated code and in a cell.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    /// Their first in the generated code, from 1.
    generated: usize,
    /// Their first in the cell.
    typed: ObjectLine,
    length: usize,
}

/// Whether this is the name of a file of generated code.
pub fn is_generated(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    name.starts_with("cell_") && name.ends_with(".rs")
}

impl LineTable {
    /// The lines of generated code in their order, each with its place in a cell.
    pub fn of(lines: impl IntoIterator<Item = (usize, ObjectLine)>) -> LineTable {
        let mut all = LineTable::default();
        lines.into_iter().for_each(|(generated, typed)| all.push(generated, typed));
        all
    }

    fn push(&mut self, generated: usize, typed: ObjectLine) {
        if let Some(run) = self.runs.last_mut()
            && run.generated + run.length == generated
            && (ObjectLine { line: run.typed.line + run.length, ..run.typed }) == typed
        {
            run.length += 1;
        } else {
            self.runs.push(Run { generated, typed, length: 1 });
        }
    }

    /// The runs as the workers of a process pool read them, in a file beside an object
    /// (`crates/worker/src/panic_place.rs`).
    pub fn written(&self) -> String {
        let run = |Run { generated, typed: ObjectLine { count, line, .. }, length }: &Run| {
            format!("{generated} {count} {line} {length}\n")
        };
        self.runs.iter().map(run).collect()
    }

    /// The place in a cell of a line of the generated code.
    pub fn place(&self, line: usize) -> Option<ObjectLine> {
        let run = self.runs.iter().find(|run| (run.generated..run.generated + run.length).contains(&line))?;
        Some(ObjectLine { line: run.typed.line + line - run.generated, ..run.typed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_in_runs_and_found_in_them() {
        let typed = |count, line| ObjectLine { serial: count, count, line };
        let all = [(3, typed(1, 1)), (4, typed(1, 2)), (6, typed(2, 7)), (7, typed(2, 9))];
        let lines = LineTable::of(all);
        assert_eq!(lines.written(), "3 1 1 2\n6 2 7 1\n7 2 9 1\n");
        for (generated, place) in all {
            assert_eq!(lines.place(generated), Some(place));
        }
        assert_eq!((lines.place(0), lines.place(5), lines.place(8)), (None, None, None));
    }
}
