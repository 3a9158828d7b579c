//! What cells were compiled to: shared objects that know which lines they came from.

use crate::toolchain::typed::{FILE, Lines, SYMBOL};
use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, NativeEndian, SectionId};
use object::{File, Object as _, ObjectSection, ObjectSymbol};
use std::fs;
use std::path::Path;

/// Where the lines of a shared object were typed, as it says itself.
pub fn typed(path: &Path) -> Option<Lines> {
    typed_in(&File::parse(&*fs::read(path).ok()?).ok()?)
}

/// The same, and for each of these offsets the lines in the generated code below `directory` from which the code there
/// came: that of a function, and before it those of the functions that the compiler has put into it.
pub fn lines(path: &Path, offsets: &[u64], directory: &Path) -> Option<(Option<Lines>, Vec<Vec<u32>>)> {
    let bytes = fs::read(path).ok()?;
    let file = File::parse(&*bytes).ok()?;
    let load = |id: SectionId| {
        let section = file.section_by_name(id.name());
        let bytes = section.and_then(|section| section.data().ok()).unwrap_or_default();
        Ok::<_, addr2line::gimli::Error>(EndianSlice::new(bytes, NativeEndian))
    };
    let context = Context::from_dwarf(Dwarf::load(load).ok()?).ok()?;
    let lines = offsets.iter().map(|offset| lines_at(&context, *offset, directory).unwrap_or_default());
    Some((typed_in(&file), lines.collect()))
}

fn typed_in(file: &File) -> Option<Lines> {
    // On macOS, names begin with an underscore, and there are no dynamic symbols.
    let is_it = |name: &str| name.strip_prefix('_').unwrap_or(name) == SYMBOL;
    let mut symbols = file.dynamic_symbols().chain(file.symbols());
    let symbol = symbols.find(|symbol| symbol.name().is_ok_and(is_it))?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    let skipped = symbol.address().checked_sub(section.address())? as usize;
    section.data().ok()?.get(skipped..).map(Lines::read)
}

type Found<'a> = Context<EndianSlice<'a, NativeEndian>>;

fn lines_at(context: &Found, offset: u64, directory: &Path) -> Option<Vec<u32>> {
    let mut frames = context.find_frames(offset).skip_all_loads().ok()?;
    let mut lines = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        let place = frame.location.and_then(|place| Some((Path::new(place.file?), place.line?)));
        let is_generated = |file: &Path| {
            file.starts_with(directory) && file.ends_with(FILE)
                || super::is_generated(&file.to_string_lossy())
        };
        lines.extend(place.filter(|(file, _)| is_generated(file)).map(|(_, line)| line));
    }
    Some(lines)
}
