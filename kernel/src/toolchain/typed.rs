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

/// Where the function begins that has the cell's statements; before it are items, also those of earlier cells.
const STATEMENTS: &str = "fn run_user_code_";

/// A cell as the engine got it. Each line of it is where it was typed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Typed {
    /// No other cell has this, while several may have the same count: those that leave no trace in the history.
    pub id: usize,
    /// The number that a reader sees.
    pub count: usize,
    pub code: String,
}

/// A line that was typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub id: usize,
    pub count: usize,
    /// From 1.
    pub line: usize,
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    runs: Vec<Run>,
}

/// Lines that follow each other in the generated code and in a cell.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    /// Their first in the generated code, from 1.
    generated: usize,
    /// Their first in the cell.
    typed: Line,
    length: usize,
}

impl Lines {
    /// Finds the lines of the generated code in the cells, of which the last one is the one that was compiled.
    pub fn find(generated: &str, cells: &[Typed]) -> Lines {
        let generated: Vec<&str> = generated.lines().map(str::trim).collect();
        let cells: Vec<Text> = cells.iter().map(Text::new).collect();
        let mut having: HashMap<&str, Vec<&Text>> = HashMap::new();
        for cell in &cells {
            for &line in cell.at.keys() {
                having.entry(line).or_default().push(cell);
            }
        }
        let statements = generated.iter().position(|line| line.contains(STATEMENTS)).unwrap_or(usize::MAX);
        let last: Vec<&Text> = cells.last().into_iter().collect();
        let mut lines = Lines::default();
        for at in 0..generated.len() {
            // Of cells that are equally like, the last one.
            let equal = |cells: &[&Text]| {
                let found = cells.iter().filter_map(|cell| cell.equal(&generated, at));
                found.max_by_key(|(likeness, _)| *likeness).map(|(_, line)| line)
            };
            let typed = if at < statements {
                let equal = having.get(generated[at]).and_then(|cells| equal(cells));
                equal.or_else(|| cells.iter().rev().find_map(|cell| cell.part(&generated, at)))
            } else {
                equal(&last).or_else(|| last.first()?.part(&generated, at))
            };
            if let Some(typed) = typed {
                lines.push(at + 1, typed);
            }
        }
        lines
    }

    /// Lines of generated code in their order, each with where it was typed.
    pub fn of(lines: impl IntoIterator<Item = (usize, Line)>) -> Lines {
        let mut all = Lines::default();
        lines.into_iter().for_each(|(generated, typed)| all.push(generated, typed));
        all
    }

    fn push(&mut self, generated: usize, typed: Line) {
        if let Some(run) = self.runs.last_mut()
            && run.generated + run.length == generated
            && (Line { line: run.typed.line + run.length, ..run.typed }) == typed
        {
            run.length += 1;
        } else {
            self.runs.push(Run { generated, typed, length: 1 });
        }
    }

    /// The runs as the workers of a process pool read them, beside an object.
    pub fn written(&self) -> String {
        let run = |Run { generated, typed: Line { count, line, .. }, length }: &Run| {
            format!("{generated} {count} {line} {length}\n")
        };
        self.runs.iter().map(run).collect()
    }

    /// Where that line of the generated code was typed.
    pub fn place(&self, line: usize) -> Option<Line> {
        let run = self.runs.iter().find(|run| (run.generated..run.generated + run.length).contains(&line))?;
        Some(Line { line: run.typed.line + line - run.generated, ..run.typed })
    }

    /// The generated code with a static at its end that says all this: five numbers for each run, and a 0. There are no
    /// quotes in it, which would end a string that somebody has forgotten to end.
    pub fn said_in(&self, generated: &str) -> String {
        let mut numbers = String::new();
        for Run { generated, typed: Line { id, count, line }, length } in &self.runs {
            let _ = write!(numbers, "{generated},{count},{line},{length},{id},");
        }
        let length = 5 * self.runs.len() + 1;
        format!("{generated}\n#[unsafe(no_mangle)] pub static {SYMBOL}: [u32; {length}] = [{numbers}0];\n")
    }

    /// Reads what the static says.
    pub fn read(said: &[u8]) -> Lines {
        let numbers =
            said.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let numbers: Vec<usize> = numbers.map(|number| number as usize).collect();
        let runs = numbers.chunks_exact(5).take_while(|run| run[0] != 0);
        let runs = runs.map(|run| {
            let [generated, count, line, length, id] = [run[0], run[1], run[2], run[3], run[4]];
            Run { generated, typed: Line { id, count, line }, length }
        });
        Lines { runs: runs.collect() }
    }
}

