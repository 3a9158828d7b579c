//! Where a panic was, in words for people.

use std::ffi::{CStr, CString};
use std::panic::Location;
use std::path::Path;

use crate::place::object_of;

/// How the compiler names the file of a cell's code.
const FILE: &str = "src/lib.rs";

/// What the code of a cell says of its own lines, in numbers. Runs of lines have five each: the first line, the cell's
/// number, the first line in the cell, how many there are, and one that only the kernel reads. A 0 ends it all. The
/// Threadbook kernel puts this there (`kernel/src/toolchain/typed.rs`).
const TYPED: &CStr = c"THREADBOOK_TYPED";
const RUN: usize = 5;

/// The ending of the file beside an object of the Threadbook kernel's own engine that says the same.
const PLACES: &str = "places";

/// The cell and the line, as in `cell [3]:2`, if the code was typed in one, in a notebook of the Threadbook kernel;
/// anywhere else the file, the line and the column, as the location itself says it.
///
/// # Examples
///
/// ```
/// use std::panic::Location;
///
/// let here = Location::caller();
/// assert_eq!(threadbook_worker::panic_place(here), here.to_string());
/// ```
pub fn panic_place(location: &Location<'_>) -> String {
    match typed(location) {
        Some((cell, line)) => format!("cell [{cell}]:{line}"),
        None => location.to_string(),
    }
}

fn typed(location: &Location<'_>) -> Option<(u32, u32)> {
    let is_cell = location.file().starts_with("cell_");
    if location.file() != FILE && !is_cell {
        return None;
    }
    // The name of the file is a constant in the object that the code is in.
    let object = object_of(location.file().as_ptr().addr())?.path;
    if is_cell {
        return find_in(
            &std::fs::read_to_string(Path::new(&object).with_extension(PLACES)).ok()?,
            location.line(),
        );
    }
    let said = said_by(&object)?;
    // SAFETY: the kernel ends it with a 0, and it is a constant of an object that stays.
    unsafe { find(said, location.line()) }
}

/// Where a line was typed, if it is in one of the runs of a file beside an object: a line each, with the first line of
/// generated code, the cell's number, the first line in the cell, and the number of lines.
fn find_in(text: &str, line: u32) -> Option<(u32, u32)> {
    text.lines().find_map(|run| {
        let mut numbers = run.split(' ').map_while(|number| number.parse::<u32>().ok());
        let mut next = || numbers.next();
        let (first, cell, typed, length) = (next()?, next()?, next()?, next()?);
        line.checked_sub(first).filter(|after| *after < length).map(|after| (cell, typed + after))
    })
}

/// Where a line was typed, if it is in one of the runs.
///
/// # Safety
///
/// There must be runs of numbers, and after them a 0.
unsafe fn find(mut run: *const u32, line: u32) -> Option<(u32, u32)> {
    // SAFETY: there is at least the 0.
    while unsafe { *run } != 0 {
        // SAFETY: a run begins here, and after it comes another one, or the 0.
        let (&[first, cell, typed, length, _], next) = unsafe { (&*run.cast::<[u32; RUN]>(), run.add(RUN)) };
        if let Some(after) = line.checked_sub(first).filter(|after| *after < length) {
            return Some((cell, typed + after));
        }
        run = next;
    }
    None
}

/// What a loaded object says of its lines, if it does.
fn said_by(object: &str) -> Option<*const u32> {
    let path = CString::new(object).ok()?;
    // SAFETY: nothing is loaded that is not there already, so no initialiser runs.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if handle.is_null() {
        return None;
    }
    // SAFETY: the handle is one of `dlopen`. It is given back, and the object stays: the code of a panic is in it, and
    // no cell is ever unloaded.
    let said = unsafe {
        let said = libc::dlsym(handle, TYPED.as_ptr());
        libc::dlclose(handle);
        said
    };
    (!said.is_null()).then_some(said.cast_const().cast())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel makes it.
    #[test]
    fn a_line_is_found_in_its_run() {
        let said = [1, 3, 1, 3, 0, 5, 12, 4, 1, 1, 0];
        // SAFETY: there are two runs and a 0.
        let places = [0, 1, 3, 4, 5, 6].map(|line| unsafe { find(said.as_ptr(), line) });
        assert_eq!(places, [None, Some((3, 1)), Some((3, 3)), None, Some((12, 4)), None]);
        // SAFETY: there is no run, and a 0.
        assert_eq!(unsafe { find([0].as_ptr(), 1) }, None);
    }

    #[test]
    fn runs_beside_an_object_are_read() {
        let runs = "12 3 1 2\n20 7 5 1\ngarbage\n";
        assert_eq!(find_in(runs, 13), Some((3, 2)));
        assert_eq!(find_in(runs, 20), Some((7, 5)));
        assert_eq!((find_in(runs, 14), find_in(runs, 0)), (None, None));
    }

    #[test]
    fn a_place_that_no_cell_has_is_said_as_it_is() {
        let here = Location::caller();
        assert_eq!(panic_place(here), here.to_string());
    }
}
