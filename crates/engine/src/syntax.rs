//! The syntax of a cell: its items, the variables that it binds, and its last expression.
//!
//! A cell is parsed as the body of a function. Ranges are bytes of the cell's text. Text that the parser does
//! not recognise counts as a statement, for which rustc then reports the error.

use std::collections::BTreeSet;
use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, HasName, HasVisibility};
use ra_ap_syntax::{Edition, NodeOrToken, SourceFile, SyntaxKind, SyntaxNode, SyntaxToken, T};

/// Identifiers, without the `r#` of raw ones.
pub(crate) type Words = BTreeSet<String>;

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

/// An item of a cell.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    /// The names that it defines.
    pub(crate) names: Vec<String>,
    /// The identifiers in it.
    pub(crate) words: Words,
    /// The statics in it, at any depth.
    pub(crate) statics: Vec<Static>,
}

/// The kinds of item that the ledger distinguishes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A `macro_rules!` definition, and whether its expansion is an item.
    Macro {
        makes_items: bool,
    },
    /// A type, or an alias of one.
    Type,
    /// A trait, and the names of its items.
    Trait {
        members: Words,
    },
    Module,
    Function,
    Const,
    Static,
    /// One import: the part of a `use` that names one thing. `path` is written out in full.
    Use {
        path: String,
        root: String,
    },
    /// An `impl` of a trait.
    TraitImpl {
        header: String,
        header_words: Words,
        types: String,
    },
    /// An `impl` of a type's own methods, and the ranges of its items.
    InherentImpl {
        self_type: String,
        header_words: Words,
        members: Vec<(String, Range<usize>)>,
    },
    /// A call of a macro that makes items.
    MacroCall {
        name: String,
    },
    /// An `extern` block or crate, or an item without a name.
    Other,
}

/// A static in an item.
#[derive(Clone, Debug)]
pub(crate) struct Static {
    /// The range of the static, or of the `thread_local!` around it.
    pub(crate) range: Range<usize>,
    pub(crate) name: String,
    pub(crate) visibility: String,
    pub(crate) is_mut: bool,
    pub(crate) r#type: Range<usize>,
    pub(crate) is_thread_local: bool,
}

/// The text around a cell with which it is parsed.
const BEFORE: &str = "fn f() {\n";
const AFTER: &str = "\n}";

