//! Edits of a cell's text, and the map from the compiler's columns back to the cell's.

use std::ops::Range;

/// A text that is made of an old one. Its parts are replaced from the front to the back.
pub struct Edits<'a> {
    old: &'a str,
    new: String,
    /// As much of the old text is in the new one.
    done: usize,
    places: EditMap,
}

impl<'a> Edits<'a> {
    pub fn of(old: &'a str) -> Edits<'a> {
        Edits { old, new: String::with_capacity(old.len()), done: 0, places: EditMap::default() }
    }

    /// Replaces `range`, which must come after all that was replaced before. Line breaks stay, so that every
    /// line keeps its number: the first line of `range` is replaced, and its others become empty.
    pub fn replace(&mut self, range: Range<usize>, with: &str) {
        self.new.push_str(&self.old[self.done..range.start]);
        self.done = range.start;
        for (index, line) in self.old[range].split('\n').enumerate() {
            if index > 0 {
                self.new.push('\n');
                self.done += 1;
            }
            self.replace_in_line(line, if index == 0 { with } else { "" });
        }
    }

    fn replace_in_line(&mut self, old: &str, new: &str) {
        let line_start = self.new.rfind('\n').map_or(0, |newline| newline + 1);
        self.places.0.push(Edit {
            line: self.new.matches('\n').count() + 1,
            column: self.new[line_start..].chars().count() + 1,
            added: new.chars().count(),
            removed: old.chars().count(),
        });
        self.new.push_str(new);
        self.done += old.len();
    }

    /// The new text, and the map back to the old one.
    pub fn finish(mut self) -> (String, EditMap) {
        self.new.push_str(&self.old[self.done..]);
        (self.new, self.places)
    }
}

/// A place in the new text where something was replaced; lines and columns are those of rustc, from 1 and in
/// characters.
#[derive(Clone, Debug)]
struct Edit {
    line: usize,
    column: usize,
    added: usize,
    removed: usize,
}

/// The map from a new text back to the old one: its edits, in order.
#[derive(Clone, Debug, Default)]
pub struct EditMap(Vec<Edit>);

impl EditMap {
    /// The column in the old text of a place in the new one. Added text counts as the place where it was added.
    pub fn old_column(&self, line: usize, column: usize) -> usize {
        let (mut added, mut removed) = (0, 0);
        for place in self.0.iter().filter(|place| place.line == line) {
            if column < place.column || column == place.column && place.added > 0 {
                break;
            }
            if column < place.column + place.added {
                let within = (column - place.column).min(place.removed);
                return place.column + within + removed - added;
            }
            added += place.added;
            removed += place.removed;
        }
        column + removed - added
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::text;
    use arbtest::arbtest;

    #[test]
    fn columns_are_found_again() {
        let old = "é\n%time f(x)\nz";
        let mut edits = Edits::of(old);
        let at = old.find('%').unwrap();
        edits.replace(at..at + 6, "start(); stopped(");
        let end = at + "%time f(x)".len();
        edits.replace(end..end, ")");
        let (new, places) = edits.finish();
        assert_eq!(new, "é\nstart(); stopped(f(x))\nz");
        let column = |wanted: &str| new.lines().nth(1).unwrap().find(wanted).unwrap() + 1;
        assert_eq!(places.old_column(2, column("f(x)")), 7);
        assert_eq!(places.old_column(2, column("x))")), 9);
        assert_eq!(places.old_column(2, column("start")), 1);
        assert_eq!(places.old_column(1, 2), 2);
    }

    #[test]
    fn lines_stay_and_what_was_not_replaced_is_found_again() {
        arbtest(|random| {
            let (old, with) = (text(random, "abczé\n", 40)?, text(random, "0123456789", 9)?);
            let (cut, length) = (random.int_in_range(0..=39)?, random.int_in_range(0..=9)?);
            let boundary = |index: usize| old.char_indices().nth(index).map_or(old.len(), |(at, _)| at);
            let range = boundary(cut)..boundary(cut + length);
            let mut edits = Edits::of(&old);
            edits.replace(range, &with);
            let (new, places) = edits.finish();
            assert_eq!(new.matches('\n').count(), old.matches('\n').count());
            for (index, (new, old)) in new.split('\n').zip(old.split('\n')).enumerate() {
                for (column, letter) in new.chars().enumerate().filter(|(_, letter)| !letter.is_ascii_digit())
                {
                    let found = places.old_column(index + 1, column + 1);
                    assert_eq!(old.chars().nth(found - 1), Some(letter));
                }
            }
            Ok(())
        });
    }
}
