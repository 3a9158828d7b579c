//! The protocol: JSON, one value a line, requests on standard input and answers on standard output.
//!
//! ```text
//! {"op":"open","directory":"/project","sysroot_src":null,"cargo":"/bin/cargo","rustc":"/bin/rustc","offline":true}
//! {"op":"warm"}
//! {"id":1,"op":"complete","text":"fn f() { std::mem::sw }","offset":21}
//! {"id":1,"matches":[{"text":"swap","kind":"function"}],"start":19,"end":21}
//! {"id":2,"op":"hover","text":"fn f() {}","offset":4,"deadline_ms":1000}
//! {"id":2,"plain":"...","markdown":"..."}
//! ```
//!
//! `open` comes first, and once. Every `complete` and `hover` gets one answer, in the order of the requests. `open`,
//! `warm` and `reload` get an answer only if they fail. Offsets are in bytes of UTF-8.
//!
//! The process may end unexpectedly: rust-analyzer overflows its stack in code of extreme depth, and a
//! cancelled question that does not end ends the process after its answer. The client then starts another
//! process.

use serde::{Deserialize, Serialize};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Request {
    /// Names the project.
    Open(Open),
    /// Loads the project in the background, before the first question.
    Warm,
    /// Loads the project again: its manifest has changed.
    Reload,
    /// A question for the names that are possible at a position.
    Complete(Question),
    /// A question for the description of the item at a position.
    Hover(Question),
}

/// The project and its tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The directory of a package, with `Cargo.toml` and `src/lib.rs`.
    pub directory: String,
    /// The directory of the standard library's sources. Without it, the `rust-src` component of the toolchain, if it
    /// is installed.
    #[serde(default)]
    pub sysroot_src: Option<String>,
    /// The path of cargo.
    pub cargo: String,
    /// The path of rustc.
    pub rustc: String,
    /// Whether cargo has to work offline.
    #[serde(default)]
    pub offline: bool,
}

/// A question about a position in the text of `src/lib.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The number that the answer repeats.
    pub id: u64,
    /// The whole text of `src/lib.rs`. It may differ from the file.
    pub text: String,
    /// The position, in bytes.
    pub offset: usize,
    /// The time after which the answer is empty.
    #[serde(default = "default_deadline")]
    pub deadline_ms: u64,
}

fn default_deadline() -> u64 {
    5000
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a request that is invalid or has failed. `id` is null if the request has none.
    Error {
        /// The number of the request.
        id: Option<u64>,
        /// The reason, as a sentence.
        error: String,
    },
    /// To `complete`.
    Completions {
        /// The number of the request.
        id: u64,
        /// The names, sorted, each of them once.
        matches: Vec<Match>,
        /// The start of the text that a name replaces.
        start: usize,
        /// The end of the text that a name replaces.
        end: usize,
    },
    /// To `hover`.
    Description {
        /// The number of the request.
        id: u64,
        /// The description as text.
        plain: String,
        /// The description as Markdown.
        markdown: String,
    },
    /// To `hover`, if there is no description.
    Nothing {
        /// The number of the request.
        id: u64,
    },
}

/// A name that is possible at a position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Match {
    /// The name. That of a macro ends in `!`, unless the text already has one after the name.
    pub text: String,
    /// The kind of the item, as a word for which front ends have an icon: "class", "function", "instance",
    /// "keyword" or "module".
    pub kind: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_documented() {
        let request: Request =
            serde_json::from_str(r#"{"id":7,"op":"hover","text":"fn f() {}","offset":4}"#).unwrap();
        let question = Question { id: 7, text: "fn f() {}".into(), offset: 4, deadline_ms: 5000 };
        assert_eq!(request, Request::Hover(question));
        assert_eq!(serde_json::from_str::<Request>(r#"{"op":"warm"}"#).unwrap(), Request::Warm);
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        let answers = [
            Answer::Error { id: None, error: "No.".into() },
            Answer::Completions { id: 1, matches: vec![], start: 2, end: 3 },
            Answer::Description { id: 1, plain: "a".into(), markdown: "b".into() },
            Answer::Nothing { id: 1 },
        ];
        for answer in answers {
            let line = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), answer, "{line}");
        }
    }
}