/// The properties of macros that the parser needs from the ledger.
pub(crate) trait Macros {
    /// Whether the expansion of a macro is an item.
    fn makes_items(&self, name: &str) -> bool;
    /// Whether the expansion of a macro may bind variables.
    fn binds(&self, name: &str) -> bool;
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

/// The range of a node in the cell.
fn range(node: &SyntaxNode) -> Range<usize> {
    shifted(node.text_range())
}

fn shifted(range: ra_ap_syntax::TextRange) -> Range<usize> {
    usize::from(range.start()) - BEFORE.len()..usize::from(range.end()) - BEFORE.len()
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

fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens().filter_map(NodeOrToken::into_token)
}

/// All identifiers of a node, also those in the arguments of macros and in format strings.
fn words_of(node: &SyntaxNode) -> Words {
    words_except(node, &[])
}

/// The identifiers of a node, except for those at these places.
fn words_except(node: &SyntaxNode, places: &[ra_ap_syntax::TextRange]) -> Words {
    let mut words = Words::new();
    for token in tokens(node).filter(|token| !places.contains(&token.text_range())) {
        match token.kind() {
            SyntaxKind::WHITESPACE | SyntaxKind::COMMENT => {}
            SyntaxKind::STRING => words.extend(captured(token.text())),
            _ if token.text().starts_with(is_ident_start) => {
                words.insert(unraw(token.text()).to_owned());
            }
            _ => {}
        }
    }
    words
}

fn is_ident_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

/// The identifiers that a string captures if it is the format of `println!`: those behind a `{`, and the
/// widths and precisions before a `$`.
fn captured(string: &str) -> impl Iterator<Item = String> {
    let ident =
        |text: &str| -> String { text.chars().take_while(|&c| c == '_' || c.is_alphanumeric()).collect() };
    string.split('{').skip(1).flat_map(move |rest| {
        let inside = rest.split('}').next().unwrap_or_default();
        let first = ident(inside);
        let counts = inside.split('$').rev().skip(1).map(|part| {
            let start = part.rfind(|c: char| c != '_' && !c.is_alphanumeric()).map_or(0, |at| at + 1);
            part.get(start..).unwrap_or_default().to_owned()
        });
        std::iter::once(first)
            .chain(counts.collect::<Vec<_>>())
            .filter(|word| word.starts_with(is_ident_start))
    })
}

/// An identifier without `r#`.
pub(crate) fn unraw(ident: &str) -> &str {
    ident.strip_prefix("r#").unwrap_or(ident)
}

fn item_of(item: &ast::Item) -> Option<Vec<Item>> {
    let node = item.syntax();
    let name = |name: Option<ast::Name>| {
        name.map(|name| unraw(name.text()).to_owned()).into_iter().collect::<Vec<_>>()
    };
    let (kind, names) = match item {
        ast::Item::Use(it) => return Some(imports(it)),
        ast::Item::MacroCall(_) => return None,
        ast::Item::MacroRules(it) => (Kind::Macro { makes_items: makes_items(it) }, name(it.name())),
        ast::Item::MacroDef(it) => (Kind::Macro { makes_items: false }, name(it.name())),
        ast::Item::Struct(it) => (Kind::Type, name(it.name())),
        ast::Item::Enum(it) => (Kind::Type, name(it.name())),
        ast::Item::Union(it) => (Kind::Type, name(it.name())),
        ast::Item::TypeAlias(it) => (Kind::Type, name(it.name())),
        ast::Item::Trait(it) => {
            let members = it.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
            let members = members.filter_map(|member| member_name(&member)).collect();
            (Kind::Trait { members }, name(it.name()))
        }
        ast::Item::Module(it) => (Kind::Module, name(it.name())),
        ast::Item::Fn(it) => (Kind::Function, name(it.name())),
        ast::Item::Const(it) => (Kind::Const, name(it.name())),
        ast::Item::Static(it) => (Kind::Static, name(it.name())),
        ast::Item::Impl(it) => (impl_of(it), Vec::new()),
        ast::Item::ExternCrate(it) => {
            let renamed = it.rename().and_then(|rename| rename.name()).map(|name| name.text().to_string());
            let own = it.name_ref().map(|name| name.text().to_string());
            (Kind::Other, renamed.or(own).into_iter().collect())
        }
        ast::Item::ExternBlock(it) => {
            let names = it.syntax().descendants().filter_map(ast::Name::cast);
            (Kind::Other, names.map(|name| name.text().to_string()).collect())
        }
        _ => (Kind::Other, Vec::new()),
    };
    Some(vec![Item { kind, range: range(node), names, words: words_of(node), statics: statics(node) }])
}

fn member_name(member: &ast::AssocItem) -> Option<String> {
    let name = match member {
        ast::AssocItem::Fn(it) => it.name(),
        ast::AssocItem::Const(it) => it.name(),
        ast::AssocItem::TypeAlias(it) => it.name(),
        ast::AssocItem::MacroCall(_) => None,
    };
    name.map(|name| unraw(name.text()).to_owned())
}

fn impl_of(it: &ast::Impl) -> Kind {
    let parameters = parameters(it.syntax());
    let normal = |node: &SyntaxNode| normalized(node, &parameters);
    let header_words = |nodes: &[&SyntaxNode]| -> Words {
        nodes.iter().flat_map(|node| words_of(node)).filter(|word| !parameters.contains(word)).collect()
    };
    let self_ty = it.self_ty().map(|ty| ty.syntax().clone());
    match (it.trait_(), self_ty) {
        (Some(of_trait), Some(self_ty)) => {
            let header = format!("{} for {}", normal(of_trait.syntax()), normal(&self_ty));
            let items = it.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
            let types =
                items.filter(|item| matches!(item, ast::AssocItem::TypeAlias(_) | ast::AssocItem::Const(_)));
            let types = types.map(|item| normal(item.syntax())).collect();
            Kind::TraitImpl { header, header_words: header_words(&[of_trait.syntax(), &self_ty]), types }
        }
        (_, Some(self_ty)) => {
            let members = it.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
            let members = members.filter_map(|m| Some((member_name(&m)?, range(m.syntax())))).collect();
            Kind::InherentImpl {
                self_type: normal(&self_ty),
                header_words: header_words(&[&self_ty]),
                members,
            }
        }
        _ => Kind::Other,
    }
}

/// The names of the generic parameters of an `impl`.
fn parameters(node: &SyntaxNode) -> Vec<String> {
    let list = node.children().find_map(ast::GenericParamList::cast);
    let names =
        list.into_iter().flat_map(|list| list.generic_params()).filter_map(|parameter| match parameter {
            ast::GenericParam::TypeParam(it) => Some(it.name()?.text().to_string()),
            ast::GenericParam::ConstParam(it) => Some(it.name()?.text().to_string()),
            ast::GenericParam::LifetimeParam(it) => Some(it.lifetime()?.text().to_string()),
        });
    names.collect()
}

/// The tokens of a node, with generic parameters by number: two texts are equal if they have the same
/// meaning.
fn normalized(node: &SyntaxNode, parameters: &[String]) -> String {
    let mut text = String::new();
    for token in tokens(node) {
        if matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT) {
            continue;
        }
        match parameters.iter().position(|parameter| parameter == token.text()) {
            Some(index) => text += &format!("${index}"),
            None => text += token.text(),
        }
        text.push(' ');
    }
    text
}

