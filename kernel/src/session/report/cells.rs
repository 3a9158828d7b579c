//! What was typed in a session, to find places in it at any moment: a thread or a closure of an early cell may panic
//! when another one runs.

use super::object::Object;
use crate::toolchain::typed::{self, Lines, Typed};
use crate::wire::Address;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// See the module's documentation.
pub struct Cells {
    workplace: PathBuf,
    /// As they were typed, by their numbers.
    codes: HashMap<usize, String>,
    /// As the engine got them: those that went well, in their order, and the current one.
    typed: Vec<Typed>,
    /// Whether the last of these is to stay.
    kept: bool,
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
        Cells { workplace: workplace.to_owned(), codes: HashMap::new(), typed: Vec::new(), kept: true }
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
        self.codes.insert(count, code.to_owned());
        self.typed.push(Typed { count, code: prepared.to_owned() });
        // If this fails, the cell's errors will not name their lines.
        let _ = typed::note(&self.typed, &self.workplace);
    }

    /// The cell went well.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Where a line of the generated code was typed: of what that object was compiled from; of none, of the code that
    /// was generated last.
    pub fn place(&self, object: Option<&Path>, line: u32) -> Option<Place> {
        let lines = match object {
            Some(object) => Object::open(object)?.typed()?,
            None => {
                let generated = fs::read_to_string(self.workplace.join(typed::FILE)).ok()?;
                Lines::find(&generated, &self.typed)
            }
        };
        self.place_in(&lines, line)
    }

    /// The places in cells that the code at these addresses came from.
    pub fn places(&self, addresses: &[Address]) -> Vec<Place> {
        let mut opened: HashMap<&Path, Option<(Object, Lines)>> = HashMap::new();
        let ours = addresses.iter().filter(|address| address.object.starts_with(&self.workplace));
        let places = ours.flat_map(|Address { object, offset }| {
            let opened = opened.entry(object).or_insert_with(|| {
                let object = Object::open(object)?;
                let lines = object.typed()?;
                Some((object, lines))
            });
            let Some((object, typed)) = opened else { return Vec::new() };
            let lines = object.lines(*offset, &self.workplace).into_iter();
            lines.filter_map(|line| self.place_in(typed, line)).collect()
        });
        places.collect()
    }

    fn place_in(&self, lines: &Lines, line: u32) -> Option<Place> {
        let (count, line) = lines.place(line as usize)?;
        Some(Place { count, code: self.codes.get(&count)?.clone(), line })
    }
}

impl Place {
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

pub fn cell_name(count: usize) -> String {
    format!("cell [{count}]")
}
