//! The types of variables, from rustc's own warnings.

use std::collections::BTreeMap;

use crate::generate::{Crate, Mark};
use crate::rustc::Message;

/// The type of a new variable, as far as a later cell can write it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// The type itself.
    Exact(String),
    /// A type that the variable can be stored as: a pointer for a function's own type, `()` for a type that
    /// the cell leaves open.
    StoredAs(String),
    /// No later cell can write it.
    Opaque(String),
}

/// The types of the variables that a crate stores, by name, from the warnings that dropping a reference has
/// no effect.
pub(crate) fn warned(messages: &[Message], code: &Crate, externs: &[String]) -> BTreeMap<String, Type> {
    let warnings = messages.iter().filter(|message| message.has_code("dropping_references"));
    let labels = warnings.flat_map(|warning| &warning.spans).filter_map(|span| {
        let Some(Mark::Put(name)) = code.mark(&span.range()) else { return None };
        let ty = span.label.as_deref()?.strip_prefix("argument has type `&")?.strip_suffix('`')?;
        Some((name.clone(), read(ty, externs)))
    });
    labels.collect()
}

fn read(ty: &str, externs: &[String]) -> Type {
    let ty = ty.replace("{integer}", "i32").replace("{float}", "f64");
    // The type of a function: `fn(i32) -> i32 {double}`.
    if ty.ends_with('}')
        && let Some(at) = ty.find(" {")
        && ty[..at].trim_start_matches("unsafe ").contains("fn(")
        && !ty[..at].contains('{')
        && !ty[at..].contains("{closure")
    {
        return Type::StoredAs(written(&ty[..at], externs));
    }
    let mut words = ty.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'');
    if ty.contains('{') || words.clone().any(|word| word == "impl") {
        return Type::Opaque(ty);
    }
    let is_never = |at: usize| !ty[..at].ends_with("-> ");
    match words.any(|word| word == "_") || ty.match_indices('!').any(|(at, _)| is_never(at)) {
        true => Type::StoredAs(written(&undecided(&ty), externs)),
        false => Type::Exact(written(&ty, externs)),
    }
}

/// A type with `()` in place of the parts that the cell leaves open, `_`. rustc infers `!` for them, which
/// stable code can write only as a return type.
fn undecided(ty: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(|c| c == '_' || c.is_alphanumeric() || c == '\'');
    let mut text = String::new();
    for (at, c) in ty.char_indices() {
        let (before, after) = (ty[..at].chars().next_back(), ty[at + c.len_utf8()..].chars().next());
        let is_never = c == '!' && !ty[..at].ends_with("-> ");
        match is_never || c == '_' && !is_part(before) && !is_part(after) {
            true => text += "()",
            false => text.push(c),
        }
    }
    text
}

/// A type as code: with the lifetimes that rustc omits in messages. A variable that outlives its cell has the
/// lifetime `'static`; the lifetimes that a `for<..>` binds are named.
fn written(ty: &str, externs: &[String]) -> String {
    let mut text = String::new();
    let mut rest = ty;
    while let Some(at) = rest.find('&') {
        text += &rest[..=at];
        rest = &rest[at + 1..];
        if !rest.starts_with('\'') {
            text += "'static ";
        }
        let (lifetime, pointee) = match rest.strip_prefix('\'').and_then(|named| named.split_once(' ')) {
            Some((name, pointee)) => (format!("'{name} "), pointee),
            None => (String::new(), rest),
        };
        let (mutable, pointee) = match pointee.strip_prefix("mut ") {
            Some(pointee) => ("mut ", pointee),
            None => ("", pointee),
        };
        text += &lifetime;
        text += mutable;
        rest = pointee;
        if pointee.starts_with("dyn ") {
            let end = end_of_bounds(pointee);
            if pointee[..end].contains(" + ") {
                text += &format!("({})", written(&pointee[..end], &[]));
                rest = &pointee[end..];
            }
        }
    }
    text += rest;
    absolute(&text.replace("'_", "'static"), externs)
}

