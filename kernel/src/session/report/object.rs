//! What cells were compiled to: shared objects that know which lines of the generated code they came from.

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, NativeEndian, SectionId};
use object::{Object as _, ObjectSection, ObjectSymbol};
use std::fs;
use std::path::Path;

/// How the functions are called that run cells; each has a number behind this.
pub const RUNS_CELL: &str = "run_user_code_";

/// A shared object.
pub struct Object {
    bytes: Vec<u8>,
}

impl Object {
    pub fn open(path: &Path) -> Option<Object> {
        fs::read(path).ok().map(|bytes| Object { bytes })
    }

    fn parsed(&self) -> Option<object::File<'_>> {
        object::File::parse(&*self.bytes).ok()
    }

    /// The name of the function in it that runs a cell.
    pub fn runs(&self) -> Option<String> {
        let file = self.parsed()?;
        let mut names = file.dynamic_symbols().filter_map(|symbol| symbol.name().ok());
        // On macOS, names begin with an underscore.
        names.find_map(|name| Some(name[name.find(RUNS_CELL).filter(|at| *at <= 1)?..].to_owned()))
    }

    /// The lines in files below `directory` from which the code at `offset` came: that of a function, and before it
    /// those of the functions that the compiler has put into it.
    pub fn lines(&self, offset: u64, directory: &Path) -> Vec<u32> {
        self.try_lines(offset, directory).unwrap_or_default()
    }

    fn try_lines(&self, offset: u64, directory: &Path) -> Option<Vec<u32>> {
        let file = self.parsed()?;
        let load = |id: SectionId| {
            let section = file.section_by_name(id.name());
            let bytes = section.and_then(|section| section.data().ok()).unwrap_or_default();
            Ok::<_, addr2line::gimli::Error>(EndianSlice::new(bytes, NativeEndian))
        };
        let context = Context::from_dwarf(Dwarf::load(load).ok()?).ok()?;
        let mut frames = context.find_frames(offset).skip_all_loads().ok()?;
        let mut lines = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            let place = frame.location.and_then(|place| Some((place.file?, place.line?)));
            lines.extend(
                place.filter(|(file, _)| Path::new(file).starts_with(directory)).map(|(_, line)| line),
            );
        }
        Some(lines)
    }
}
