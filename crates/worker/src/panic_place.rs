//! Where a panic was, in words for people.

use std::ffi::{CStr, CString};
use std::panic::Location;

use crate::place::object_of;

/// What the code of a notebook's cells says of itself: the name of its file, and runs of lines as
/// `first,cell,first in the cell,length`. The Threadbook kernel puts this there.
const TYPED: &CStr = c"THREADBOOK_TYPED";

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

fn typed(location: &Location<'_>) -> Option<(usize, usize)> {
    // The name of the file is a constant in the object that the code is in.
    let said = said_by(&object_of(location.file().as_ptr().cast())?.path)?;
    let (file, runs) = said.split_once(' ')?;
    if file != location.file() {
        return None;
    }
    find(runs, location.line() as usize)
}

/// Where a line was typed, if it is in one of the runs.
fn find(runs: &str, line: usize) -> Option<(usize, usize)> {
    runs.split(' ').find_map(|run| {
        let mut numbers = run.split(',').map(|number| number.parse::<usize>().ok());
        let mut next = || numbers.next()?;
        let (first, cell, first_typed, length) = (next()?, next()?, next()?, next()?);
        let after = line.checked_sub(first).filter(|after| *after < length)?;
        Some((cell, first_typed + after))
    })
}

/// What a loaded object says of its lines, if it does.
fn said_by(object: &str) -> Option<&'static str> {
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
    // SAFETY: the kernel lets it end with a 0. It is a constant of an object that stays.
    (!said.is_null()).then(|| unsafe { CStr::from_ptr(said.cast()) })?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel makes it.
    #[test]
    fn a_line_is_found_in_its_run() {
        let runs = "1,3,1,3 5,12,4,1 garbage 6,3 7,1,1,1";
        let places = [0, 1, 3, 4, 5, 6, 7].map(|line| find(runs, line));
        assert_eq!(places, [None, Some((3, 1)), Some((3, 3)), None, Some((12, 4)), None, Some((1, 1))]);
    }

    #[test]
    fn a_place_that_no_cell_has_is_said_as_it_is() {
        let here = Location::caller();
        assert_eq!(panic_place(here), here.to_string());
    }
}
