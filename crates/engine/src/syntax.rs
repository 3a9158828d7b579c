//! The syntax of a cell: its items, the variables that it binds, and its last expression.
//!
//! A cell is parsed as the body of a function. Ranges are bytes of the cell's text. Text that the parser does
//! not recognise counts as a statement, for which rustc then reports the error.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode};

use crate::items::{Item, Macros, item_of, item_of_call};
use crate::words::{AFTER, BEFORE, Words, range, shifted, tokens, unraw, words_except, words_of};

/// The parts of a cell.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    pub(crate) items: Vec<Item>,
    /// The ranges of the items in the cell.
    pub(crate) removed: Vec<Range<usize>>,
    /// The variables that the cell binds at its top level, each once.
    pub(crate) bindings: Vec<Binding>,
    /// The last expression, if the cell ends with one.
    pub(crate) tail: Option<Range<usize>>,
    /// Whether a statement awaits.
    pub(crate) awaits: bool,
    /// The `return`s without a value among the statements.
    pub(crate) returns: Vec<Range<usize>>,
    /// The inner attributes at the start: `#![allow(..)]`.
    pub(crate) attributes: Vec<Range<usize>>,
    /// The identifiers of all statements.
    pub(crate) words: Words,
    /// The identifiers that occur before the cell binds a variable of the same name: they can refer to an
    /// earlier one.
    pub(crate) free: Words,
    /// Whether there are statements to run.
    pub(crate) has_statements: bool,
}

/// A variable that a `let` binds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) is_mut: bool,
    /// The place of the name.
    pub(crate) range: Range<usize>,
    /// Whether a macro may bind it, or not.
    pub(crate) is_guess: bool,
}

/// Parses a cell.
pub(crate) fn parse(cell: &str, macros: &dyn Macros) -> Syntax {
    let parsed = SourceFile::parse(&format!("{BEFORE}{cell}{AFTER}"), Edition::Edition2024);
    let function = parsed.syntax_node().children().find_map(ast::Fn::cast);
    let Some(list) = function.and_then(|f| f.body()?.stmt_list()) else {
        let words = words_of(&parsed.syntax_node());
        return Syntax { free: words.clone(), words, has_statements: true, ..Syntax::default() };
    };
    let mut syntax = Syntax::default();
    for node in list.syntax().children() {
        if let Some(item) = ast::Item::cast(node.clone()) {
            match item_of(&item) {
                Some(items) => {
                    syntax.items.extend(items);
                    syntax.removed.push(range(&node));
                }
                None => statement(&node, &mut syntax, macros),
            }
        } else if let Some(call) = macro_call(&node)
            && let Some(item) = item_of_call(&node, &call, macros)
        {
            syntax.items.push(item);
            syntax.removed.push(range(&node));
        } else if node.kind() == SyntaxKind::ATTR {
            syntax.attributes.push(range(&node));
            syntax.removed.push(range(&node));
        } else {
            statement(&node, &mut syntax, macros);
        }
    }
    let tail = list.tail_expr().map(|tail| range(tail.syntax()));
    syntax.tail = tail.filter(|tail| !syntax.removed.iter().any(|range| range.contains(&tail.start)));
    syntax
}

