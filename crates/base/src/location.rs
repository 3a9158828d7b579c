//! Where a panic was, in words for people.

use std::panic::Location;
use std::path::Path;

use crate::place::object_of;

/// The beginning of the name of the file of a cell's code.
const FILE: &str = "cell_";

/// The ending of the file beside a cell's object that has the places of its lines. The Threadbook kernel writes it.
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
    if !location.file().starts_with(FILE) {
        return None;
    }
    // The name of the file is a constant in the object that the code is in.
    let object = object_of(location.file().as_ptr().addr())?.path;
    find_in(&std::fs::read_to_string(Path::new(&object).with_extension(PLACES)).ok()?, location.line())
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
    fn a_place_that_no_cell_has_is_said_as_it_is() {
        let here = Location::caller();
        assert_eq!(panic_place(here), here.to_string());
    }
}
