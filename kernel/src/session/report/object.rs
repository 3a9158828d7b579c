//! What cells were compiled to: shared objects that know which lines they came from.

use crate::toolchain::typed::{Lines, SYMBOL};
use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, NativeEndian, SectionId};
use object::{Object as _, ObjectSection, ObjectSymbol};
use std::ffi::CStr;
use std::fs;
use std::path::Path;

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

    /// Where the lines were typed that it was compiled from, as it says itself.
    pub fn typed(&self) -> Option<Lines> {
        let file = self.parsed()?;
        // On macOS, names begin with an underscore.
        let is_it = |name: &str| name.strip_prefix('_').unwrap_or(name) == SYMBOL;
        let symbol = file.dynamic_symbols().find(|symbol| symbol.name().is_ok_and(is_it))?;
        let section = file.section_by_index(symbol.section_index()?).ok()?;
        let skipped = symbol.address().checked_sub(section.address())? as usize;
        let said = CStr::from_bytes_until_nul(section.data().ok()?.get(skipped..)?).ok()?;
        said.to_str().ok().map(Lines::read)
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
