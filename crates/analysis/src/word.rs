//! The words of a text.

use std::ops::Range;

/// Whether a character can be in a word.
pub fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word in which `offset` lies, or at whose start or end.
pub fn word_at(text: &str, offset: usize) -> Range<usize> {
    let start = text[..offset].trim_end_matches(is_part).len();
    let end = text.len() - text[offset..].trim_start_matches(is_part).len();
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_from_everywhere_in_them() {
        let text = "let é = ab_数c + 1";
        for offset in [9, 10, 12, 15, 16] {
            assert_eq!(&text[word_at(text, offset)], "ab_数c");
        }
        assert_eq!(word_at(text, 17), 17..17);
        assert_eq!(word_at("", 0), 0..0);
    }
}
