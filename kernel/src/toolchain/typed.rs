//! Where the lines of the generated code were typed. What is compiled of it says so itself, in a static: the kernel and
//! every process that has the shared object can tell the cell and the line of a panic in it (the latter in
//! `crates/worker/src/panic_place.rs`), also when the engine has long since generated other code.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

/// How the compiler names the generated code.
pub const FILE: &str = "src/lib.rs";

/// The static's name.
pub const SYMBOL: &str = "THREADBOOK_TYPED";

/// The file in a workplace that says what was typed.
const CELLS: &str = "typed.json";

/// A cell as the engine got it. Each line of it is where it was typed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Typed {
    /// The number of the cell.
    pub count: usize,
    pub code: String,
}

/// Notes what was typed so far, for the next cell to be compiled, which comes last.
pub fn note(cells: &[Typed], workplace: &Path) -> io::Result<()> {
    fs::write(workplace.join(CELLS), serde_json::to_vec(cells)?)
}

/// What was noted last.
pub fn noted(workplace: &Path) -> Vec<Typed> {
    let text = fs::read(workplace.join(CELLS)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// For each line of the generated code that was typed, where.
#[derive(Debug, Default, PartialEq)]
pub struct Lines {
    runs: Vec<Run>,
}

/// Lines that follow each other in the generated code and in a cell.
#[derive(Debug, PartialEq)]
struct Run {
    /// Their first in the generated code, from 1.
    generated: usize,
    /// The cell's number.
    count: usize,
    /// Their first in the cell, from 1.
    typed: usize,
    length: usize,
}

impl Lines {
    /// Finds the lines of the generated code in the cells: the last one, and earlier ones whose functions it may call.
    pub fn find(generated: &str, cells: &[Typed]) -> Lines {
        let generated: Vec<&str> = generated.lines().map(str::trim).collect();
        let cells: Vec<Text> = cells.iter().rev().map(Text::new).collect();
        let Some((last, earlier)) = cells.split_first() else { return Lines::default() };
        let mut having: HashMap<&str, Vec<&Text>> = HashMap::new();
        for cell in earlier {
            for &line in cell.at.keys() {
                having.entry(line).or_default().push(cell);
            }
        }
        let mut lines = Lines::default();
        for at in 0..generated.len() {
            let wanted = generated[at];
            let place = |cell: &Text| Some((cell.count, cell.line(&generated, at)?));
            let equal = || having.get(wanted)?.iter().find_map(|cell| place(cell));
            let part = || earlier.iter().filter(|cell| cell.code.contains(wanted)).find_map(place);
            if let Some((count, typed)) = place(last).or_else(equal).or_else(part) {
                lines.push(at + 1, count, typed);
            }
        }
        lines
    }

    fn push(&mut self, generated: usize, count: usize, typed: usize) {
        if let Some(run) = self.runs.last_mut()
            && (run.generated + run.length, run.count, run.typed + run.length) == (generated, count, typed)
        {
            run.length += 1;
        } else {
            self.runs.push(Run { generated, count, typed, length: 1 });
        }
    }

    /// The number of the cell and the line in it where that line of the generated code was typed.
    pub fn place(&self, line: usize) -> Option<(usize, usize)> {
        let run = self.runs.iter().find(|run| (run.generated..run.generated + run.length).contains(&line))?;
        Some((run.count, run.typed + line - run.generated))
    }

    /// The generated code with a static at its end that says all this: the file's name and then the runs, up to a 0.
    pub fn said_in(&self, generated: &str) -> String {
        let mut text = FILE.to_owned();
        for Run { generated, count, typed, length } in &self.runs {
            let _ = write!(text, " {generated},{count},{typed},{length}");
        }
        let length = text.len() + 1;
        format!("{generated}\n#[unsafe(no_mangle)] pub static {SYMBOL}: [u8; {length}] = *b\"{text}\\0\";\n")
    }

    /// Reads what the static says.
    pub fn read(said: &str) -> Lines {
        let run = |text: &str| {
            let mut numbers = text.split(',').map(|number| number.parse().ok());
            let mut next = || numbers.next()?;
            Some(Run { generated: next()?, count: next()?, typed: next()?, length: next()? })
        };
        Lines { runs: said.split(' ').skip(1).filter_map(run).collect() }
    }
}

/// A cell, to look for lines in.
struct Text<'a> {
    count: usize,
    code: &'a str,
    lines: Vec<&'a str>,
    /// Where each line stands, from 0.
    at: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Text<'a> {
    fn new(cell: &'a Typed) -> Text<'a> {
        let lines: Vec<&str> = cell.code.lines().map(str::trim).collect();
        let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, line) in lines.iter().enumerate() {
            at.entry(line).or_default().push(index);
        }
        Text { count: cell.count, code: &cell.code, lines, at }
    }

    /// The line (from 1) that stands at index `at` of the generated code. The engine copies the cell's lines as they
    /// are, but takes items out of their order, so the line is found by its text, and among equals by its neighbours.
    fn line(&self, generated: &[&str], at: usize) -> Option<usize> {
        let wanted = generated[at];
        let likeness = |index: usize| {
            (1..=3)
                .flat_map(|step| {
                    [(index.checked_sub(step), at.checked_sub(step)), (Some(index + step), Some(at + step))]
                })
                .filter(|(here, there)| {
                    let here = here.and_then(|here| self.lines.get(here));
                    here.is_some() && here == there.and_then(|there| generated.get(there))
                })
                .count()
        };
        let mut same = self.at.get(wanted).cloned().unwrap_or_default();
        if same.is_empty() && wanted.len() > 2 {
            // The engine gives each of several statements on a line a line of its own.
            same = (0..self.lines.len()).filter(|&index| self.lines[index].contains(wanted)).collect();
        }
        same.into_iter().rev().max_by_key(|&index| likeness(index)).map(|index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(count: usize, code: &str) -> Typed {
        Typed { count, code: code.to_owned() }
    }

    fn found(code: &str, generated: &str, line: usize) -> Option<usize> {
        Lines::find(generated, &[typed(1, code)]).place(line).map(|(_, line)| line)
    }

    #[test]
    fn among_equal_lines_the_neighbours_decide() {
        let code = "a();\nx();\nb();\nx();\nc();";
        assert_eq!(found(code, "fn f() {\na();\nx();\nb();\nx();\nc();\n}", 3), Some(2));
        assert_eq!(found(code, "fn f() {\na();\nx();\nb();\nx();\nc();\n}", 5), Some(4));
        assert_eq!(found(code, "y();", 1), None);
        assert_eq!(found("a();\nb(); c(x)", "b();\nc(x)\n}", 2), Some(2));
        assert_eq!(found(code, "y();", 9), None);
    }

    #[test]
    fn lines_of_earlier_cells_are_found_and_those_of_the_last_one_first() {
        let cells = [
            typed(1, "work();"),
            typed(2, "fn pick(v: &[i32]) -> i32 {\n    v[7]\n}"),
            typed(4, "let n = 1; work();"),
        ];
        let generated = "#![allow(x)]\nfn pick(v: &[i32]) -> i32 {\n    v[7]\n}\nlet n = 1;\nwork();";
        let lines = Lines::find(generated, &cells);
        let places: Vec<_> = (1..=7).map(|line| lines.place(line)).collect();
        assert_eq!(
            places,
            [None, Some((2, 1)), Some((2, 2)), Some((2, 3)), Some((4, 1)), Some((4, 1)), None]
        );
        assert_eq!(Lines::find(generated, &[]), Lines::default());
    }

    #[test]
    fn the_static_says_it_all() {
        let cells = [typed(3, "fn f() {\n    g()\n}\nh();")];
        let generated = "fn f() {\n    g()\n}\nfn run() {\nh();\n}";
        let lines = Lines::find(generated, &cells);
        let said = lines.said_in(generated);
        let (code, end) = said.split_once("\n#[unsafe").unwrap();
        assert_eq!(code, generated);
        let text = "src/lib.rs 1,3,1,3 5,3,4,1 6,3,3,1";
        assert!(end.contains(&format!("[u8; {}] = *b\"{text}\\0\";", text.len() + 1)), "{end}");
        assert_eq!(Lines::read(text), lines);
        assert_eq!(Lines::read("src/lib.rs 1,2 x,1,1,1 7,1,1,1").place(7), Some((1, 1)));
    }

    #[test]
    fn what_was_typed_is_noted_and_garbage_is_nothing() {
        let workplace = tempfile::tempdir().unwrap();
        assert!(noted(workplace.path()).is_empty());
        note(&[typed(7, "\"é\"")], workplace.path()).unwrap();
        assert!(matches!(&noted(workplace.path())[..], [Typed { count: 7, code }] if code == "\"é\""));
        fs::write(workplace.path().join(CELLS), "[{").unwrap();
        assert!(noted(workplace.path()).is_empty());
    }
}
