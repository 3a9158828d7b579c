//! The text of cells, and the map from generated code back to it.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// One execution of a cell: its number in the session, the front end's id of it, and its text.
#[derive(Debug)]
pub struct Source {
    /// The unique number of the execution in the session.
    pub serial: usize,
    /// The execution count that the user sees, from 1.
    pub number: usize,
    /// The front end's id of the cell, which stays the same when it is executed again.
    pub id: Option<String>,
    /// The text.
    pub text: String,
}

/// A piece of a cell.
#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    pub(crate) source: Arc<Source>,
    pub(crate) range: Range<usize>,
}

impl Fragment {
    pub(crate) fn text(&self) -> &str {
        &self.source.text[self.range.clone()]
    }
}

/// A place in a cell.
#[derive(Clone, Debug)]
pub struct Place {
    /// The cell.
    pub source: Arc<Source>,
    /// Bytes of its text.
    pub range: Range<usize>,
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.range == other.range
    }
}

/// Generated code, with the source of each part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generated {
    pub(crate) text: String,
    segments: Vec<Segment>,
}

/// A range of generated code.
#[derive(Clone, Debug)]
struct Segment {
    generated: Range<usize>,
    fragment: Fragment,
    /// Whether the text is that of the fragment, byte for byte. Otherwise it corresponds to the fragment as a
    /// whole.
    is_verbatim: bool,
}

impl Generated {
    /// Adds code of the engine's own.
    pub(crate) fn push(&mut self, text: &str) {
        self.text += text;
    }

    /// Adds a piece of a cell verbatim.
    pub(crate) fn push_fragment(&mut self, fragment: Fragment) {
        if fragment.range.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text += fragment.text();
        self.segments.push(Segment { generated: start..self.text.len(), fragment, is_verbatim: true });
    }

    /// Adds code that corresponds to a piece of a cell.
    pub(crate) fn push_for(&mut self, text: &str, fragment: Fragment) {
        let start = self.text.len();
        self.text += text;
        self.segments.push(Segment { generated: start..self.text.len(), fragment, is_verbatim: false });
    }

    /// The place of a range of generated code, if it touches a piece of a cell.
    pub(crate) fn place(&self, range: Range<usize>) -> Option<Place> {
        let first = self.segments.partition_point(|segment| segment.generated.end < range.start);
        let touched =
            self.segments[first..].iter().take_while(|segment| segment.generated.start <= range.end);
        // Of two pieces that meet at a position, the one that it begins.
        let overlap = |segment: &&Segment| {
            range.end.min(segment.generated.end).saturating_sub(range.start.max(segment.generated.start))
        };
        let segment = touched.max_by_key(overlap)?;
        let Fragment { source, range: within } = &segment.fragment;
        let place = |range| Some(Place { source: source.clone(), range });
        if !segment.is_verbatim {
            return place(within.clone());
        }
        let shift = |at: usize| {
            within.start + at.clamp(segment.generated.start, segment.generated.end) - segment.generated.start
        };
        place(shift(range.start)..shift(range.end))
    }

    /// The lines of the generated code that begin with a piece of a cell, with their sources.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.each_line(|generated, source, line| lines.push(Line { generated, serial: source.serial, line }));
        lines
    }

    /// The same lines, each with its text in the cell, in their order.
    pub(crate) fn texts(&self) -> Vec<(usize, String)> {
        let mut texts = Vec::new();
        self.each_line(|generated, source, line| {
            let text = source.text.split('\n').nth(line - 1).unwrap_or_default();
            texts.push((generated, text.to_owned()));
        });
        texts
    }

    fn each_line(&self, mut found: impl FnMut(usize, &Source, usize)) {
        let (mut at, mut line, mut last) = (0, 1, 0);
        for Segment { generated, fragment, is_verbatim } in &self.segments {
            line += newlines(&self.text[at..generated.start]);
            at = generated.start;
            let source = &fragment.source;
            let first = 1 + newlines(&source.text[..fragment.range.start]);
            let pieces = match is_verbatim {
                true => fragment.text(),
                false => fragment.text().lines().next().unwrap_or_default(),
            };
            for (index, piece) in pieces.split('\n').enumerate() {
                if last < line + index && !piece.trim().is_empty() {
                    last = line + index;
                    found(last, source, first + index);
                }
            }
        }
    }

    /// A hash of the generated text.
    pub(crate) fn hash(&self) -> u64 {
        hash(&self.text)
    }
}

/// A line of generated code, and its line in the cell; both from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// In the generated code.
    pub generated: usize,
    /// The [serial number](Source::serial) of the execution.
    pub serial: usize,
    /// In the text of the cell.
    pub line: usize,
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// FNV-1a: the same in every build and on every platform, since it names files that outlive the process.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    text.hash(&mut hasher);
    hasher.finish()
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { serial: 1, number: 1, id: None, text: text.into() })
    }

    #[test]
    fn places_are_exact_in_verbatim_pieces() {
        let cell = source("let x = 1; x + y");
        let mut code = Generated::default();
        code.push("fn run() {\n");
        code.push_fragment(Fragment { source: cell.clone(), range: 0..10 });
        code.push("(");
        code.push_fragment(Fragment { source: cell.clone(), range: 11..16 });
        code.push(").show()}");
        let y = code.text.find('y').unwrap();
        assert_eq!(code.place(y..y + 1).unwrap().range, 15..16);
        let x = code.text.find('x').unwrap();
        assert_eq!(code.place(x..x + 1).unwrap().range, 4..5);
        assert!(code.place(0..2).is_none());
    }

    #[test]
    fn lines_are_those_of_the_cell() {
        let cell = source("let a = 1;\nfn f() {}\n\nlet b = 2; let c = 3;");
        let mut code = Generated::default();
        code.push("// head\n");
        code.push_fragment(Fragment { source: cell.clone(), range: 11..20 });
        code.push("\nfn run() {\n");
        code.push_fragment(Fragment { source: cell.clone(), range: 0..11 });
        code.push_fragment(Fragment { source: cell.clone(), range: 20..33 });
        code.push_fragment(Fragment { source: cell.clone(), range: 33..43 });
        code.push("\n}");
        let lines: Vec<_> = code.lines().iter().map(|line| (line.generated, line.line)).collect();
        assert_eq!(lines, [(2, 2), (4, 1), (7, 4)], "{}", code.text);
    }

    #[test]
    fn code_that_stands_for_a_piece_has_the_place_of_all_of_it() {
        let cell = source("use a::{b, c};");
        let mut code = Generated::default();
        code.push_for("use a::c;\n", Fragment { source: cell, range: 11..12 });
        assert_eq!(code.place(5..8).unwrap().range, 11..12);
    }
}
