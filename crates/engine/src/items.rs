//! The items of a cell: their kinds, their names, and the statics in them.

use std::ops::Range;

use ra_ap_syntax::ast::{self, AstNode, HasName, HasVisibility};
use ra_ap_syntax::{SyntaxKind, SyntaxNode, T, TextRange};

use crate::words::{Words, is_ident_start, range, shifted, tokens, unraw, words_of};

/// An item of a cell.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: ItemKind,
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
pub(crate) enum ItemKind {
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

/// The properties of macros that the parser needs from the ledger.
pub(crate) trait Macros {
    /// Whether the expansion of a macro is an item.
    fn makes_items(&self, name: &str) -> bool;
    /// Whether the expansion of a macro may bind variables.
    fn binds(&self, name: &str) -> bool;
}

/// The items that one item of the syntax is: each import of a `use` is one. `None` for a call of a macro.
pub(crate) fn item_of(item: &ast::Item) -> Option<Vec<Item>> {
    let node = item.syntax();
    let name = |name: Option<ast::Name>| {
        name.map(|name| unraw(name.text()).to_owned()).into_iter().collect::<Vec<_>>()
    };
    let (kind, names) = match item {
        ast::Item::Use(it) => return Some(imports(it)),
        ast::Item::MacroCall(_) => return None,
        ast::Item::MacroRules(it) => (ItemKind::Macro { makes_items: makes_items(it) }, name(it.name())),
        ast::Item::MacroDef(it) => (ItemKind::Macro { makes_items: false }, name(it.name())),
        ast::Item::Struct(it) => (ItemKind::Type, name(it.name())),
        ast::Item::Enum(it) => (ItemKind::Type, name(it.name())),
        ast::Item::Union(it) => (ItemKind::Type, name(it.name())),
        ast::Item::TypeAlias(it) => (ItemKind::Type, name(it.name())),
        ast::Item::Trait(it) => {
            let members = it.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
            let members = members.filter_map(|member| member_name(&member)).collect();
            (ItemKind::Trait { members }, name(it.name()))
        }
        ast::Item::Module(it) => (ItemKind::Module, name(it.name())),
        ast::Item::Fn(it) => (ItemKind::Function, name(it.name())),
        ast::Item::Const(it) => (ItemKind::Const, name(it.name())),
        ast::Item::Static(it) => (ItemKind::Static, name(it.name())),
        ast::Item::Impl(it) => (impl_of(it), Vec::new()),
        ast::Item::ExternCrate(it) => {
            let renamed = it.rename().and_then(|rename| rename.name()).map(|name| name.text().to_string());
            let own = it.name_ref().map(|name| name.text().to_string());
            (ItemKind::Other, renamed.or(own).into_iter().collect())
        }
        ast::Item::ExternBlock(it) => {
            let names = it.syntax().descendants().filter_map(ast::Name::cast);
            (ItemKind::Other, names.map(|name| name.text().to_string()).collect())
        }
        _ => (ItemKind::Other, Vec::new()),
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

fn impl_of(it: &ast::Impl) -> ItemKind {
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
            ItemKind::TraitImpl { header, header_words: header_words(&[of_trait.syntax(), &self_ty]), types }
        }
        (_, Some(self_ty)) => {
            let members = it.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
            let members = members.filter_map(|m| Some((member_name(&m)?, range(m.syntax())))).collect();
            ItemKind::InherentImpl {
                self_type: normal(&self_ty),
                header_words: header_words(&[&self_ty]),
                members,
            }
        }
        _ => ItemKind::Other,
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
        Item { kind: ItemKind::Use { path, root }, range: at, names, words, statics: Vec::new() }
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

/// The item that a call of a macro expands to. `None` if it expands to statements.
pub(crate) fn item_of_call(node: &SyntaxNode, call: &ast::MacroCall, macros: &dyn Macros) -> Option<Item> {
    let path = call.path()?.syntax().text().to_string();
    let name = unraw(path.rsplit("::").next()?.trim()).to_owned();
    let words = words_of(node);
    if name == "thread_local" {
        let statics = thread_locals(call);
        let names = statics.iter().map(|it| it.name.clone()).collect();
        return Some(Item { kind: ItemKind::Static, range: range(node), names, words, statics });
    }
    if !macros.makes_items(&name) && name != "lazy_static" {
        return None;
    }
    let names = words_of(call.token_tree()?.syntax()).into_iter().collect();
    Some(Item { kind: ItemKind::MacroCall { name }, range: range(node), names, words, statics: Vec::new() })
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
            r#type: shifted(TextRange::new(start, end)),
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