/// A cell, to look for lines in.
struct Text<'a> {
    cell: &'a Typed,
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
        Text { cell, lines, at }
    }

    /// The line that is equal to the one at index `at` of the generated code. The engine copies the cell's lines as
    /// they are, but takes items out of their order, so among equals the neighbours decide: how many are equal, too,
    /// is the likeness.
    fn equal(&self, generated: &[&str], at: usize) -> Option<(usize, Line)> {
        let same = self.at.get(generated[at])?;
        let alike = same.iter().map(|&index| (self.likeness(index, generated, at), self.line(index)));
        alike.rev().max_by_key(|(likeness, _)| *likeness)
    }

    /// The line that has the one at index `at` in it: the engine gives each of several statements on a line a line of
    /// its own.
    fn part(&self, generated: &[&str], at: usize) -> Option<Line> {
        let wanted = generated[at];
        if wanted.len() <= 2 || !self.cell.code.contains(wanted) {
            return None;
        }
        let having = (0..self.lines.len()).filter(|&index| self.lines[index].contains(wanted));
        having.rev().max_by_key(|&index| self.likeness(index, generated, at)).map(|index| self.line(index))
    }

    fn line(&self, index: usize) -> Line {
        Line { id: self.cell.id, count: self.cell.count, line: index + 1 }
    }

    /// How many of the lines around are equal.
    fn likeness(&self, index: usize, generated: &[&str], at: usize) -> usize {
        (1..=3)
            .flat_map(|step| {
                [(index.checked_sub(step), at.checked_sub(step)), (Some(index + step), Some(at + step))]
            })
            .filter(|(here, there)| {
                let here = here.and_then(|here| self.lines.get(here));
                here.is_some() && here == there.and_then(|there| generated.get(there))
            })
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(count: usize, code: &str) -> Typed {
        Typed { id: count, count, code: code.to_owned() }
    }

    fn found(code: &str, generated: &str, line: usize) -> Option<usize> {
        Lines::find(generated, &[typed(1, code)]).place(line).map(|place| place.line)
    }

    /// The cell and the line of each line.
    fn places(generated: &str, cells: &[Typed]) -> Vec<Option<(usize, usize)>> {
        let lines = Lines::find(generated, cells);
        let count = generated.lines().count();
        (1..=count).map(|line| lines.place(line).map(|place| (place.count, place.line))).collect()
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
    fn the_neighbours_also_decide_between_cells() {
        let cells = [
            typed(1, "fn a(v: &[u8]) -> u8 {\n    v[7]\n}"),
            typed(2, "fn b(v: &[i32]) -> i32 {\n    v[7]\n}"),
            typed(3, "println!(\"{}\", v[7]);"),
        ];
        let [a, b] = [&cells[0].code, &cells[1].code];
        let generated = format!("{a}\n{b}\nfn run_user_code_3() {{\nprintln!(\"{{}}\", v[7]);\n}}");
        let places = places(&generated, &cells);
        let expected = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)].map(Some);
        assert_eq!(places[..6], expected);
        assert_eq!(places[7], Some((3, 1)));
    }

    #[test]
    fn statements_are_those_of_the_last_cell() {
        let cells = [
            typed(1, "work();"),
            typed(2, "fn pick(v: &[i32]) -> i32 {\n    v[7]\n}"),
            typed(4, "let n = 1; work();"),
        ];
        let pick = &cells[1].code;
        let generated = format!("#![allow(x)]\n{pick}\nfn run_user_code_4() {{\nlet n = 1;\nwork();");
        let expected = [None, Some((2, 1)), Some((2, 2)), Some((2, 3)), None, Some((4, 1)), Some((4, 1))];
        assert_eq!(places(&generated, &cells), expected);
        assert_eq!(Lines::find(&generated, &[]), Lines::default());
    }

    #[test]
    fn the_static_says_it_all() {
        let cells = [Typed { id: 9, count: 3, code: "fn f() {\n    g()\n}\nh();".to_owned() }];
        let generated = "fn f() {\n    g()\n}\nfn run_user_code_3() {\nh();\n";
        let lines = Lines::find(generated, &cells);
        let said = lines.said_in(generated);
        let (code, end) = said.split_once("\n#[unsafe").unwrap();
        assert_eq!(code, generated);
        assert!(end.contains("[u32; 11] = [1,3,1,3,9,5,3,4,1,9,0];") && !said.contains('"'), "{end}");
        let numbers = [1_u32, 3, 1, 3, 9, 5, 3, 4, 1, 9, 0, 7];
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        assert_eq!(Lines::read(&bytes), lines);
        assert_eq!(Lines::read(&bytes[..40]), lines);
        assert_eq!(Lines::read(&[]), Lines::default());
    }

    #[test]
    fn what_was_typed_is_noted_and_garbage_is_nothing() {
        let workplace = tempfile::tempdir().unwrap();
        assert!(noted(workplace.path()).is_empty());
        note(&[typed(7, "\"é\"")], workplace.path()).unwrap();
        assert!(matches!(&noted(workplace.path())[..], [Typed { count: 7, code, .. }] if code == "\"é\""));
        fs::write(workplace.path().join(CELLS), "[{").unwrap();
        assert!(noted(workplace.path()).is_empty());
    }
}
