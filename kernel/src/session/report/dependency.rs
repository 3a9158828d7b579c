//! A crate that cargo cannot bring.

use super::failure::{Failure, render, titled};
use annotate_snippets::{Group, Level};

/// The failure of a cell that asks for it. `message` is cargo's.
pub fn failure(message: &str) -> Failure {
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    let mut group = Group::with_title(titled("DependencyError", first));
    if !rest.trim().is_empty() {
        group = group.element(Level::NOTE.message(rest.trim().to_owned()));
    }
    if let Some(advice) = advice(message) {
        group = group.element(Level::HELP.message(advice));
    }
    Failure::new("CompileError", message, &render(&[group]))
}

/// Advice in a sentence.
fn advice(message: &str) -> Option<&'static str> {
    let says = |what: &[&str]| what.iter().any(|what| message.contains(what));
    let advice = if says(&["--offline", "offline mode"]) {
        "This machine does not have it yet, and cargo is kept from the network: `:offline 0` lets it."
    } else if says(&["failed to download", "download of", "spurious network", "resolve host", "index from"]) {
        "The network does not answer. `:offline 1` makes do with what was downloaded before."
    } else if says(&["no matching package"]) {
        "Look the name up at https://crates.io, or name a directory: `:dep name = { path = \"…\" }`."
    } else if says(&["failed to select a version"]) {
        "Ask for one of these versions, or for any: `:dep name = \"*\"`."
    } else {
        return None;
    };
    Some(advice)
}
