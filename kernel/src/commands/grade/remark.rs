//! Texts of a submission, as remarks for the grader.

use crate::commands::one_line;
use crate::commands::steps::shorten;

/// The maximum length of a remark, in characters.
const MAX_REMARK: usize = 300;

/// A text of a submission in one line of bounded length, without characters that control a terminal.
pub(super) fn printable(text: &str) -> String {
    let line = one_line(text).replace(|c: char| c.is_control(), " ");
    shorten(&line, MAX_REMARK)
}
