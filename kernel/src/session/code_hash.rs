//! The hash of a cell that measures, so that the history of a benchmark knows when its code has changed.

use super::edits::{EditMap, Edits};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The function of the companion that takes the hash of the code that runs.
const SET_CODE_HASH: &str = "::threadbook::timing::set_code_hash";

/// A cell with this in it measures.
const MEASURES: &str = "benchmark(";

/// The text of a cell that measures, with a first statement that sets its hash, and the map of the edits. `None`
/// for any other cell.
pub fn with_code_hash(code: &str) -> Option<(String, EditMap)> {
    let start = first_statement(code).filter(|_| code.contains(MEASURES))?;
    let mut edits = Edits::of(code);
    edits.replace(start..start, &format!("{SET_CODE_HASH}({:#x}); ", hash(code)));
    Some(edits.finish())
}

/// The byte where the first line begins that has code and is no inner attribute.
fn first_statement(code: &str) -> Option<usize> {
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        if !line.trim().is_empty() && !line.trim_start().starts_with("#!") {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// A number for a cell's text, in which space does not count.
fn hash(code: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    code.split_whitespace().for_each(|word| word.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text before the hash, the hash, and the text after it.
    fn parts(code: &str) -> [String; 3] {
        let (code, _) = with_code_hash(code).unwrap();
        let (before, after) = code.split_once("::threadbook::timing::set_code_hash(0x").unwrap();
        let (hash, after) = after.split_once("); ").unwrap();
        [before, hash, after].map(str::to_owned)
    }

    #[test]
    fn a_cell_that_measures_says_which_code_it_is() {
        let [before, hash, after] = parts("\n// it\nlet c = benchmark(\"a\").run();\nc");
        assert_eq!((&before[..], &after[..]), ("\n", "// it\nlet c = benchmark(\"a\").run();\nc"));
        assert_eq!(parts("\n\n  // it\nlet c = benchmark(\"a\").run(); c")[1], hash);
        assert_ne!(parts("// it\nlet c = benchmark(\"b\").run();\nc")[1], hash);
        for other in ["", "1 + 1", "#![allow(unused)] // benchmark("] {
            assert!(with_code_hash(other).is_none(), "{other}");
        }
    }

    #[test]
    fn places_are_those_of_the_cell() {
        let cell = "benchmark(1).x";
        let (code, places) = with_code_hash(cell).unwrap();
        let column = code.find(".x").unwrap() + 1;
        assert_eq!(places.old_column(1, column), cell.find(".x").unwrap() + 1);
    }
}
