//! Where in the cells a line of the generated code was typed.

use std::fmt;

/// How the compiler names the generated code.
pub const FILE: &str = "src/lib.rs";

/// A cell that went well, with its number.
pub type Earlier = (usize, String);

/// What was typed, and what the engine made of it.
pub struct Source<'a> {
    /// The number of the last cell.
    pub count: usize,
    /// The last cell.
    pub code: &'a str,
    /// The last cell as the engine got it.
    pub prepared: &'a str,
    pub earlier: &'a [Earlier],
    pub generated: String,
}

/// A line of a cell, from 1.
#[derive(Clone, PartialEq)]
pub struct Place {
    pub count: usize,
    pub code: String,
    pub line: usize,
}

impl Place {
    fn new(count: usize, code: &str, line: usize) -> Place {
        Place { count, code: code.to_owned(), line }
    }

    /// The line itself.
    pub fn text(&self) -> &str {
        self.code.lines().nth(self.line - 1).unwrap_or_default().trim()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", cell_name(self.count), self.line)
    }
}

impl Source<'_> {
    /// Where the line of the generated code was typed, if it was.
    pub fn place(&self, line: usize) -> Option<Place> {
        if let Some(line) = cell_line(self.prepared, &self.generated, line) {
            return Some(Place::new(self.count, self.code, line));
        }
        self.earlier.iter().rev().find_map(|(count, code)| {
            let line = cell_line(code, &self.generated, line)?;
            Some(Place::new(*count, code, line))
        })
    }

    /// `text`, with the place in its cell where it names one in the generated code: a task's panic does.
    pub fn with_places(&self, text: &str) -> String {
        let mut parts = text.split(FILE);
        let mut shown = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // The line and the column, each after a colon.
            let after = part.strip_prefix(':').unwrap_or_default();
            let (line, after) =
                after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()));
            match line.parse().ok().and_then(|line| self.place(line)) {
                Some(place) => {
                    let column =
                        after.strip_prefix(':').filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
                    let after = column.unwrap_or(after).trim_start_matches(|c: char| c.is_ascii_digit());
                    shown.push_str(&format!("{place}{after}"));
                }
                None => shown.extend([FILE, part]),
            }
        }
        shown
    }
}

pub fn cell_name(count: usize) -> String {
    format!("cell [{count}]")
}

/// The line of the cell (from 1) that stands at `line` of the generated code. The engine copies the cell's
/// lines as they are, but takes items out of their order, so the line is found by its text, and among
/// equals by its neighbours.
fn cell_line(code: &str, generated: &str, line: usize) -> Option<usize> {
    let generated: Vec<&str> = generated.lines().map(str::trim).collect();
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let at = line.checked_sub(1)?;
    let wanted = *generated.get(at)?;
    let likeness = |index: usize| {
        (1..=3)
            .flat_map(|step| {
                [(index.checked_sub(step), at.checked_sub(step)), (Some(index + step), Some(at + step))]
            })
            .filter(|(here, there)| {
                let here = here.and_then(|here| lines.get(here));
                here.is_some() && here == there.and_then(|there| generated.get(there))
            })
            .count()
    };
    let mut same: Vec<usize> = (0..lines.len()).filter(|&index| lines[index] == wanted).collect();
    if same.is_empty() && wanted.len() > 2 {
        // The engine gives each of several statements on a line a line of its own.
        same = (0..lines.len()).filter(|&index| lines[index].contains(wanted)).collect();
    }
    same.into_iter().rev().max_by_key(|&index| likeness(index)).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn among_equal_lines_the_neighbours_decide() {
        let code = "a();\nx();\nb();\nx();\nc();";
        assert_eq!(cell_line(code, "fn f() {\na();\nx();\nb();\nx();\nc();\n}", 3), Some(2));
        assert_eq!(cell_line(code, "fn f() {\na();\nx();\nb();\nx();\nc();\n}", 5), Some(4));
        assert_eq!(cell_line(code, "y();", 1), None);
        assert_eq!(cell_line("a();\nb(); c(x)", "b();\nc(x)\n}", 2), Some(2));
        assert_eq!(cell_line(code, "y();", 9), None);
    }

    #[test]
    fn places_in_text_are_those_of_the_cells() {
        let earlier = [(1, "fn pick(v: &[i32]) -> i32 {\n    v[7]\n}".to_owned())];
        let generated = "#![allow(x)]\nfn pick(v: &[i32]) -> i32 {\n    v[7]\n}\npick(&[1])".to_owned();
        let code = "pick(&[1])";
        let source = Source { count: 2, code, prepared: code, earlier: &earlier, generated };
        let shown = |text: &str| source.with_places(text);
        assert_eq!(
            shown("pick panicked at src/lib.rs:3:5: out of bounds"),
            "pick panicked at cell [1]:2: out of bounds"
        );
        assert_eq!(shown("src/lib.rs:5"), "cell [2]:1");
        assert_eq!(shown("src/lib.rs:5: boom"), "cell [2]:1: boom");
        for same in
            ["nothing", "src/lib.rs", "src/lib.rs:", "src/lib.rs:x", "src/lib.rs:99:1 and é", "src/lib.rs:1"]
        {
            assert_eq!(shown(same), same);
        }
    }
}
