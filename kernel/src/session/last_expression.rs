//! A cell's last expression, made to show itself.
//!
//! The engine would do that, but whenever the compiler then names the expression in an error that the engine
//! goes on to mend (a variable that was moved, the first `?` or `.await`), it gives up on pictures and shows
//! the `{:?}` text. So the cell says what is wanted before the engine sees it.
//!
//! And a cell that measures says which code it is, so that the history of a benchmark knows when that has changed.

use super::rewriting::{Places, Rewriting};
use super::text::place_offset;
use ra_ap_syntax::ast::{AstNode, HasModuleItem, Item};
use ra_ap_syntax::{Edition, SourceFile};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

/// The method of the companion that shows a value. (See its trait `Display`.)
const SHOW: &str = ").evcxr_display();";

/// The function of the companion that hears which code runs, and what calls for it.
const TELL: &str = "threadbook::timing::set_code_hash";
const MEASURES: &str = "benchmark(";

/// A cell as it is given to the engine.
pub struct Prepared<'a> {
    pub code: Cow<'a, str>,
    /// What was added, if anything was: that the last expression shows itself, and which code this is.
    added: Option<Places>,
    /// What was changed before, in steps.
    before: Vec<Places>,
}

impl<'a> Prepared<'a> {
    /// The cell with a last expression that shows itself, if it ends with one. `before` is how it came to be
    /// `code`.
    pub fn new(code: &'a str, before: Vec<Places>) -> Prepared<'a> {
        let mut prepared = Prepared { code: code.into(), added: None, before };
        let measures = first_statement(code).filter(|_| code.contains(MEASURES));
        let shows = last_expression(code);
        if measures.is_none() && shows.is_none() {
            return prepared;
        }
        let mut rewriting = Rewriting::of(code);
        if let Some(start) = measures {
            rewriting.replace(start..start, &format!("{TELL}({:#x}); ", hash(code)));
        }
        if let Some(Range { start, end }) = shows {
            rewriting.replace(start..start, "(");
            rewriting.replace(end..end, SHOW);
        }
        let (code, places) = rewriting.finish();
        (prepared.code, prepared.added) = (code.into(), Some(places));
        prepared
    }

    /// Goes back to `code`, which this was made of.
    pub fn show_nothing(&mut self, code: &'a str) {
        self.code = code.into();
        self.added = None;
    }

    /// Whether an error is about what was added: then the engine knows better what to say.
    pub fn is_to_blame(&self, error: &evcxr::Error) -> bool {
        let evcxr::Error::CompilationErrors(errors) = error else { return false };
        let show = SHOW.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        let is_ours = |text: &str| [show, TELL].iter().any(|name| text.contains(name));
        self.added.is_some() && errors.iter().any(|error| is_ours(&error.rendered()))
    }

    /// Whether the cell is Rust as it was typed.
    pub fn is_plain(&self) -> bool {
        self.before.iter().all(Places::is_empty)
    }

    /// The byte offset in `cell`, the text that was typed, of a place in rustc's terms in what became of it:
    /// a line and a column in characters, both from 1.
    pub fn offset(&self, cell: &str, line: usize, column: usize) -> usize {
        let steps = self.before.iter().chain(&self.added).rev();
        place_offset(cell, line, steps.fold(column, |column, step| step.old_column(line, column)))
    }
}

/// A cell that measures, with a first statement that says which code it is.
pub fn with_code_hash(code: &str) -> Option<(String, Places)> {
    let start = first_statement(code).filter(|_| code.contains(MEASURES))?;
    let mut rewriting = Rewriting::of(code);
    rewriting.replace(start..start, &format!("::{TELL}({:#x}); ", hash(code)));
    Some(rewriting.finish())
}

/// Where the first line begins that is no command of the engine's.
fn first_statement(code: &str) -> Option<usize> {
    let is_rust = |line: &str| ![":", "#!"].iter().any(|start| line.trim_start().starts_with(start));
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        if is_rust(line) && !line.trim().is_empty() {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// A number for a cell's text, in which space does not count.
fn hash(code: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    code.split_whitespace().for_each(|word| word.hash(&mut hasher));
    hasher.finish()
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
    fn a_cell_that_measures_says_which_code_it_is() {
        let told = |code: &str| {
            let shown = shown(code);
            let (before, after) = shown.split_once("threadbook::timing::set_code_hash(0x").unwrap();
            let (hash, after) = after.split_once("); ").unwrap();
            (before.to_owned(), hash.to_owned(), after.to_owned())
        };
        let (before, hash, after) = told(":dep rand\n// it\nlet c = benchmark(\"a\").run();\nc");
        assert_eq!(
            (&before[..], &after[..]),
            (":dep rand\n", "// it\nlet c = benchmark(\"a\").run();\n(c).evcxr_display();")
        );
        assert_eq!(told(":dep rand\n\n  // it\nlet c = benchmark(\"a\").run(); c").1, hash);
        assert_ne!(told(":dep rand\n// it\nlet c = benchmark(\"b\").run();\nc").1, hash);
        let cell = "benchmark(1).x";
        let prepared = Prepared::new(cell, Vec::new());
        let column = prepared.code.find("x)").unwrap() + 1;
        assert_eq!(prepared.offset(cell, 1, column), cell.find('x').unwrap());
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
