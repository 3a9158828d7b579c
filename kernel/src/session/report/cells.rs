//! What was typed in a session, to find places in it at any moment: a thread or a closure of an early cell may panic
//! when another one runs.

use super::object;
use crate::session::rewriting::Places;
use crate::session::text::place_offset;
use crate::toolchain::typed::{self, Line, Lines, Typed};
use crate::wire::Address;
use std::cell::RefCell;
use std::collections::HashMap;
use std::env::consts::DLL_PREFIX;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// See the module's documentation.
pub struct Cells {
    workplace: PathBuf,
    /// As they were typed, by their ids.
    codes: Vec<String>,
    /// As the engine got them: those that went well, in their order, and the current one.
    typed: Vec<Typed>,
    /// Whether the last of these is to stay.
    kept: bool,
    /// What the objects say that something has panicked in. They never change.
    known: RefCell<HashMap<PathBuf, Option<Lines>>>,
    /// The numbers of cells, and how they came to be what the engine got, by their serial numbers.
    steps: HashMap<usize, (usize, Vec<Places>)>,
}

/// A line of a cell, from 1.
#[derive(Clone, PartialEq)]
pub struct Place {
    pub count: usize,
    pub code: String,
    pub line: usize,
}

impl Cells {
    /// Of a session that works in this directory.
    pub fn new(workplace: &Path) -> Cells {
        Cells {
            workplace: workplace.to_owned(),
            codes: Vec::new(),
            typed: Vec::new(),
            kept: true,
            known: RefCell::default(),
            steps: HashMap::new(),
        }
    }

    /// The directory that the session works in.
    pub fn workplace(&self) -> &Path {
        &self.workplace
    }

    /// A cell is going to be compiled and run: `code` as it was typed, `prepared` as the engine gets it.
    pub fn begin(&mut self, count: usize, code: &str, prepared: &str) {
        if !std::mem::take(&mut self.kept) {
            self.typed.pop();
        }
        self.typed.push(Typed { id: self.codes.len(), count, code: prepared.to_owned() });
        self.codes.push(code.to_owned());
        // If this fails, the cell's errors will not name their lines.
        let _ = typed::note(&self.typed, &self.workplace);
    }

    /// A cell is going to be compiled: `code` as it was typed, `steps` how it came to be what the engine gets. Returns
    /// its serial number.
    pub fn add(&mut self, count: usize, code: &str, steps: Vec<Places>) -> usize {
        self.steps.insert(self.codes.len(), (count, steps));
        self.codes.push(code.to_owned());
        self.codes.len() - 1
    }

    /// An object is going to be loaded, of which these lines come from cells.
    pub fn know(&self, object: &Path, lines: &[threadbook_engine::Line]) {
        let lines = lines.iter().filter_map(|line| {
            let (count, _) = self.steps.get(&line.serial)?;
            Some((line.generated, Line { id: line.serial, count: *count, line: line.line }))
        });
        let lines = Lines::of(lines);
        // Without it, the workers of a process pool name the lines of generated code.
        let _ = fs::write(object.with_extension("places"), lines.written());
        self.known.borrow_mut().insert(object.to_owned(), Some(lines));
    }

    /// The number and the text of a cell as it was typed, and the byte there that became the byte `offset` of `text`, which
    /// the engine got.
    pub fn typed(&self, serial: usize, text: &str, offset: usize) -> Option<(usize, &str, usize)> {
        let (count, steps) = self.steps.get(&serial)?;
        let code = self.codes.get(serial)?;
        let before = &text[..text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let column = steps.iter().rev().fold(column, |column, step| step.old_column(line, column));
        Some((*count, code, place_offset(code, line, column)))
    }

    /// The cell went well.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Where a line of the generated code was typed: of what that object was compiled from; of none, of the code that
    /// was generated last.
    pub fn place(&self, object: Option<&Path>, line: u32) -> Option<Place> {
        if let Some(object) = object {
            let mut known = self.known.borrow_mut();
            let said = known.entry(object.to_owned()).or_insert_with(|| object::typed(object));
            return self.place_in(said.as_ref()?, line);
        }
        let generated = fs::read_to_string(self.workplace.join(typed::FILE)).ok()?;
        self.place_in(&Lines::find(&generated, &self.typed), line)
    }

    /// The places in cells that the code at these addresses came from.
    pub fn places(&self, addresses: &[Address]) -> Vec<Place> {
        let ours = addresses.iter().filter(|address| self.is_cell(&address.object));
        let mut offsets: HashMap<&Path, Vec<u64>> = HashMap::new();
        for Address { object, offset } in ours.clone() {
            offsets.entry(object).or_default().push(*offset);
        }
        let mut lines: HashMap<&Path, _> = offsets
            .iter()
            .filter_map(|(object, offsets)| {
                let (said, lines) = object::lines(object, offsets, &self.workplace)?;
                let said = said.or_else(|| self.known.borrow().get(*object).cloned().flatten())?;
                Some((*object, (said, lines.into_iter())))
            })
            .collect();
        let of = |address: &Address| {
            let (said, lines) = lines.get_mut(&*address.object)?;
            Some(lines.next()?.into_iter().filter_map(|line| self.place_in(said, line)).collect::<Vec<_>>())
        };
        ours.filter_map(of).flatten().collect()
    }

    /// Whether that is what the engine has a cell compiled to.
    fn is_cell(&self, object: &Path) -> bool {
        if self.known.borrow().get(object).is_some_and(Option::is_some) {
            return true;
        }
        let name = object.file_name().unwrap_or_default().to_string_lossy();
        object.starts_with(&self.workplace) && name.starts_with(&format!("{DLL_PREFIX}code_"))
    }

    fn place_in(&self, lines: &Lines, line: u32) -> Option<Place> {
        let Line { id, count, line } = lines.place(line as usize)?;
        Some(Place { count, code: self.codes.get(id)?.clone(), line })
    }
}

/// How much of a line is told beside its place, in characters.
const MAX_LINE: usize = 60;

impl Place {
    /// The line itself, or its beginning.
    pub fn shortened(&self) -> String {
        let line = self.code.lines().nth(self.line - 1).unwrap_or_default().trim();
        let cut: String = line.chars().take(MAX_LINE).collect();
        let dots = if cut.len() < line.len() { "…" } else { "" };
        cut + dots
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", cell_name(self.count), self.line)
    }
}

pub fn cell_name(count: usize) -> String {
    format!("cell [{count}]")
}
