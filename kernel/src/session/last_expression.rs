//! The place of a cell's last expression.

use ra_ap_syntax::ast::{AstNode, HasModuleItem, Item};
use ra_ap_syntax::{Edition, SourceFile};
use std::ops::Range;
use threadbook_engine::is_deep;

/// The range of the expression that is the value of a cell, if it has one.
pub fn last_expression(code: &str) -> Option<Range<usize>> {
    const BEFORE: &str = "fn cell() {\n";
    if is_deep(code) {
        return None;
    }
    let text = format!("{BEFORE}{}\n}}", without_commands(code));
    let parse = SourceFile::parse(&text, Edition::Edition2024);
    if !parse.errors().is_empty() {
        return None;
    }
    let Some(Item::Fn(function)) = parse.tree().items().next() else { return None };
    let range = function.body()?.tail_expr()?.syntax().text_range();
    Some(usize::from(range.start()) - BEFORE.len()..usize::from(range.end()) - BEFORE.len())
}

/// The cell with spaces in place of commands, `:dep` and such.
pub fn without_commands(code: &str) -> String {
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

    #[test]
    fn the_last_expression_is_found() {
        let found = |code: &'static str| last_expression(code).map(|range| &code[range]);
        assert_eq!(found("1 + 1"), Some("1 + 1"));
        assert_eq!(found("let x = 1; x // it\n"), Some("x"));
        assert_eq!(found(":dep rand\nif a { 1 } else { 2 }"), Some("if a { 1 } else { 2 }"));
        assert_eq!(found("println!(\"é\")"), Some("println!(\"é\")"));
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
            assert_eq!(found(code), None, "{code}");
        }
    }
}
