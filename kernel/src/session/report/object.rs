//! The shared objects of cells, which have the lines of their code in their debug information.

use super::lines::is_generated;
use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, NativeEndian, SectionId};
use object::{File, Object as _, ObjectSection};
use std::fs;
use std::path::Path;

/// For each of these offsets in an object, the lines of the generated code from which the code there came: that of a
/// function, and before it those of the functions that the compiler has put into it.
pub fn lines(path: &Path, offsets: &[u64]) -> Option<Vec<Vec<u32>>> {
    let bytes = fs::read(path).ok()?;
    let file = File::parse(&*bytes).ok()?;
    let load = |id: SectionId| {
        let section = file.section_by_name(id.name());
        let bytes = section.and_then(|section| section.data().ok()).unwrap_or_default();
        Ok::<_, addr2line::gimli::Error>(EndianSlice::new(bytes, NativeEndian))
    };
    let context = Context::from_dwarf(Dwarf::load(load).ok()?).ok()?;
    Some(offsets.iter().map(|offset| lines_at(&context, *offset).unwrap_or_default()).collect())
}

type Found<'a> = Context<EndianSlice<'a, NativeEndian>>;

fn lines_at(context: &Found, offset: u64) -> Option<Vec<u32>> {
    let mut frames = context.find_frames(offset).skip_all_loads().ok()?;
    let mut lines = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        let place = frame.location.and_then(|place| Some((place.file?, place.line?)));
        lines.extend(place.filter(|(file, _)| is_generated(file)).map(|(_, line)| line));
    }
    Some(lines)
}
