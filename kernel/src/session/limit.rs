//! The limit of a cell's printed text. Neither the kernel nor the browser may go down with a
//! cell that prints for ever: text beyond the limit goes to a file.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// The largest text of one cell that is shown, in bytes: some 200,000 lines, with which JupyterLab is still usable.
const SHOWN: usize = 16 << 20;
/// The largest rest that is kept in the file.
const KEPT: usize = 100 << 20;

/// The text of one cell, counted.
#[derive(Default)]
pub struct Limit {
    passed: usize,
    rest: Option<File>,
    path: Option<PathBuf>,
}

/// The part of a piece of text that is published.
#[derive(Debug, PartialEq)]
pub struct Passed<'a> {
    pub text: &'a str,
    /// Said once, where the text is cut off.
    pub note: Option<String>,
}

impl Limit {
    /// Takes in a piece of text. The rest is kept in the file that `path` names when it is needed.
    pub fn pass<'a>(&mut self, text: &'a str, path: impl FnOnce() -> PathBuf) -> Passed<'a> {
        let before = self.passed;
        self.passed = before.saturating_add(text.len());
        if self.passed <= SHOWN {
            return Passed { text, note: None };
        }
        let shown = text.floor_char_boundary(SHOWN.saturating_sub(before));
        let is_first = before <= SHOWN;
        let note = is_first.then(|| {
            let path = path();
            self.rest = File::create(&path).ok();
            self.path = Some(path.clone());
            let rest = match self.rest {
                Some(_) => format!("The rest is in {} until the kernel ends.", path.display()),
                None => format!("The rest is lost: {} cannot be written.", path.display()),
            };
            format!("\nThis cell has printed more than {} MB. {rest}\n", SHOWN >> 20)
        });
        if before < SHOWN + KEPT
            && let Some(file) = &mut self.rest
            && file.write_all(&text.as_bytes()[shown..]).is_err()
        {
            // The disk is full. The next cells need the file's space.
            eprintln!("threadbook: the rest of a cell's output could not be kept");
            self.rest = None;
            if let Some(path) = self.path.take() {
                let _ = std::fs::remove_file(path);
            }
        }
        Passed { text: &text[..shown], note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_goes_to_a_file_and_that_is_said_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rest.txt");
        let half = "ä".repeat(SHOWN / 4);
        let mut limit = Limit::default();
        for _ in 0..2 {
            assert_eq!(limit.pass(&half, || path.clone()), Passed { text: &half, note: None });
        }
        let passed = limit.pass("one ", || path.clone());
        assert_eq!(passed.text, "");
        assert!(passed.note.unwrap().contains("rest.txt"));
        assert_eq!(limit.pass("two", || panic!("it has one")), Passed { text: "", note: None });
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one two");
    }

    #[test]
    fn characters_are_not_cut_in_two() {
        let mut limit = Limit { passed: SHOWN - 1, ..Limit::default() };
        let passed = limit.pass("ä", || PathBuf::from("/no/such/directory/rest.txt"));
        assert_eq!(passed.text, "");
        assert!(passed.note.unwrap().contains("cannot be written"));
    }
}