/// Each import of a `use` as an item of its own.
fn imports(it: &ast::Use) -> Vec<Item> {
    let visibility = it.visibility().map(|v| format!("{} ", v.syntax().text())).unwrap_or_default();
    let mut found = Vec::new();
    if let Some(tree) = it.use_tree() {
        flatten(&tree, "", &mut found);
    }
    let item = |(path, name, at): (String, Option<String>, Range<usize>)| {
        let root = path.trim_start_matches("::").split("::").next().unwrap_or_default().trim();
        // `self::` and `crate::` refer to the cell's own module.
        let local = path.split("::").map(str::trim).find(|part| !matches!(*part, "self" | "crate" | ""));
        let root = if matches!(root, "self" | "crate") { local.unwrap_or_default() } else { root };
        let root = unraw(root.split_whitespace().next().unwrap_or_default()).to_owned();
        let words = Words::from([root.clone()]);
        let path = format!("{visibility}use {path};");
        let names = name.into_iter().collect();
        Item { kind: Kind::Use { path, root }, range: at, names, words, statics: Vec::new() }
    };
    found.into_iter().map(item).collect()
}

fn flatten(tree: &ast::UseTree, prefix: &str, found: &mut Vec<(String, Option<String>, Range<usize>)>) {
    let own = tree.path().map(|path| path.syntax().text().to_string()).unwrap_or_default();
    let own = if tree.coloncolon_token().is_some() && tree.path().is_none() { String::new() } else { own };
    let path = match (prefix, own.as_str()) {
        ("", _) => own.clone(),
        (_, "") => prefix.to_owned(),
        (_, "self") => format!("{prefix}::self"),
        _ => format!("{prefix}::{own}"),
    };
    if let Some(list) = tree.use_tree_list() {
        return list.use_trees().for_each(|tree| flatten(&tree, &path, found));
    }
    let at = range(tree.syntax());
    if tree.star_token().is_some() {
        let path = if path.is_empty() { "*".to_owned() } else { format!("{path}::*") };
        return found.push((path, None, at));
    }
    // `use a::{self}` is `use a`, which is not the same outside of braces.
    let (path, braces) = match path.strip_suffix("::self") {
        Some(parent) => (format!("{parent}::{{self"), "}"),
        None => (path, ""),
    };
    if let Some(rename) = tree.rename() {
        let name = rename.name().map(|name| unraw(name.text()).to_owned());
        let text = name.clone().unwrap_or_else(|| "_".to_owned());
        return found.push((format!("{path} as {text}{braces}"), name, at));
    }
    let last = path.trim_end_matches("::{self").rsplit("::").next().unwrap_or_default();
    found.push((format!("{path}{braces}"), Some(unraw(last.trim()).to_owned()), at));
}

