//! Random texts for tests.

use arbtest::arbitrary::{Result, Unstructured};

/// Text of up to `max` characters of `alphabet`.
pub(crate) fn text(random: &mut Unstructured, alphabet: &str, max: usize) -> Result<String> {
    let alphabet: Vec<char> = alphabet.chars().collect();
    (0..random.int_in_range(0..=max)?).map(|_| random.choose(&alphabet).copied()).collect()
}