fn statement(node: &SyntaxNode, syntax: &mut Syntax, macros: &dyn Macros) {
    syntax.has_statements = true;
    let bound: Words = syntax.bindings.iter().map(|binding| binding.name.clone()).collect();
    let mut names = Vec::new();
    if let Some(let_stmt) = ast::LetStmt::cast(node.clone())
        && let Some(pattern) = let_stmt.pat()
    {
        let is_whole = matches!(pattern, ast::Pat::IdentPat(_));
        for ident in pattern.syntax().descendants().filter_map(ast::IdentPat::cast) {
            let Some(name) = ident.name() else { continue };
            let text = unraw(name.text()).to_owned();
            let is_plain =
                ident.mut_token().is_none() && ident.ref_token().is_none() && ident.at_token().is_none();
            // A constant or a variant, unless it is the whole pattern.
            if is_plain && text.starts_with(char::is_uppercase) && (!is_whole || text == "None") {
                continue;
            }
            syntax.bindings.retain(|binding| binding.name != text);
            names.push(name.syntax().text_range());
            let is_mut = ident.mut_token().is_some();
            syntax.bindings.push(Binding {
                name: text,
                is_mut,
                range: range(name.syntax()),
                is_guess: false,
            });
        }
    }
    if let Some(call) = macro_call(node)
        && call.path().is_some_and(|path| macros.binds(&path.syntax().text().to_string()))
    {
        for token in call.token_tree().iter().flat_map(|tree| tokens(tree.syntax())) {
            let name = unraw(token.text()).to_owned();
            if token.kind() == SyntaxKind::IDENT
                && !syntax.bindings.iter().any(|binding| binding.name == name)
            {
                let range = shifted(token.text_range());
                syntax.bindings.push(Binding { name, is_mut: true, range, is_guess: true });
            }
        }
    }
    let words = words_except(node, &names);
    syntax.free.extend(words.iter().filter(|word| !bound.contains(*word)).cloned());
    syntax.words.extend(words);
    let mut events = node.preorder();
    while let Some(event) = events.next() {
        let ra_ap_syntax::WalkEvent::Enter(inner) = event else { continue };
        match inner.kind() {
            SyntaxKind::CLOSURE_EXPR => events.skip_subtree(),
            kind if ast::Item::can_cast(kind) && kind != SyntaxKind::MACRO_CALL => events.skip_subtree(),
            SyntaxKind::BLOCK_EXPR if is_async(&inner) => events.skip_subtree(),
            SyntaxKind::AWAIT_EXPR => syntax.awaits = true,
            SyntaxKind::RETURN_EXPR if has_no_value(&inner) => syntax.returns.push(range(&inner)),
            SyntaxKind::MACRO_CALL => syntax.awaits |= call_awaits(&inner),
            _ => {}
        }
    }
}

fn has_no_value(expr: &SyntaxNode) -> bool {
    ast::ReturnExpr::cast(expr.clone()).is_some_and(|it| it.expr().is_none())
}

fn is_async(block: &SyntaxNode) -> bool {
    ast::BlockExpr::cast(block.clone()).is_some_and(|block| block.async_token().is_some())
}

/// Whether a macro call awaits: by its own tokens, or because macros of its name do.
fn call_awaits(call: &SyntaxNode) -> bool {
    let Some(call) = ast::MacroCall::cast(call.clone()) else { return false };
    let name = call.path().map(|path| path.syntax().text().to_string()).unwrap_or_default();
    let last = name.rsplit("::").next().unwrap_or_default().trim();
    let known = ["join", "try_join", "select", "select_biased"];
    known.contains(&last)
        || call.token_tree().is_some_and(|tree| tokens(tree.syntax()).any(|t| t.text() == "await"))
}

