//! Code locations: the loaded object that an address lies in, and the cell that a source location was typed in.

use std::ffi::CStr;
use std::panic::Location;
use std::path::Path;

/// The beginning of the name of the file of a cell's code.
const CELL_PREFIX: &str = "cell_";

/// The extension of the file beside a cell's object that maps its lines to cells. The Threadbook kernel writes it.
const SOURCE_MAP_EXTENSION: &str = "places";

/// A loaded object, as the dynamic linker knows it.
pub struct LoadedObject {
    /// The file that it was loaded from.
    pub path: String,
    /// The address at which it was loaded.
    pub base: usize,
}

/// The loaded object that `address` lies in.
pub fn object_of(address: usize) -> Option<LoadedObject> {
    let address = std::ptr::without_provenance(address);
    // SAFETY: all fields may be zero, and `dladdr` only writes to them.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: `dladdr` takes any address.
    if unsafe { libc::dladdr(address, &mut info) } == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: it is a string that lives as long as the object is loaded, and it is copied here.
    let path = unsafe { CStr::from_ptr(info.dli_fname) }.to_string_lossy().into_owned();
    Some(LoadedObject { path, base: info.dli_fbase as usize })
}

/// A source location in words: the cell and the line, as in `cell [3]:2`, for code of a cell of the Threadbook kernel; for
/// all other code the file, the line and the column.
///
/// # Examples
///
/// ```
/// use std::panic::Location;
///
/// let here = Location::caller();
/// assert_eq!(threadbook_base::location::describe(here), here.to_string());
/// ```
pub fn describe(location: &Location<'_>) -> String {
    match cell_line(location) {
        Some((cell, line)) => format!("cell [{cell}]:{line}"),
        None => location.to_string(),
    }
}

fn cell_line(location: &Location<'_>) -> Option<(u32, u32)> {
    if !location.file().starts_with(CELL_PREFIX) {
        return None;
    }
    // The name of the file is a constant in the object that the code is in.
    let object = object_of(location.file().as_ptr().addr())?.path;
    let map = std::fs::read_to_string(Path::new(&object).with_extension(SOURCE_MAP_EXTENSION)).ok()?;
    find_in(&map, location.line())
}

/// The cell and its line of a line of generated code. Each line of the map describes a run of lines: the first line of
/// generated code, the cell's number, the first line in the cell, and the number of lines.
fn find_in(map: &str, line: u32) -> Option<(u32, u32)> {
    map.lines().find_map(|run| {
        let mut numbers = run.split(' ').map_while(|number| number.parse::<u32>().ok());
        let mut next = || numbers.next();
        let (first, cell, typed, length) = (next()?, next()?, next()?, next()?);
        line.checked_sub(first).filter(|after| *after < length).map(|after| (cell, typed + after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_beside_an_object_are_read() {
        let runs = "12 3 1 2\n20 7 5 1\ngarbage\n";
        assert_eq!(find_in(runs, 13), Some((3, 2)));
        assert_eq!(find_in(runs, 20), Some((7, 5)));
        assert_eq!((find_in(runs, 14), find_in(runs, 0)), (None, None));
    }

    #[test]
    fn a_location_outside_of_cells_is_described_by_its_file() {
        let here = Location::caller();
        assert_eq!(describe(here), here.to_string());
    }
}
