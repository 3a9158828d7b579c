//! Finds evcxr's notices in the standard output of user code.
//!
//! The code that evcxr generates around a cell speaks to the engine with `println!`, so its lines lie
//! between the user's own. [`Notices`] parts them again, byte for byte: text is handed on as soon as it
//! cannot be the start of a notice any more, also in the middle of a line.

use std::io::{self, Write};

/// A piece of what the cell's process printed.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// The user's own text.
    Text(Vec<u8>),
    /// A variable was lost, because its type has been defined anew.
    Lost(String),
    /// The cell panicked.
    Panic,
    /// A `?` at the top level of the cell met an error.
    QuestionMark,
    /// A content block: a MIME type and its text.
    Content(String, String),
}

const MARK: &[u8] = b"EVCXR_";
/// The engine's line for a cell that panicked.
pub const PANIC: &str = "EVCXR_PANIC_NOTIFICATION";
/// The engine's line for a cell that `?` ended.
pub const QUESTION_MARK: &str = "EVCXR_ERROR_OCCURRED";
/// The engine's word for a lost variable.
pub const CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &[u8] = b"\nEVCXR_END_CONTENT\n";

/// The parser; bytes go in with [`push`](Notices::push), pieces come out.
#[derive(Default)]
pub struct Notices {
    held: Vec<u8>,
    /// How much of what is held has been searched for the end of a content block, in vain.
    searched: usize,
}

impl Notices {
    /// Whether bytes are held back because they may be the start of a notice.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty() && !self.is_in_block()
    }

    /// Whether they are a content block that has begun; its end may be long in coming.
    fn is_in_block(&self) -> bool {
        self.held.starts_with(BEGIN.as_bytes()) && self.held.contains(&b'\n')
    }

    /// Takes in what was read and returns the pieces that are certain by now.
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

    /// Gives up waiting for what may be the start of a notice: it was the user's own text after all.
    pub fn flush(&mut self) -> Option<Vec<u8>> {
        if self.is_in_block() { None } else { self.finish() }
    }

    /// Gives up waiting for everything, also for the end of a content block: nothing more will come.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let count = self.held.len();
        (count > 0).then(|| self.take(count))
    }

    fn next_piece(&mut self) -> Option<Piece> {
        let start = find(&self.held, MARK).unwrap_or(self.held.len() - partial_mark(&self.held));
        if start > 0 {
            return Some(Piece::Text(self.take(start)));
        }
        let line_end = self.held.iter().position(|&byte| byte == b'\n')?;
        let line = String::from_utf8_lossy(&self.held[..line_end]).into_owned();
        if let Some(mime) = line.strip_prefix(BEGIN) {
            let from = line_end.max(self.searched.saturating_sub(END.len()));
            self.searched = self.held.len();
            let body_end = from + find(&self.held[from..], END)?;
            let text = String::from_utf8_lossy(&self.held[(line_end + 1).min(body_end)..body_end]);
            let piece = Piece::Content(mime.to_owned(), text.into_owned());
            self.take(body_end + END.len());
            return Some(piece);
        }
        let piece = match line.as_str() {
            QUESTION_MARK => Piece::QuestionMark,
            PANIC => Piece::Panic,
            _ => match line.strip_prefix(CHANGED_TYPE) {
                Some(variable) => Piece::Lost(variable.to_owned()),
                // Only looks like one: let go of the mark, and look at the rest of the line again.
                None => return Some(Piece::Text(self.take(MARK.len()))),
            },
        };
        self.take(line_end + 1);
        Some(piece)
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

/// How many bytes at the end of `bytes` may be the start of a mark.
fn partial_mark(bytes: &[u8]) -> usize {
    (1..MARK.len()).rev().find(|&count| bytes.ends_with(&MARK[..count])).unwrap_or(0)
}

/// Tells the engine a line that it waits for.
pub fn answer_engine(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    #[test]
    fn plain_text_is_handed_on_at_once_also_without_a_newline() {
        let mut notices = Notices::default();
        assert_eq!(notices.push(b"0 1 2"), [text("0 1 2")]);
        assert!(!notices.is_holding());
    }

    #[test]
    fn a_notice_after_a_partial_line_is_found() {
        let mut notices = Notices::default();
        let pieces = notices.push(b"half EVCXR_PANIC_NOTIFICATION\nEVCXR_ERROR_OCCURRED\nrest");
        assert_eq!(pieces, [text("half "), Piece::Panic, Piece::QuestionMark, text("rest")]);
    }

    #[test]
    fn content_blocks_keep_their_lines() {
        let mut notices = Notices::default();
        let pieces = notices.push(b"EVCXR_BEGIN_CONTENT text/html\n<b>\n1</b>\nEVCXR_END_CONTENT\n");
        assert_eq!(pieces, [Piece::Content("text/html".into(), "<b>\n1</b>".into())]);
        let pieces = notices.push(b"EVCXR_BEGIN_CONTENT text/plain\n\nEVCXR_END_CONTENT\n");
        assert_eq!(pieces, [Piece::Content("text/plain".into(), String::new())]);
    }

    #[test]
    fn a_content_block_may_take_its_time() {
        let mut notices = Notices::default();
        assert!(notices.push(b"EVCXR_BEGIN_CONTENT text/html\n<b>").is_empty());
        assert!(!notices.is_holding());
        assert_eq!(notices.flush(), None);
        let pieces = notices.push(b"1</b>\nEVCXR_END_CONTENT\n");
        assert_eq!(pieces, [Piece::Content("text/html".into(), "<b>1</b>".into())]);
        let unfinished = b"EVCXR_BEGIN_CONTENT text/html\n<b>";
        assert!(notices.push(unfinished).is_empty());
        assert_eq!(notices.finish(), Some(unfinished.to_vec()));
    }

    #[test]
    fn what_only_looks_like_a_notice_is_text() {
        let mut notices = Notices::default();
        assert_eq!(notices.push(b"EVCXR_WHAT\nE"), [text("EVCXR_WHAT\n")]);
        assert!(notices.is_holding());
        assert_eq!(notices.push(b"nd\n"), [text("End\n")]);
        assert!(notices.push(b"EVCXR_PANIC_NOTI").is_empty());
        assert_eq!(notices.flush(), Some(b"EVCXR_PANIC_NOTI".to_vec()));
    }

    #[test]
    fn the_pieces_do_not_depend_on_how_the_bytes_arrive() {
        let all = b"a EVCXR_ b\nEVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT\n\xff\xc3EVCXR_VARIABLE_CHANGED_TYPE:v\nE";
        let mut whole = Notices::default();
        let expected = whole.push(all);
        for size in 1..all.len() {
            let mut notices = Notices::default();
            let mut pieces: Vec<Piece> = Vec::new();
            for chunk in all.chunks(size) {
                for piece in notices.push(chunk) {
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
