//! The files that a notebook's text names: pictures, and other notebooks.
//!
//! A notebook may come from a stranger, so its text chooses among the files below its own directory only, and no link
//! leads out of there. With [`Trust::Full`], any file of the machine is read.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use percent_encoding::percent_decode_str;

use crate::commands::file;

/// The most bytes of one file.
const MAX: u64 = 20 << 20;

/// What a notebook may do in its handout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trust {
    /// Show text and pictures.
    Sanitized,
    /// Also run its scripts, and read files outside of its directory.
    Full,
}

/// What a handout leaves out of its notebook, and why.
#[derive(Debug, Default)]
pub(super) struct LeftOut(RefCell<BTreeSet<String>>);

impl LeftOut {
    /// Notes one sentence; the formats of one handout note it once.
    pub(super) fn note(&self, sentence: impl Into<String>) {
        // The notebook's words are printed on a terminal.
        let sentence = sentence.into().replace(char::is_control, "\u{fffd}");
        self.0.borrow_mut().insert(sentence);
    }

    /// The sentences so far.
    pub(super) fn into_sentences(self) -> BTreeSet<String> {
        self.0.into_inner()
    }
}

/// The files below a notebook's directory.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    /// The notebook's.
    pub(super) directory: &'a Path,
    pub(super) trust: Trust,
    pub(super) left_out: &'a LeftOut,
}

impl Files<'_> {
    /// The content of a file, or why it is not part of the handout.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let directory = if self.directory == Path::new("") { Path::new(".") } else { self.directory };
        let (Ok(path), Ok(directory)) = (directory.join(name).canonicalize(), directory.canonicalize())
        else {
            return Err("there is no such file".to_owned());
        };
        if self.trust == Trust::Sanitized && !path.starts_with(&directory) {
            return Err("it is outside of the notebook's directory".to_owned());
        }
        file::read(&path, MAX)
    }

    /// The name of the file that an address leads to: `%20` is a space, and a query or a place in the file is no part of it.
    pub(super) fn named<'n>(&self, address: &'n str) -> Cow<'n, str> {
        if self.has(address) {
            return address.into();
        }
        let path = address.split(['?', '#']).next().unwrap_or_default();
        percent_decode_str(path).decode_utf8().unwrap_or_else(|_| path.into())
    }

    /// Whether there is such a file, also if it is not to be read.
    pub(super) fn has(&self, name: &str) -> bool {
        self.directory.join(name).exists()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out_of_the_directory() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("book/sub")).unwrap();
        fs::create_dir_all(at("book-2")).unwrap();
        for name in ["out.png", "book-2/out.png", "book/in.png", "book/sub/in.png"] {
            fs::write(at(name), "x").unwrap();
        }
        symlink("../out.png", at("book/link.png")).unwrap();
        symlink("sub/in.png", at("book/inner.png")).unwrap();
        symlink("..", at("book/up")).unwrap();
        let left_out = LeftOut::default();
        let files = |trust| Files { directory: &at("book"), trust, left_out: &left_out }.read("up/out.png");
        assert_eq!(files(Trust::Full).unwrap(), b"x");
        let absolute = at("out.png").display().to_string();
        let read = |name: &str| {
            Files { directory: &at("book"), trust: Trust::Sanitized, left_out: &left_out }.read(name)
        };
        for out in
            ["../out.png", &absolute, "link.png", "up/out.png", "sub/../../out.png", "../book-2/out.png"]
        {
            assert_eq!(read(out).unwrap_err(), "it is outside of the notebook's directory", "{out}");
        }
        for inside in ["in.png", "./in.png", "inner.png", "up/book/in.png", "sub/../in.png"] {
            assert_eq!(read(inside).unwrap(), b"x", "{inside}");
        }
        assert_eq!(read("none.png").unwrap_err(), "there is no such file");
        assert_eq!(read("sub").unwrap_err(), "it is not a regular file");
    }

    #[test]
    fn a_large_file_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let large = fs::File::create(directory.path().join("large.png")).unwrap();
        large.set_len(MAX + 1).unwrap();
        let left_out = LeftOut::default();
        let files = Files { directory: directory.path(), trust: Trust::Full, left_out: &left_out };
        assert_eq!(files.read("large.png").unwrap_err(), "it has more than 20 MB");
    }
}
