//! The style of comments and documents, as a number: the share of words that take the place of a noun or a thread.
//!
//! Text with many of them ("what is not there", "nobody waits", "it is told") hides its subject. Well-kept projects
//! have at most 1.4, 1.1 and 1.2 of the three groups in 1000 words.
//!
//! Measured are the comment lines of `*.rs` and the text of `*.md`, both without code spans and code blocks.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::{Checkout, Outcome};

/// The maximum of each group in 1000 words of the whole repository.
const MAX_PER_1000: f64 = 2.0;

/// The number of files that a failure names.
const NAMED_FILES: usize = 10;

/// Words that are counted together, under the name of the first.
const GROUPS: [&[&str]; 3] = [
    &["what", "whatever"],
    &["who", "whoever", "whom", "nobody", "somebody", "anybody", "everybody"],
    &["tell", "tells", "told", "said", "hear", "hears", "heard", "ask", "asks", "know", "knows"],
];

/// The words of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    words: usize,
    /// Those of each group.
    hits: [usize; GROUPS.len()],
}

/// Measures all tracked files. Fails if a group is above the maximum.
pub(crate) fn check(checkout: &Checkout) -> Outcome {
    let mut files = Vec::new();
    for path in tracked(&checkout.root)? {
        match std::fs::read_to_string(checkout.root.join(&path)) {
            Ok(text) => files.push((Count::of(&prose(&path, &text)), path)),
            // Removed, and not yet committed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
    judge(files)
}

/// The tracked sources and documents, relative to the root.
fn tracked(root: &Path) -> Result<Vec<String>, String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--", "*.rs", "*.md"]).current_dir(root);
    let output = git.output().map_err(|error| format!("git cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| format!("git ls-files: {error}"))?;
    let files: Vec<_> = text.split_terminator('\0').map(str::to_owned).collect();
    if files.is_empty() { Err("git ls-files names no sources and no documents".into()) } else { Ok(files) }
}

/// Prints the shares, and the files with the most hits if one is too large.
fn judge(mut files: Vec<(Count, String)>) -> Outcome {
    let total = files.iter().fold(Count::default(), |total, (count, _)| total.and(*count));
    println!("{total}");
    if total.shares().into_iter().all(|share| share <= MAX_PER_1000) {
        return Ok(());
    }
    files.sort_by_key(|(count, path)| (std::cmp::Reverse(count.sum()), path.clone()));
    let mut reason = format!("{total}; at most {MAX_PER_1000} each. The files with the most:");
    for (count, path) in files.iter().take(NAMED_FILES).filter(|(count, _)| count.sum() > 0) {
        // Writing to a string cannot fail.
        let _ = write!(reason, "\n    {path}: {} in {} words", count.sum(), count.words);
    }
    Err(reason)
}

/// The prose of a file: without code spans, which also leaves out the code blocks of comments.
fn prose(path: &str, text: &str) -> String {
    if path.ends_with(".rs") {
        let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
        let comments: Vec<_> = lines.map(|line| line.strip_prefix(['/', '!']).unwrap_or(line)).collect();
        without(&comments.join("\n"), "`")
    } else {
        without(&without(text, "```"), "`")
    }
}

/// The text without the parts between two delimiters. A delimiter without a second one stays.
fn without(text: &str, delimiter: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(delimiter)
        && let Some((_, next)) = after.split_once(delimiter)
    {
        kept.push_str(before);
        rest = next;
    }
    kept + rest
}

impl Count {
    fn of(prose: &str) -> Count {
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '\'';
        let words = prose.split(|c| !is_letter(c)).filter(|word| !word.is_empty()).count();
        let mut hits = [0; GROUPS.len()];
        for word in prose.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            for (hits, group) in hits.iter_mut().zip(GROUPS) {
                *hits += usize::from(group.iter().any(|it| it.eq_ignore_ascii_case(word)));
            }
        }
        Count { words, hits }
    }

    fn and(mut self, other: Count) -> Count {
        self.words += other.words;
        for (hits, more) in self.hits.iter_mut().zip(other.hits) {
            *hits += more;
        }
        self
    }

    fn sum(&self) -> usize {
        self.hits.iter().sum()
    }

    /// The hits of each group in 1000 words.
    fn shares(&self) -> [f64; GROUPS.len()] {
        self.hits.map(|hits| 1000.0 * hits as f64 / self.words.max(1) as f64)
    }
}

/// `"what" 1.4, "who" 1.1, "tell" 1.2 in 1000 words`.
impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shares: Vec<_> = std::iter::zip(GROUPS, self.shares())
            .map(|(group, share)| format!("{:?} {share:.1}", group[0]))
            .collect();
        write!(f, "{} in 1000 words", shares.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> (Count, String) {
        (Count::of(&prose(path, text)), path.to_owned())
    }

    #[test]
    fn comments_count_and_code_does_not() {
        let source = "//! What the module does, and `what` it is.\n\
             fn what() { let who = \"nobody\"; } // what\n    \
             /// Nobody waits.\n    ///\n    /// ```\n    /// let what = told();\n    /// ```\n    \
             // It's told.\n";
        // A comment behind code does not count.
        let count = Count::of(&prose("src/lib.rs", source));
        assert_eq!(count, Count { words: 11, hits: [1, 1, 1] });
    }

    #[test]
    fn documents_count_without_code_blocks() {
        let document = "What is `what`?\n\n```rust\nlet what = `who`;\n```\n\nWhoever knows that.\n";
        let count = Count::of(&prose("README.md", document));
        assert_eq!(count, Count { words: 5, hits: [1, 1, 1] });
    }

    #[test]
    fn only_whole_words_count() {
        let count =
            Count::of("somewhat WHATEVER what's what_is whole whose known askew asks, (heard) well-known");
        assert_eq!(count.hits, [2, 0, 2]);
    }

    #[test]
    fn a_lone_backtick_removes_nothing() {
        assert_eq!(without("a `b` c ` d", "`"), "a  c ` d");
        assert_eq!(without("a", "`"), "a");
        assert_eq!(without("", "```"), "");
    }

    #[test]
    fn the_share_of_all_files_decides() {
        let clean = file("clean.md", &"word ".repeat(999));
        let two = file("two.md", "what what");
        assert_eq!(two.0, Count { words: 2, hits: [2, 0, 0] });
        assert_eq!(judge(vec![clean.clone(), two]), Ok(()));
        let three = file("three.md", "what what, whatever");
        let reason = judge(vec![clean, three]).unwrap_err();
        assert!(reason.starts_with("\"what\" 3.0, \"who\" 0.0, \"tell\" 0.0 in 1000 words; at most 2 each"));
        assert!(reason.ends_with("The files with the most:\n    three.md: 3 in 3 words"), "{reason}");
    }

    #[test]
    fn a_failure_names_ten_files_and_the_worst_first() {
        let files = (0..20).map(|n| file(&format!("{n:02}.md"), &"Somebody said. ".repeat(n))).collect();
        let reason = judge(files).unwrap_err();
        let named: Vec<_> = reason.lines().skip(1).collect();
        assert_eq!(named.len(), NAMED_FILES, "{reason}");
        assert_eq!(named[0], "    19.md: 38 in 38 words");
        assert_eq!(named[9], "    10.md: 20 in 20 words");
    }

    #[test]
    fn nothing_to_measure_is_no_failure() {
        assert_eq!(judge(vec![file("empty.rs", "fn main() {}")]), Ok(()));
    }

    #[test]
    fn the_files_of_this_package_are_found() {
        let files = tracked(&crate::root()).unwrap();
        assert!(files.iter().any(|file| file == "README.md"), "{files:?}");
        assert!(files.iter().any(|file| file == "tests/src/main.rs"), "{files:?}");
        assert!(files.iter().all(|file| file.ends_with(".rs") || file.ends_with(".md")), "{files:?}");
    }
}
