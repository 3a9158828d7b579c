//! Repairs the JSON that Python's `json` writes.

use std::borrow::Cow;

/// JSON's word for a missing value.
const NULL: &[u8] = b"null";
/// The replacement of an unpaired surrogate.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// The text as JSON: without a byte order mark, with `null` for `NaN` and the infinities, and U+FFFD for an unpaired
/// surrogate. Other errors stay.
pub(crate) fn strict(text: &[u8]) -> Cow<'_, [u8]> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut strict = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    let mut in_string = false;
    while at < text.len() {
        let rest = &text[at..];
        let (length, replacement) = match rest[0] {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => escape(rest),
            b'N' | b'I' | b'-' if !in_string => {
                let words: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
                let word = words.into_iter().find(|word| rest.starts_with(word));
                word.map_or((1, None), |word| (word.len(), Some(NULL)))
            }
            _ => (1, None),
        };
        if let Some(replacement) = replacement {
            strict.extend_from_slice(&text[copied..at]);
            strict.extend_from_slice(replacement);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    strict.extend_from_slice(&text[copied..]);
    Cow::Owned(strict)
}

/// The length of the escape that begins with a backslash, and its replacement.
fn escape(rest: &[u8]) -> (usize, Option<&'static [u8]>) {
    match unit(rest) {
        Some(0xd800..0xdc00) if matches!(unit(&rest[6..]), Some(0xdc00..0xe000)) => (12, None),
        Some(0xd800..0xe000) => (6, Some(REPLACEMENT)),
        Some(_) => (6, None),
        None => (2.min(rest.len()), None),
    }
}

/// The number of an escape such as `\\u00e4`, with which this begins.
fn unit(rest: &[u8]) -> Option<u16> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)? as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    use arbtest::arbitrary::{Result, Unstructured};

    /// Text of up to `max` characters of `alphabet`.
    fn text(random: &mut Unstructured, alphabet: &str, max: usize) -> Result<String> {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..random.int_in_range(0..=max)?).map(|_| random.choose(&alphabet).copied()).collect()
    }

    fn strictly(text: &str) -> String {
        String::from_utf8(strict(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn what_json_does_not_have_is_replaced() {
        for (python, json) in [
            ("[NaN, -Infinity, Infinity, -1]", "[null, null, null, -1]"),
            (r#""NaN -Infinity \"NaN""#, r#""NaN -Infinity \"NaN""#),
            (r#"["\\", NaN]"#, r#"["\\", null]"#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00x\uD83D""#, r#""\ufffdx\ufffd""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            ("\u{feff}{}", "{}"),
            ("{\"a\": 1}", "{\"a\": 1}"),
        ] {
            assert_eq!(strictly(python), json);
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_json_stays_json() {
        arbtest::arbtest(|unstructured| {
            let text = text(unstructured, r#"\"uUdD83e0NaN-Infinity[], "#, 30)?;
            let strict = strictly(&text);
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                assert_eq!(strict, text);
            }
            Ok(())
        });
    }
}
