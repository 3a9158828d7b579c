//! The cells of a session as they were typed. Their lines can be found at any time: a thread or a closure of an early cell
//! may panic when another one runs.

use super::lines::{LineTable, ObjectLine};
use super::object;
use crate::session::edits::EditMap;
use crate::session::text::place_offset;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use threadbook_wire::CodeAddress;

/// See the module's documentation.
pub struct Cells {
    workspace: PathBuf,
    /// By their serial numbers.
    cells: Vec<Typed>,
    /// The lines of the objects that were loaded.
    objects: HashMap<PathBuf, LineTable>,
}

/// A cell as it was typed.
struct Typed {
    count: usize,
    code: String,
    /// The edits that made the engine's text of it.
    steps: Vec<EditMap>,
}

/// A line of a cell, from 1.
#[derive(Clone, PartialEq)]
pub struct CellLine {
    pub count: usize,
    pub code: String,
    pub line: usize,
}

impl Cells {
    /// Of a session that works in this directory.
    pub fn new(workspace: &Path) -> Cells {
        Cells { workspace: workspace.to_owned(), cells: Vec::new(), objects: HashMap::new() }
    }

    /// The directory that the session works in.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// A cell is going to be compiled: `code` as it was typed, `steps` how it came to be the text that the engine gets.
    /// Returns its serial number.
    pub fn add(&mut self, count: usize, code: &str, steps: Vec<EditMap>) -> usize {
        self.cells.push(Typed { count, code: code.to_owned(), steps });
        self.cells.len() - 1
    }

    /// An object is going to be loaded, of which these lines come from cells.
    pub fn know(&mut self, object: &Path, lines: &[threadbook_engine::Line]) {
        let lines = lines.iter().filter_map(|line| {
            let count = self.cells.get(line.serial)?.count;
            Some((line.generated, ObjectLine { serial: line.serial, count, line: line.line }))
        });
        let lines = LineTable::of(lines);
        // Without it, the workers of a process pool name the lines of generated code.
        let _ = fs::write(object.with_extension("places"), lines.written());
        self.objects.insert(object.to_owned(), lines);
    }

    /// The number and the text of a cell as it was typed, and the byte there that became the byte `offset` of `text`, which
    /// the engine got.
    pub fn typed(&self, serial: usize, text: &str, offset: usize) -> Option<(usize, &str, usize)> {
        let Typed { count, code, steps } = self.cells.get(serial)?;
        let before = &text[..text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let column = steps.iter().rev().fold(column, |column, step| step.old_column(line, column));
        Some((*count, code, place_offset(code, line, column)))
    }

    /// The place in a cell of a line of the code that an object was compiled from.
    pub fn place(&self, object: Option<&Path>, line: u32) -> Option<CellLine> {
        self.place_in(self.objects.get(object?)?, line)
    }

    /// The places in cells that the code at these addresses came from.
    pub fn places(&self, addresses: &[CodeAddress]) -> Vec<CellLine> {
        let ours = addresses.iter().filter(|address| self.objects.contains_key(&address.object));
        let mut offsets: HashMap<&Path, Vec<u64>> = HashMap::new();
        for CodeAddress { object, offset } in ours.clone() {
            offsets.entry(object).or_default().push(*offset);
        }
        let mut found: HashMap<&Path, _> = offsets
            .iter()
            .filter_map(|(object, offsets)| {
                Some((*object, (self.objects.get(*object)?, object::lines(object, offsets)?.into_iter())))
            })
            .collect();
        let of = |address: &CodeAddress| {
            let (known, lines) = found.get_mut(&*address.object)?;
            Some(lines.next()?.into_iter().filter_map(|line| self.place_in(known, line)).collect::<Vec<_>>())
        };
        ours.filter_map(of).flatten().collect()
    }

    fn place_in(&self, lines: &LineTable, line: u32) -> Option<CellLine> {
        let ObjectLine { serial, count, line } = lines.place(line as usize)?;
        Some(CellLine { count, code: self.cells.get(serial)?.code.clone(), line })
    }
}

/// The longest part of a line that is shown, in characters.
const MAX_LINE: usize = 60;

impl CellLine {
    /// The line itself, or its beginning.
    pub fn shortened(&self) -> String {
        let line = self.code.lines().nth(self.line - 1).unwrap_or_default().trim();
        let cut: String = line.chars().take(MAX_LINE).collect();
        let dots = if cut.len() < line.len() { "…" } else { "" };
        cut + dots
    }
}

impl fmt::Display for CellLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", cell_name(self.count), self.line)
    }
}

pub fn cell_name(count: usize) -> String {
    format!("cell [{count}]")
}
