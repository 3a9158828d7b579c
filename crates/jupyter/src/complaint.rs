//! Log lines about invalid input of peers, at a limited rate: no peer can fill the disk with the log.

use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest line, in characters.
const MAX_CHARS: usize = 200;

/// The lines that may be written at once after a quiet time.
const BURST: u32 = 100;

/// The time after which one more line may be written.
const REFILL_INTERVAL: Duration = Duration::from_secs(1);

/// A token bucket: each line takes a token.
struct Bucket {
    tokens: u32,
    refilled: Option<Instant>,
    /// The lines left out since the last one that was written.
    omitted: u64,
}

static BUCKET: Mutex<Bucket> = Mutex::new(Bucket { tokens: BURST, refilled: None, omitted: 0 });

/// Writes a line to standard error, cut to 200 characters. If there were too many lines recently, only counts
/// it.
pub fn complain(line: fmt::Arguments) {
    let allowed = BUCKET.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
    match allowed {
        Some(0) => eprintln!("threadbook: {}", shorten(line)),
        Some(omitted) => eprintln!("threadbook: {} ({omitted} lines before it were left out)", shorten(line)),
        None => {}
    }
}

/// The text, cut to 200 characters. Formatting stops there, so a long value costs no more than a short one.
pub fn shorten(text: fmt::Arguments) -> String {
    struct Short {
        text: String,
        left: usize,
    }
    impl Write for Short {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            for character in piece.chars() {
                if self.left == 0 {
                    self.text.push('…');
                    return Err(fmt::Error);
                }
                self.left -= 1;
                // Line breaks and terminal codes of a peer are no part of our log.
                self.text.push(if character.is_control() { ' ' } else { character });
            }
            Ok(())
        }
    }
    let mut short = Short { text: String::new(), left: MAX_CHARS };
    let _ = short.write_fmt(text);
    short.text
}

impl Bucket {
    /// Takes a token. Returns the number of lines that were left out before this one, or `None` if it is left out too.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let refilled = *self.refilled.get_or_insert(now);
        let elapsed = now.saturating_duration_since(refilled).as_millis() / REFILL_INTERVAL.as_millis();
        let more = u32::try_from(elapsed).unwrap_or(u32::MAX);
        if more > 0 {
            self.tokens = self.tokens.saturating_add(more).min(BURST);
            self.refilled = Some(now);
        }
        if self.tokens == 0 {
            self.omitted += 1;
            return None;
        }
        self.tokens -= 1;
        Some(std::mem::take(&mut self.omitted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_a_later_line_has_the_count() {
        let mut bucket = Bucket { tokens: BURST, refilled: None, omitted: 0 };
        let start = Instant::now();
        let written = (0..1000).filter(|_| bucket.take(start).is_some()).count();
        assert_eq!(written, BURST as usize);
        assert_eq!(bucket.take(start + REFILL_INTERVAL), Some(900));
        assert_eq!(bucket.take(start + REFILL_INTERVAL), None);
        assert_eq!(bucket.take(start + 1000 * REFILL_INTERVAL), Some(1));
        assert_eq!(bucket.tokens, BURST - 1);
    }

    #[test]
    fn a_line_has_two_hundred_characters_and_no_control_characters() {
        assert_eq!(shorten(format_args!("a\nb\x1b[31mé")), "a b [31mé");
        assert_eq!(shorten(format_args!("{}", "é".repeat(200))), "é".repeat(200));
        assert_eq!(shorten(format_args!("{}", "é".repeat(201))), "é".repeat(200) + "…");
        assert_eq!(shorten(format_args!("{:?}", vec![0_u8; 10_000_000])).chars().count(), 201);
    }
}
