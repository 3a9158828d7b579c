//! The estimated width of a text, and shortening to a width.
//!
//! The reader's system chooses the font, so no exact width is available. These estimates follow the widest
//! sans-serif that is in common use as a system font (DejaVu Sans, whose lower-case letters are a tenth wider
//! than Arial's). A text that fits by them fits everywhere.

use std::borrow::Cow;

/// The width of `text` at a font size of `size`, in the picture's units.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let em: f64 = text.chars().map(char_width).sum();
    em * size * if bold { 1.12 } else { 1.02 }
}

/// `text`, or its beginning and its end around an ellipsis if it is wider than `room`.
pub(crate) fn shorten(text: &str, size: f64, bold: bool, room: f64) -> Cow<'_, str> {
    // Nothing narrower than 0.27 em is printable, so a text of a megabyte is not measured to its end.
    let max_chars = (room / (0.27 * size)).max(0.0) as usize;
    if text.chars().nth(max_chars).is_none() && width(text, size, bold) <= room {
        return Cow::Borrowed(text);
    }
    let measure = |part: &str| width(part, size, bold);
    let mut room = room - measure("…");
    let (mut head, mut tail) = (0, text.len());
    // Alternately from both ends; first from the beginning, which is more informative.
    while let Some(first) = text[head..tail].chars().next() {
        room -= measure(first.encode_utf8(&mut [0; 4]));
        if room < 0.0 {
            break;
        }
        head += first.len_utf8();
        let Some(last) = text[head..tail].chars().next_back() else { break };
        room -= measure(last.encode_utf8(&mut [0; 4]));
        if room < 0.0 {
            break;
        }
        tail -= last.len_utf8();
    }
    Cow::Owned(format!("{}…{}", &text[..head], &text[tail..]))
}

/// `text` in at most `max_lines` lines of at most `room`; a word that is too wide is shortened, and an ellipsis
/// replaces the text that does not fit.
pub(crate) fn wrapped(text: &str, size: f64, room: f64, max_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shorten(word, size, false, room);
        let is_last = lines.len() == max_lines;
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, false) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(line) if is_last => {
                line.push_str(" …");
                *line = shorten(line, size, false, room).into_owned();
                break;
            }
            _ => lines.push(word.into_owned()),
        }
    }
    lines
}

/// The width of one character in em.
fn char_width(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | 'J' | '\'' => 0.3,
        ' ' | '.' | ',' | ':' | ';' | '/' | '\\' | '|' | '-' => 0.36,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '!' => 0.41,
        '"' | '`' | '_' | '*' | '?' | 's' | 'z' | 'c' => 0.55,
        'm' => 0.98,
        'w' | '+' | '=' | '<' | '>' | '~' | '^' | '#' | '&' => 0.84,
        'M' | 'O' | 'Q' | 'D' | 'G' => 0.87,
        'W' | '@' | '%' | '…' | '—' => 1.0,
        'a'..='z' | '0'..='9' | '$' | '{' | '}' | 'µ' | '–' => 0.64,
        'A'..='Z' => 0.76,
        '\u{80}'..='\u{10ff}' => 0.9,
        _ => 1.3,
    }
}

/// `text` as XML text or attribute: with entities, and without the characters that XML does not allow.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let special = |c: char| {
        matches!(c, '&' | '<' | '>' | '"' | '\u{fffe}' | '\u{ffff}' | '\u{7f}'..='\u{9f}') || c < ' '
    };
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            c if special(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_ends() {
        let name = "download_every_page_of_the_encyclopedia";
        let short = shorten(name, 12.0, false, 100.0);
        assert_eq!(short, "downlo…pedia");
        assert!(width(&short, 12.0, false) <= 100.0);
        assert_eq!(shorten("alice", 12.0, false, 100.0), "alice");
    }

    #[test]
    fn no_room_leaves_an_ellipsis() {
        assert_eq!(shorten("alice", 12.0, false, 0.0), "…");
        assert_eq!(shorten("", 12.0, false, 0.0), "");
        assert_eq!(shorten("𝔸𝔹ℂ", 12.0, false, 30.0), "𝔸…");
    }

    #[test]
    fn sentences_are_wrapped_at_words() {
        assert_eq!(wrapped("one two three", 12.0, 60.0, 3), ["one two", "three"]);
        assert_eq!(wrapped("one two three four", 12.0, 60.0, 2), ["one two", "three …"]);
        assert_eq!(wrapped("  ", 12.0, 60.0, 2), [] as [&str; 0]);
        let lines = wrapped(&"w".repeat(99), 12.0, 60.0, 2);
        assert!(lines.len() == 1 && width(&lines[0], 12.0, false) <= 60.0, "{lines:?}");
    }

    #[test]
    fn text_becomes_xml() {
        assert_eq!(escape("Vec<u8> & \"x\"\n\u{1}"), "Vec&lt;u8&gt; &amp; &quot;x&quot; \u{fffd}");
    }
}