/// The macro call that a statement consists of.
fn macro_call(node: &SyntaxNode) -> Option<ast::MacroCall> {
    let expr = match ast::ExprStmt::cast(node.clone()) {
        Some(statement) => statement.expr()?,
        None => ast::Expr::cast(node.clone())?,
    };
    match expr {
        ast::Expr::MacroExpr(expr) => expr.macro_call(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::ItemKind;

    /// A macro `make`, which makes items, and a macro `bind`, which binds variables.
    struct Known;

    impl Macros for Known {
        fn makes_items(&self, name: &str) -> bool {
            name == "make"
        }

        fn binds(&self, name: &str) -> bool {
            name == "bind"
        }
    }

    fn parsed(cell: &str) -> Syntax {
        parse(cell, &Known)
    }

    fn bound(cell: &str) -> Vec<String> {
        parsed(cell)
            .bindings
            .into_iter()
            .map(|b| if b.is_mut { format!("mut {}", b.name) } else { b.name })
            .collect()
    }

    #[test]
    fn items_and_statements_are_told_apart() {
        let cell = "fn f() {} let x = 1; struct S; thread_local! { static T: u8 = 1; } x + 1";
        let syntax = parsed(cell);
        let items: Vec<_> =
            syntax.items.iter().map(|item| (item.names.join(" "), &cell[item.range.clone()])).collect();
        assert_eq!(items[0], ("f".into(), "fn f() {}"));
        assert_eq!(items[1], ("S".into(), "struct S;"));
        assert_eq!(items[2], ("T".into(), "thread_local! { static T: u8 = 1; }"));
        assert_eq!(&cell[syntax.tail.unwrap()], "x + 1");
        assert_eq!(bound(cell), ["x"]);
    }

    #[test]
    fn patterns_bind_their_variables() {
        assert_eq!(
            bound("let (a, mut b) = t; let Point { x, y: z } = p; let [first, .., last] = v;"),
            ["a", "mut b", "x", "z", "first", "last"]
        );
        assert_eq!(bound("let Some(n) = o else { return };"), ["n"]);
        assert_eq!(
            bound("let None = o else { return }; let N = 5; let all @ [_, ..] = v; let r#type = 1;"),
            ["N", "all", "type"]
        );
        assert_eq!(bound("let x = 1; let mut x = 2;"), ["mut x"]);
        assert_eq!(bound("{ let inner = 1; } if true { let other = 2; }"), Vec::<String>::new());
    }

    #[test]
    fn words_are_those_of_macros_and_format_strings_too() {
        let words = parsed("println!(\"{a} {:?} {b:>w$.p$} {{c}}\", d); vec![e; f()]").words;
        for word in ["a", "b", "w", "p", "d", "e", "f", "println"] {
            assert!(words.contains(word), "{word}: {words:?}");
        }
    }

    #[test]
    fn a_word_is_free_until_the_cell_binds_it() {
        let free = parsed("let x = x + 1; let y = 2; f(x, y); z").free;
        assert!(free.contains("x") && free.contains("z") && !free.contains("y"), "{free:?}");
        assert!(!parsed("let x = 5; x").free.contains("x"));
    }

    #[test]
    fn awaits_and_returns_are_those_of_the_cell_itself() {
        assert!(
            parsed("f().await;").awaits
                && parsed("futures::join!(a, b);").awaits
                && parsed("dbg!(f().await)").awaits
        );
        assert!(!parsed("let f = async { g().await }; async fn h() { g().await }").awaits);
        assert!(
            parsed("if x { return; }").returns.first() == Some(&(7..13))
                && parsed("let f = || { return; };").returns.is_empty()
        );
    }

    #[test]
    fn an_import_is_an_item_of_its_own() {
        let items = parsed("use std::{fmt::{self, Write as _}, io, collections::*}; use a::b as c;").items;
        let paths: Vec<_> = items
            .iter()
            .map(|item| match &item.kind {
                ItemKind::Use { path, root } => format!("{path} {root} {}", item.names.join(",")),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            paths,
            [
                "use std::fmt::{self}; std fmt",
                "use std::fmt::Write as _; std ",
                "use std::io; std io",
                "use std::collections::*; std ",
                "use a::b as c; a c",
            ]
        );
    }

    #[test]
    fn impls_are_known_by_their_header() {
        let header = |cell: &str| match parsed(cell).items.remove(0).kind {
            ItemKind::TraitImpl { header, .. } => header,
            ItemKind::InherentImpl { self_type, .. } => self_type,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            header("impl<T: Debug> Show for Vec<T> {}"),
            header("impl<U> Show for Vec< U > where U: Debug {}")
        );
        assert_ne!(header("impl Show for A {}"), header("impl Show for B {}"));
        assert_eq!(header("impl<'a> S<'a> {}"), header("impl<'b> S<'b> {}"));
    }

    #[test]
    fn statics_are_found_at_any_depth() {
        let cell = "fn f() -> u32 { static mut N: Vec<u8> = Vec::new(); thread_local!(static T: Cell<u8> = const { Cell::new(1) }; pub static U: u8 = 2;); 1 }";
        let statics = &parsed(cell).items[0].statics;
        let seen: Vec<_> = statics
            .iter()
            .map(|s| (s.name.as_str(), &cell[s.r#type.clone()], s.is_mut, s.is_thread_local))
            .collect();
        assert_eq!(
            seen,
            [("N", "Vec<u8>", true, false), ("T", "Cell<u8>", false, true), ("U", "u8", false, true)]
        );
        assert!(
            cell[statics[1].range.clone()].starts_with("thread_local!(")
                && cell[statics[1].range.clone()].ends_with(");")
        );
    }

    #[test]
    fn macros_that_make_items_are_recognised() {
        let makes = |cell: &str| matches!(parsed(cell).items[0].kind, ItemKind::Macro { makes_items: true });
        assert!(makes("macro_rules! m { ($n:ident) => { #[derive(Debug)] pub struct $n; } }"));
        assert!(makes("macro_rules! m { ($($n:ident),*) => { $(fn $n() {})* } }"));
        assert!(
            !makes("macro_rules! m { () => { 0 } }")
                && !makes("macro_rules! m { ($x:expr) => { unsafe { $x } } }")
        );
        let call = parsed("make!(Thing);");
        assert_eq!((call.items.len(), call.items[0].names.join(" ").as_str()), (1, "Thing"));
    }

    #[test]
    fn any_text_is_parsed_without_a_panic() {
        for cell in [
            "}",
            "{",
            "fn",
            "let",
            "let = = 3;",
            "use",
            "impl",
            "\"",
            "thread_local! {",
            "use a::{b",
            "static X",
            "🦀",
            "/*",
        ] {
            parsed(cell);
        }
    }
}
