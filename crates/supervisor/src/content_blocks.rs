//! Finds evcxr's content blocks in the standard output of user code.
//!
//! A crate that shows values in a notebook of evcxr prints a MIME type and a text between two lines
//! (<https://github.com/evcxr/evcxr/blob/main/evcxr_jupyter/README.md>). [`ContentBlocks`] splits them from other text,
//! byte for byte: text is returned as soon as it cannot be the start of a block, also in the middle of a line.

/// A piece of the standard output.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Other text.
    Text(Vec<u8>),
    /// A content block: a MIME type and its text.
    Content(String, String),
}

const BEGIN: &[u8] = b"EVCXR_BEGIN_CONTENT ";
const END: &[u8] = b"\nEVCXR_END_CONTENT\n";

/// The parser; bytes go in with [`push`](ContentBlocks::push), pieces come out.
#[derive(Default)]
pub struct ContentBlocks {
    held: Vec<u8>,
    /// The number of held bytes that have no end of a content block.
    searched: usize,
}

impl ContentBlocks {
    /// Whether bytes are held back because they may be the start of a block.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty() && !self.is_in_block()
    }

    /// Whether a block has begun.
    fn is_in_block(&self) -> bool {
        self.held.starts_with(BEGIN) && self.held.contains(&b'\n')
    }

    /// Takes in bytes and returns the pieces that are certain by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some(piece) = self.next_piece() {
            match (pieces.last_mut(), piece) {
                (Some(Piece::Text(last)), Piece::Text(more)) => last.extend(more),
                (_, piece) => pieces.push(piece),
            }
        }
        pieces
    }

    /// Returns the bytes that may be the start of a block.
    pub fn flush(&mut self) -> Option<Vec<u8>> {
        if self.is_in_block() { None } else { self.finish() }
    }

    /// Returns all bytes, including an unfinished block: the stream has ended.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let count = self.held.len();
        (count > 0).then(|| self.take(count))
    }

    fn next_piece(&mut self) -> Option<Piece> {
        let start = find(&self.held, BEGIN).unwrap_or(self.held.len() - partial_begin(&self.held));
        if start > 0 {
            return Some(Piece::Text(self.take(start)));
        }
        let line_end = self.held.iter().position(|&byte| byte == b'\n')?;
        let mime = String::from_utf8_lossy(&self.held[BEGIN.len()..line_end]).into_owned();
        let from = line_end.max(self.searched.saturating_sub(END.len()));
        self.searched = self.held.len();
        let body_end = from + find(&self.held[from..], END)?;
        let text = String::from_utf8_lossy(&self.held[(line_end + 1).min(body_end)..body_end]).into_owned();
        self.take(body_end + END.len());
        Some(Piece::Content(mime, text))
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.searched = 0;
        let rest = self.held.split_off(count);
        std::mem::replace(&mut self.held, rest)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The number of bytes at the end of `bytes` that may be the start of a block.
fn partial_begin(bytes: &[u8]) -> usize {
    (1..BEGIN.len()).rev().find(|&count| bytes.ends_with(&BEGIN[..count])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    #[test]
    fn plain_text_is_handed_on_at_once_also_without_a_newline() {
        let mut blocks = ContentBlocks::default();
        assert_eq!(blocks.push(b"0 1 2"), [text("0 1 2")]);
        assert!(!blocks.is_holding());
    }

    #[test]
    fn content_blocks_keep_their_lines() {
        let mut blocks = ContentBlocks::default();
        let pieces = blocks.push(b"half EVCXR_BEGIN_CONTENT text/html\n<b>\n1</b>\nEVCXR_END_CONTENT\nrest");
        let content = |mime: &str, text: &str| Piece::Content(mime.into(), text.into());
        assert_eq!(pieces, [text("half "), content("text/html", "<b>\n1</b>"), text("rest")]);
        let pieces = blocks.push(b"EVCXR_BEGIN_CONTENT text/plain\n\nEVCXR_END_CONTENT\n");
        assert_eq!(pieces, [content("text/plain", "")]);
        let pieces = blocks.push(b"EVCXR_BEGIN_CONTENT text/plain\nEVCXR_END_CONTENT\n");
        assert_eq!(pieces, [content("text/plain", "")]);
    }

    #[test]
    fn a_content_block_may_take_its_time() {
        let mut blocks = ContentBlocks::default();
        assert!(blocks.push(b"EVCXR_BEGIN_CONTENT text/html\n<b>").is_empty());
        assert!(!blocks.is_holding());
        assert_eq!(blocks.flush(), None);
        let pieces = blocks.push(b"1</b>\nEVCXR_END_CONTENT\n");
        assert_eq!(pieces, [Piece::Content("text/html".into(), "<b>1</b>".into())]);
        let unfinished = b"EVCXR_BEGIN_CONTENT text/html\n<b>";
        assert!(blocks.push(unfinished).is_empty());
        assert_eq!(blocks.finish(), Some(unfinished.to_vec()));
    }

    #[test]
    fn text_that_only_looks_like_a_block_is_text() {
        let mut blocks = ContentBlocks::default();
        assert_eq!(blocks.push(b"EVCXR_WHAT\nE"), [text("EVCXR_WHAT\n")]);
        assert!(blocks.is_holding());
        assert_eq!(blocks.push(b"nd\n"), [text("End\n")]);
        assert!(blocks.push(b"EVCXR_BEGIN_CONT").is_empty());
        assert_eq!(blocks.flush(), Some(b"EVCXR_BEGIN_CONT".to_vec()));
    }

    #[test]
    fn the_pieces_do_not_depend_on_how_the_bytes_arrive() {
        let all =
            b"a EVCXR_ b\nEVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT\n\xff\xc3EVCXR_END_CONTENT\nE";
        let mut whole = ContentBlocks::default();
        let expected = whole.push(all);
        for size in 1..all.len() {
            let mut blocks = ContentBlocks::default();
            let mut pieces: Vec<Piece> = Vec::new();
            for chunk in all.chunks(size) {
                for piece in blocks.push(chunk) {
                    match (pieces.last_mut(), piece) {
                        (Some(Piece::Text(last)), Piece::Text(more)) => last.extend(more),
                        (_, piece) => pieces.push(piece),
                    }
                }
            }
            assert_eq!(pieces, expected, "in chunks of {size}");
        }
    }
}