/// The end of `dyn A<B> + C` in a longer type.
fn end_of_bounds(ty: &str) -> usize {
    let mut depth = 0_i32;
    let mut last = ' ';
    for (at, c) in ty.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if last == '-' => {}
            '>' | ')' | ']' if depth == 0 => return at,
            '>' | ')' | ']' => depth -= 1,
            ',' | ';' if depth == 0 => return at,
            _ => {}
        }
        last = c;
    }
    ty.len()
}

/// A type whose paths into other crates begin with `::`, so that no item of a cell can shadow them.
fn absolute(ty: &str, externs: &[String]) -> String {
    let mut text = String::new();
    let mut rest = ty;
    while let Some(start) = rest.find(|c: char| c == '_' || c.is_alphabetic()) {
        let (before, word_on) = rest.split_at(start);
        let end = word_on.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at(end);
        text += before;
        let begins = !text.ends_with("::") && !text.ends_with('\'') && after.starts_with("::");
        let is_extern = matches!(word, "std" | "core" | "alloc") || externs.iter().any(|name| name == word);
        if begins && is_extern {
            text += "::";
        }
        text += word;
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_into_other_crates_are_absolute() {
        let ty = "std::collections::HashMap<std::string::String, &'static (dyn std::fmt::Debug + 'std)>";
        let expected =
            "::std::collections::HashMap<::std::string::String, &'static (dyn ::std::fmt::Debug + 'std)>";
        assert_eq!(absolute(ty, &[]), expected);
        assert_eq!(absolute("shapes::std::X", &[]), "shapes::std::X");
        assert_eq!(absolute("rayon::Scope<'a>", &["rayon".into()]), "::rayon::Scope<'a>");
    }

    #[test]
    fn types_are_read_as_later_cells_can_write_them() {
        let read = |ty: &str| read(ty, &[]);
        assert_eq!(
            read("std::vec::Vec<({integer}, {float})>"),
            Type::Exact("::std::vec::Vec<(i32, f64)>".into())
        );
        assert_eq!(read("fn(i32) -> i32 {double}"), Type::StoredAs("fn(i32) -> i32".into()));
        assert_eq!(
            read("for<'a> fn(&'a str) -> u8 {core::str::<impl str>::parse::<u8>}"),
            Type::StoredAs("for<'a> fn(&'a str) -> u8".into())
        );
        assert_eq!(
            read("std::thread::JoinHandle<_>"),
            Type::StoredAs("::std::thread::JoinHandle<()>".into())
        );
        assert_eq!(
            read("std::thread::JoinHandle<!>"),
            Type::StoredAs("::std::thread::JoinHandle<()>".into())
        );
        assert_eq!(read("fn(u8) -> !"), Type::Exact("fn(u8) -> !".into()));
        assert!(matches!(read("{closure@1.rs:1:1: 1:3}"), Type::Opaque(_)));
        assert!(matches!(read("std::vec::Vec<impl std::iter::Iterator<Item = u8>>"), Type::Opaque(_)));
        assert_eq!(read("implicit::Type_<_x>"), Type::Exact("implicit::Type_<_x>".into()));
    }

    #[test]
    fn lifetimes_that_rustc_erases_are_static() {
        let exact = |ty: &str, expected: &str| assert_eq!(read(ty, &[]), Type::Exact(expected.into()));
        exact("fn() -> &str", "fn() -> &'static str");
        exact("for<'a> fn(&str, &'a mut str)", "for<'a> fn(&'static str, &'a mut str)");
        exact("std::str::Split<'_, char>", "::std::str::Split<'static, char>");
        exact("&mut [i32]", "&'static mut [i32]");
        exact("(&dyn std::fmt::Debug + Sync, u8)", "(&'static (dyn ::std::fmt::Debug + Sync), u8)");
        exact("&dyn Fn(&str) -> u8", "&'static dyn Fn(&'static str) -> u8");
    }
}
