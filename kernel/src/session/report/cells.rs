//! The cells of a session, and what the engine made of each, kept to find places in them at any moment: a thread or
//! a closure of an early cell may panic when another one runs.

use super::object::{Object, RUNS_CELL};
use super::source::{self, Earlier, Place, Source};
use crate::wire::Address;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A cell as it was typed, and as the engine got it.
struct Typed {
    count: usize,
    code: String,
    prepared: String,
    /// The generated code, as soon as the engine may write another one in its place.
    generated: Option<String>,
}

/// See the module's documentation.
pub struct Cells {
    workplace: PathBuf,
    current: Option<Typed>,
    /// By the functions that run them.
    past: HashMap<String, Typed>,
    /// The cells that went well, in their order: later ones may call their functions.
    earlier: Vec<Earlier>,
}

impl Cells {
    /// Of a session that works in this directory.
    pub fn new(workplace: &Path) -> Cells {
        let workplace = workplace.to_owned();
        Cells { workplace, current: None, past: HashMap::new(), earlier: Vec::new() }
    }

    /// The directory that the session works in.
    pub fn workplace(&self) -> &Path {
        &self.workplace
    }

    /// A cell is going to be compiled and run.
    pub fn begin(&mut self, count: usize, code: &str, prepared: &str) {
        let generated = self.generated();
        if let Some(past) = self.current.take()
            && let Some(name) = runs(&generated).map(str::to_owned)
        {
            self.past.insert(name, Typed { generated: Some(generated), ..past });
        }
        let (code, prepared) = (code.to_owned(), prepared.to_owned());
        self.current = Some(Typed { count, code, prepared, generated: None });
    }

    /// The cell has been compiled, and run if it could be, from this generated code.
    pub fn end(&mut self, generated: String) {
        if let Some(current) = &mut self.current {
            current.generated = Some(generated);
        }
    }

    /// The cell went well.
    pub fn keep(&mut self) {
        self.earlier.extend(self.current.as_ref().map(|cell| (cell.count, cell.code.clone())));
    }

    /// What was typed last.
    pub fn current(&self) -> Option<Source<'_>> {
        self.current.as_ref().map(|typed| self.source(typed, self.generated()))
    }

    /// What that object was compiled from; of none, what was typed last.
    pub fn of(&self, object: Option<&Path>) -> Option<Source<'_>> {
        let name = object.and_then(Object::open).and_then(|object| object.runs());
        let generated = self.generated();
        match name.filter(|name| runs(&generated) != Some(name)) {
            None => self.current(),
            Some(name) => {
                let past = self.past.get(&name)?;
                Some(self.source(past, past.generated.clone()?))
            }
        }
    }

    /// The places in cells that the code at these addresses came from.
    pub fn places(&self, addresses: &[Address]) -> Vec<Place> {
        let mut opened: HashMap<&Path, Option<(Object, Source)>> = HashMap::new();
        let ours = addresses.iter().filter(|address| address.object.starts_with(&self.workplace));
        let places = ours.flat_map(|Address { object, offset }| {
            let opened =
                opened.entry(object).or_insert_with(|| Some((Object::open(object)?, self.of(Some(object))?)));
            let Some((object, source)) = opened else { return Vec::new() };
            let lines = object.lines(*offset, &self.workplace).into_iter();
            lines.filter_map(|line| source.place(line as usize)).collect()
        });
        places.collect()
    }

    fn source<'a>(&'a self, typed: &'a Typed, generated: String) -> Source<'a> {
        let end = self.earlier.partition_point(|(count, _)| *count < typed.count);
        Source {
            count: typed.count,
            code: &typed.code,
            prepared: &typed.prepared,
            earlier: &self.earlier[..end],
            generated,
        }
    }

    /// The code that was generated for the current cell.
    fn generated(&self) -> String {
        let kept = self.current.as_ref().and_then(|current| current.generated.clone());
        kept.or_else(|| fs::read_to_string(self.workplace.join(source::FILE)).ok()).unwrap_or_default()
    }
}

/// The function that runs the cell of which this code was generated.
fn runs(generated: &str) -> Option<&str> {
    let name = &generated[generated.rfind(&format!("fn {RUNS_CELL}"))? + 3..];
    Some(&name[..name.find('(')?])
}