/// Whether the expansion of a macro is an item, by the first significant token of its first rule.
fn makes_items(it: &ast::MacroRules) -> bool {
    let Some(rules) = it.token_tree() else { return false };
    let transcriber = rules.syntax().children().filter_map(ast::TokenTree::cast).nth(1);
    let text = transcriber.map(|tree| tree.syntax().text().to_string()).unwrap_or_default();
    let mut rest = text[text.len().min(1)..].trim_start();
    loop {
        // Attributes, repetitions and visibility come before the keyword.
        let before = rest;
        rest = rest.strip_prefix("$(").unwrap_or(rest).trim_start();
        rest = rest
            .strip_prefix("pub")
            .filter(|r| r.starts_with(char::is_whitespace))
            .unwrap_or(rest)
            .trim_start();
        if rest.starts_with("#[") || rest.starts_with("#$") {
            rest = rest.split_once(']').map_or("", |(_, rest)| rest).trim_start();
        }
        if rest == before {
            break;
        }
    }
    let word: String = rest.chars().take_while(|&c| is_ident_start(c)).collect();
    let next = rest[word.len()..].trim_start();
    match word.as_str() {
        "struct" | "enum" | "union" | "trait" | "impl" | "mod" | "fn" | "type" | "use" | "static"
        | "macro_rules" => word != "union" || next.starts_with(is_ident_start),
        "const" | "unsafe" | "async" => !next.starts_with('{') && !next.starts_with("move"),
        "thread_local" => true,
        _ => false,
    }
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

fn item_of_call(node: &SyntaxNode, call: &ast::MacroCall, macros: &dyn Macros) -> Option<Item> {
    let path = call.path()?.syntax().text().to_string();
    let name = unraw(path.rsplit("::").next()?.trim()).to_owned();
    let words = words_of(node);
    if name == "thread_local" {
        let statics = thread_locals(call);
        let names = statics.iter().map(|it| it.name.clone()).collect();
        return Some(Item { kind: Kind::Static, range: range(node), names, words, statics });
    }
    if !macros.makes_items(&name) && name != "lazy_static" {
        return None;
    }
    let names = words_of(call.token_tree()?.syntax()).into_iter().collect();
    Some(Item { kind: Kind::MacroCall { name }, range: range(node), names, words, statics: Vec::new() })
}

/// The statics in an item, at any depth.
fn statics(node: &SyntaxNode) -> Vec<Static> {
    let mut found = Vec::new();
    for inner in node.descendants() {
        if let Some(it) = ast::Static::cast(inner.clone()) {
            let in_extern_block = inner.ancestors().any(|a| ast::ExternBlock::can_cast(a.kind()));
            let (Some(name), Some(ty), false) = (it.name(), it.ty(), in_extern_block) else { continue };
            found.push(Static {
                range: range(it.syntax()),
                name: name.text().to_string(),
                visibility: it.visibility().map(|v| v.syntax().text().to_string()).unwrap_or_default(),
                is_mut: it.mut_token().is_some(),
                r#type: range(ty.syntax()),
                is_thread_local: false,
            });
        } else if let Some(call) = ast::MacroCall::cast(inner) {
            found.extend(thread_locals(&call));
        }
    }
    found
}

/// The variables of a `thread_local!`: `static NAME: Type = ...`, separated by semicolons.
fn thread_locals(call: &ast::MacroCall) -> Vec<Static> {
    let is_thread_local = call.path().is_some_and(|path| {
        path.syntax().text().to_string().rsplit("::").next().is_some_and(|last| last.trim() == "thread_local")
    });
    let (true, Some(tree)) = (is_thread_local, call.token_tree()) else { return Vec::new() };
    // A statement or an item of its own, with its semicolon.
    let whole = call.syntax().ancestors().skip(1).find(|a| a.kind() == SyntaxKind::EXPR_STMT);
    let whole = whole.filter(|it| it.text_range().start() == call.syntax().text_range().start());
    let whole = range(whole.as_ref().unwrap_or(call.syntax()));
    let mut found = Vec::new();
    let mut all =
        tokens(tree.syntax()).filter(|t| !matches!(t.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT));
    let mut visibility = String::new();
    while let Some(token) = all.next() {
        if token.kind() == T![pub] {
            visibility = "pub".to_owned();
        }
        if token.kind() != T![static] {
            continue;
        }
        let (Some(name), Some(_colon)) = (all.next(), all.next()) else { break };
        let mut end = None;
        let mut start = None;
        let mut depth = 0_i32;
        for token in all.by_ref() {
            match token.kind() {
                T![<] | T!['('] | T!['['] => depth += 1,
                T![>] | T![')'] | T![']'] => depth -= 1,
                T![=] if depth <= 0 => break,
                _ => {}
            }
            start.get_or_insert(token.text_range().start());
            end = Some(token.text_range().end());
        }
        let (Some(start), Some(end)) = (start, end) else { break };
        found.push(Static {
            range: whole.clone(),
            name: name.text().to_owned(),
            visibility: std::mem::take(&mut visibility),
            is_mut: false,
            r#type: shifted(ra_ap_syntax::TextRange::new(start, end)),
            is_thread_local: true,
        });
        // The initial value ends at a semicolon outside of its own braces.
        let mut depth = 0_i32;
        for token in all.by_ref() {
            match token.kind() {
                T!['{'] | T!['('] | T!['['] => depth += 1,
                T!['}'] | T![')'] | T![']'] => depth -= 1,
                T![;] if depth == 0 => break,
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

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
                Kind::Use { path, root } => format!("{path} {root} {}", item.names.join(",")),
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
            Kind::TraitImpl { header, .. } => header,
            Kind::InherentImpl { self_type, .. } => self_type,
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
        let makes = |cell: &str| matches!(parsed(cell).items[0].kind, Kind::Macro { makes_items: true });
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
