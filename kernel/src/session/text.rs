//! Text as it crosses borders: bytes that become UTF-8, and positions that become code points.

use std::ops::Range;

/// Decodes a stream of bytes that is cut anywhere. Invalid bytes become U+FFFD; a character that is cut in
/// two waits for its rest.
#[derive(Default)]
pub struct Utf8Stream {
    rest: Vec<u8>,
}

impl Utf8Stream {
    /// The text that is certain after `bytes`.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.rest.len());
        let mut waiting = 0;
        let mut chunks = self.rest.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let is_cut = chunks.peek().is_none() && may_go_on(chunk.invalid());
            match chunk.invalid() {
                [] => {}
                cut if is_cut => waiting = cut.len(),
                _ => text.push(char::REPLACEMENT_CHARACTER),
            }
        }
        self.rest.drain(..self.rest.len() - waiting);
        text
    }

    /// The rest at the end of the stream.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// Whether bytes at the end of a stream may be the first of a character.
fn may_go_on(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

/// The byte offset of the `index`th code point, or the end.
pub fn byte_offset(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset)
}

/// The number of code points before the byte `offset`.
pub fn code_points(text: &str, offset: usize) -> usize {
    text.char_indices().take_while(|(start, _)| *start < offset).count()
}

/// The byte offset of a place in rustc's terms: a line and a column in characters, both from 1.
pub fn place_offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[start..];
    let this_line = rest.split('\n').next().unwrap_or_default();
    start + byte_offset(this_line, column.saturating_sub(1))
}

/// The range of a line (from 1) in a text, without the space around it.
pub fn line_span(text: &str, line: usize) -> Range<usize> {
    let start = place_offset(text, line, 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    start + indent..start + line.trim_end().len()
}

/// The text with the characters that mean something in HTML written as references.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_cut_in_two_are_put_together() {
        let bytes = "aé漢🦀z".as_bytes();
        for cut in 0..bytes.len() {
            let mut stream = Utf8Stream::default();
            let text = stream.push(&bytes[..cut]) + &stream.push(&bytes[cut..]) + &stream.finish();
            assert_eq!(text, "aé漢🦀z", "cut at {cut}");
        }
    }

    #[test]
    fn invalid_bytes_are_replaced_and_nothing_is_lost() {
        let mut stream = Utf8Stream::default();
        assert_eq!(stream.push(b"a\xffb\xc3"), "a\u{fffd}b");
        assert_eq!(stream.push(b"c"), "\u{fffd}c");
        assert_eq!(stream.push(b"\xf0\x9f"), "");
        assert_eq!(stream.finish(), "\u{fffd}");
    }

    #[test]
    fn positions_count_code_points() {
        let text = "🦀 漢\nxyz";
        assert_eq!(byte_offset(text, 2), 5);
        assert_eq!(byte_offset(text, 99), text.len());
        assert_eq!(code_points(text, 5), 2);
        assert_eq!(place_offset(text, 1, 3), 5);
        assert_eq!(place_offset(text, 2, 3), text.find('z').unwrap());
        assert_eq!(place_offset(text, 9, 9), text.len());
    }
}
