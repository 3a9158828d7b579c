//! The calls around a place in a cell. Help among the arguments of a function is about the function.

use ra_ap_syntax::ast::{self, AstNode, HasArgList};
use ra_ap_syntax::{Edition, SourceFile, SyntaxNode, TextRange, TextSize};
use threadbook_engine::is_deep;

/// Cells are statements, and these stand in a function.
const BEFORE: &str = "fn cell() {";

/// Where the names of the functions, methods and macros end among whose arguments the byte `offset` stands, the
/// innermost one first.
pub fn around(code: &str, offset: usize) -> Vec<usize> {
    if is_deep(code) {
        return Vec::new();
    }
    let file = SourceFile::parse(&format!("{BEFORE}{code}\n}}"), Edition::CURRENT);
    let at = TextSize::new((BEFORE.len() + offset) as u32);
    let mut before = file.syntax_node().token_at_offset(at).left_biased();
    // Behind what is not closed yet, spaces belong to nobody.
    while let Some(token) = before.take_if(|token| token.kind().is_trivia()) {
        before = token.prev_token();
    }
    let nodes = before.into_iter().flat_map(|token| token.parent_ancestors());
    let calls = nodes.filter_map(|node| Call::of(&node)).filter(|call| call.has_among_arguments(at));
    calls.map(|call| usize::from(call.name.end()) - BEFORE.len()).collect()
}

struct Call {
    name: TextRange,
    arguments: SyntaxNode,
}

impl Call {
    fn of(node: &SyntaxNode) -> Option<Call> {
        let (name, arguments) = if let Some(call) = ast::CallExpr::cast(node.clone()) {
            let ast::Expr::PathExpr(callee) = call.expr()? else { return None };
            (callee.path()?.segment()?.name_ref()?.syntax().text_range(), call.arg_list()?.syntax().clone())
        } else if let Some(call) = ast::MethodCallExpr::cast(node.clone()) {
            (call.name_ref()?.syntax().text_range(), call.arg_list()?.syntax().clone())
        } else {
            let call = ast::MacroCall::cast(node.clone())?;
            let name = call.path()?.segment()?.name_ref()?;
            (name.syntax().text_range(), call.token_tree()?.syntax().clone())
        };
        Some(Call { name, arguments })
    }

    /// Behind the opening delimiter, and before the closing one if there is one.
    fn has_among_arguments(&self, at: TextSize) -> bool {
        let range = self.arguments.text_range();
        let last = self.arguments.last_child_or_token().and_then(|last| last.into_token());
        let is_closed = last.is_some_and(|last| [")", "]", "}"].contains(&last.text()));
        range.start() < at && (at < range.end() || !is_closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the calls around the place that is marked with `|`.
    fn names(marked: &str) -> Vec<String> {
        let offset = marked.find('|').unwrap();
        let code = marked.replacen('|', "", 1);
        let name = |end: usize| {
            code[crate::session::analysis::name_index::start_of_word(&code, end)..end].to_owned()
        };
        around(&code, offset).into_iter().map(name).collect()
    }

    #[test]
    fn the_innermost_call_comes_first() {
        assert_eq!(names("outer(1, inner(2, |))"), ["inner", "outer"]);
        assert_eq!(names("outer(1, inner(2)|)"), ["outer"]);
        assert_eq!(names("outer(1, inner(2)|"), ["outer"]);
        assert_eq!(names("outer(1, |"), ["outer"]);
        assert_eq!(names("let é = \"é\"; pool.submit(|"), ["submit"]);
        assert_eq!(names("ThreadPoolExecutor::new(|2)"), ["new"]);
        assert_eq!(names("parse::<Vec<u8>>(1, |)"), ["parse"]);
        assert_eq!(names("x.iter()\n    .map(f(|)\n    .collect::<Vec<_>>()"), ["f", "map"]);
        assert_eq!(names("println!(\"{}\", |)"), ["println"]);
        assert_eq!(names("fn twice(n: u64) -> u64 { add(n, |n) }"), ["add"]);
    }

    #[test]
    fn elsewhere_there_is_none() {
        for code in [
            "|",
            "f|(1)",
            "f(1)|",
            "f(1); |",
            "let x = (1, |2);",
            "struct S { a: u8, | }",
            ")|",
            "(|(",
            "\"f(|\"",
        ] {
            assert!(names(code).is_empty(), "{code}: {:?}", names(code));
        }
    }
}
