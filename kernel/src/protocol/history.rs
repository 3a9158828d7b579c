//! What has been executed in this session.

use jupyter_protocol::{HistoryEntry, HistoryRequest};

/// The cells of this session, in order.
#[derive(Default)]
pub struct History {
    cells: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    line: usize,
    code: String,
    /// The result as text.
    output: String,
}

/// The number of the running session in history replies: there is only this one.
const SESSION: usize = 1;

impl History {
    /// Notes the code of execution `line`.
    pub fn add(&mut self, line: usize, code: &str) {
        self.cells.push(Entry { line, code: code.to_owned(), output: String::new() });
    }

    /// Notes the result of execution `line`.
    pub fn set_output(&mut self, line: usize, output: String) {
        if let Some(entry) = self.cells.iter_mut().rev().find(|entry| entry.line == line) {
            entry.output = output;
        }
    }

    /// Answers a history request, oldest first.
    pub fn find(&self, request: &HistoryRequest) -> Vec<HistoryEntry> {
        let (found, output) = match request {
            HistoryRequest::Tail { n, output, .. } => (last(*n, self.cells.iter().collect()), *output),
            HistoryRequest::Range { session, start, stop, output, .. } => {
                // Zero is the running session, and so is its own number; earlier ones are not kept.
                let ours = session.is_none_or(|session| session == 0 || session == SESSION as i32);
                let in_range = |line: usize| {
                    let line = line as i32;
                    ours && line >= *start && (*stop <= 0 || line < *stop)
                };
                (self.cells.iter().filter(|entry| in_range(entry.line)).collect(), *output)
            }
            HistoryRequest::Search { pattern, unique, output, n, .. } => {
                let mut found: Vec<_> =
                    self.cells.iter().filter(|entry| glob(pattern, &entry.code)).collect();
                if *unique {
                    // The latest of equals stays.
                    let all = found.clone();
                    let mut index = 0;
                    found.retain(|entry: &&Entry| {
                        index += 1;
                        !all[index..].iter().any(|later| later.code == entry.code)
                    });
                }
                (if *n > 0 { last(*n, found) } else { found }, *output)
            }
        };
        found
            .into_iter()
            .map(|Entry { line, code, output: text }| match output {
                true => HistoryEntry::InputOutput(SESSION, *line, (code.clone(), text.clone())),
                false => HistoryEntry::Input(SESSION, *line, code.clone()),
            })
            .collect()
    }
}

/// The last `n`.
fn last<T>(n: i32, mut all: Vec<T>) -> Vec<T> {
    let skip = all.len().saturating_sub(usize::try_from(n).unwrap_or(0));
    all.split_off(skip)
}

/// Whether `text` fits a shell-like pattern: `*` is any text, `?` any one character.
fn glob(pattern: &str, text: &str) -> bool {
    fn fits(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
            Some(('?', rest)) => !text.is_empty() && fits(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && fits(rest, &text[1..]),
        }
    }
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    fits(&pattern, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(request: HistoryRequest) -> Vec<usize> {
        let mut history = History::default();
        for (index, code) in ["let a = 1;", "a", "let b = 2;", "a"].iter().enumerate() {
            history.add(index + 1, code);
        }
        let entries = history.find(&request);
        entries
            .iter()
            .map(|entry| match entry {
                HistoryEntry::Input(_, line, _) | HistoryEntry::InputOutput(_, line, _) => *line,
            })
            .collect()
    }

    #[test]
    fn tail_range_and_search_find_what_they_should() {
        let (output, raw) = (false, true);
        assert_eq!(lines(HistoryRequest::Tail { n: 2, output, raw }), [3, 4]);
        assert_eq!(lines(HistoryRequest::Tail { n: 9, output, raw }), [1, 2, 3, 4]);
        let range = |session, start, stop| HistoryRequest::Range { session, start, stop, output, raw };
        assert_eq!(lines(range(Some(0), 2, 4)), [2, 3]);
        assert_eq!(lines(range(None, 2, 0)), [2, 3, 4]);
        assert_eq!(lines(range(Some(7), 1, 4)), [0; 0]);
        let search = |pattern: &str, unique, n| {
            let pattern = pattern.to_owned();
            HistoryRequest::Search { pattern, unique, output, raw, n }
        };
        assert_eq!(lines(search("let ?*", false, 0)), [1, 3]);
        assert_eq!(lines(search("a", true, 0)), [4]);
        assert_eq!(lines(search("*", false, 1)), [4]);
    }
}
