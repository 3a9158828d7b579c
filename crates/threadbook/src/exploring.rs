//! What the generated code of a cell under `%%explore` calls.

use threadbook_cell::{End, Outcome};
use threadbook_explore::{Explorer, Line};
use threadbook_worker::panic_place;

use crate::{display, process};

/// Explores the statements of a cell, shows what was found, and ends the cell with the failure if there is one.
pub fn explored<O: Outcome>(explorer: Explorer, lines: &'static [Line], statements: impl Fn() -> O) {
    let explorer = explorer.generated_from(lines, panic_place);
    let exploration = explorer.run(|| {
        if let End::Failed(error) = statements().end() {
            panic!("the cell returned an error: {}", error.text);
        }
    });
    display(&exploration);
    if let Some(failure) = exploration.failure() {
        process::end_cell(failure.message(), failure.in_code());
    }
    if let Some(problem) = exploration.problem() {
        process::end_cell(problem, None);
    }
}
