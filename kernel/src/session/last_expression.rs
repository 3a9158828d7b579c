//! A cell's last expression, made to show itself.
//!
//! The engine would do that, but whenever the compiler then names the expression in an error that the engine
//! goes on to mend (a variable that was moved, the first `?` or `.await`), it gives up on pictures and shows
//! the `{:?}` text. So the cell says what is wanted before the engine sees it.

use super::rewriting::{Places, Rewriting};
use super::text::place_offset;
use ra_ap_syntax::ast::{AstNode, HasModuleItem, Item};
use ra_ap_syntax::{Edition, SourceFile};
use std::borrow::Cow;
use std::ops::Range;

/// The method of the companion that shows a value. (See its trait `Display`.)
const SHOW: &str = ").evcxr_display();";

/// A cell as it is given to the engine.
pub struct Prepared<'a> {
    pub code: Cow<'a, str>,
    /// What was changed to make the last expression show itself, if there is one.
    shows: Option<Places>,
    /// What was changed before, in steps.
    before: Vec<Places>,
}

impl<'a> Prepared<'a> {
    /// The cell with a last expression that shows itself, if it ends with one. `before` is how it came to be
    /// `code`.
    pub fn new(code: &'a str, before: Vec<Places>) -> Prepared<'a> {
        let mut prepared = Prepared { code: code.into(), shows: None, before };
        if let Some(Range { start, end }) = last_expression(code) {
            let mut rewriting = Rewriting::of(code);
            rewriting.replace(start..start, "(");
            rewriting.replace(end..end, SHOW);
            let (code, places) = rewriting.finish();
            prepared.code = code.into();
            prepared.shows = Some(places);
        }
        prepared
    }

    /// Goes back to `code`, which this was made of.
    pub fn show_nothing(&mut self, code: &'a str) {
        self.code = code.into();
        self.shows = None;
    }

    /// Whether an error is about what was added: then the engine knows better what to say.
    pub fn is_to_blame(&self, error: &evcxr::Error) -> bool {
        let evcxr::Error::CompilationErrors(errors) = error else { return false };
        let name = SHOW.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        self.shows.is_some() && errors.iter().any(|error| error.rendered().contains(name))
    }

    /// Whether the cell is Rust as it was typed.
    pub fn is_plain(&self) -> bool {
        self.before.iter().all(Places::is_empty)
    }

    /// The byte offset in `cell`, the text that was typed, of a place in rustc's terms in what became of it:
    /// a line and a column in characters, both from 1.
    pub fn offset(&self, cell: &str, line: usize, column: usize) -> usize {
        let steps = self.before.iter().chain(&self.shows).rev();
        place_offset(cell, line, steps.fold(column, |column, step| step.old_column(line, column)))
    }
}

/// Where the expression stands that is the cell's value.
pub fn last_expression(code: &str) -> Option<Range<usize>> {
    const BEFORE: &str = "fn cell() {\n";
    let text = format!("{BEFORE}{}\n}}", without_commands(code));
    let parse = SourceFile::parse(&text, Edition::Edition2024);
    if !parse.errors().is_empty() {
        return None;
    }
    let Some(Item::Fn(function)) = parse.tree().items().next() else { return None };
    let range = function.body()?.tail_expr()?.syntax().text_range();
    Some(usize::from(range.start()) - BEFORE.len()..usize::from(range.end()) - BEFORE.len())
}

/// The cell with spaces in place of the engine's own commands, `:dep` and such.
fn without_commands(code: &str) -> String {
    let blank = |line: &str| {
        " ".repeat(line.trim_end_matches('\n').len()) + &line[line.trim_end_matches('\n').len()..]
    };
    code.split_inclusive('\n')
        .map(|line| if line.starts_with(':') { blank(line) } else { line.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> String {
        Prepared::new(code, Vec::new()).code.into_owned()
    }

    #[test]
    fn the_last_expression_shows_itself() {
        assert_eq!(shown("1 + 1"), "(1 + 1).evcxr_display();");
        assert_eq!(shown("let x = 1; x // it\n"), "let x = 1; (x).evcxr_display(); // it\n");
        assert_eq!(
            shown(":dep rand\nif a { 1 } else { 2 }"),
            ":dep rand\n(if a { 1 } else { 2 }).evcxr_display();"
        );
        assert_eq!(shown("println!(\"é\")"), "(println!(\"é\")).evcxr_display();");
    }

    #[test]
    fn what_has_no_value_or_is_no_rust_stays_as_it_is() {
        for code in [
            "",
            "1;",
            "let x = 1;",
            "fn f() {}",
            "// 1",
            ":vars",
            "let x =",
            "1 +",
            "}",
            "fn f() {} }",
            "a b",
        ] {
            assert_eq!(shown(code), code);
        }
    }

    #[test]
    fn places_are_those_of_the_cell() {
        let cell = "let é = 1;\né + y";
        let prepared = Prepared::new(cell, Vec::new());
        let line = prepared.code.lines().nth(1).unwrap();
        let column = line.chars().position(|c| c == 'y').unwrap() + 1;
        assert!(cell[prepared.offset(cell, 2, column)..].starts_with('y'));
        assert!(cell[prepared.offset(cell, 2, 1)..].starts_with("é + y"));
        assert!(cell[prepared.offset(cell, 1, 5)..].starts_with("é = 1"));
        assert_eq!(prepared.offset(cell, 2, 40), cell.len());
    }
}
