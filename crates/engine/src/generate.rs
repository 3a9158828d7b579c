//! The crate that a cell is compiled as.
//!
//! It contains the items that the cell reaches, macros first, and one function with the cell's statements.
//! Its names depend on its content alone: it contains no counter, address or path of the session.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::entry::LedgerEntry;
use crate::explore::{Exploring, SHADOWS};
use crate::items::{ItemKind, Static};
use crate::ledger::Ledger;
use crate::source::{Fragment, Generated, Source};
use crate::syntax::Syntax;
use crate::type_reach::words_of_type;
use crate::variable::Variable;

/// Lints that are mistakes in a program but not in a cell, whose items are used by later cells, and whose functions may
/// be exercises that only say `todo!()`.
const ALLOWED: &str = "#![allow(dead_code, unused_imports, unused_macros, unused_mut, unused_variables, \
                       unused_assignments, unreachable_code, improper_ctypes, non_local_definitions, \
                       private_interfaces)]\n";

/// The variables of the session, in the generated function.
const SESSION: &str = "__threadbook";

/// The purpose of a range of the engine's own code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mark {
    /// Loads a variable.
    Take(String),
    /// Stores a new variable.
    Put(String),
    /// Stores a new variable before the `return` of this index.
    PutEarly(usize, String),
    /// Stores a variable again that the cell had loaded.
    PutBack(String),
    /// Shows the last expression.
    Show,
}

/// How a cell is compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The variables that it loads.
    pub(crate) takes: Vec<String>,
    /// The variables that an earlier cell has moved and to which this cell assigns a new value.
    pub(crate) declares: Vec<(String, Variable)>,
    /// The loaded variables that it still owns at its end.
    pub(crate) puts_back: Vec<(String, PutBack)>,
    /// The variables that it leaves.
    pub(crate) puts: Vec<String>,
    /// The types that some variables are stored as, if they differ from rustc's inference.
    pub(crate) stored_as: BTreeMap<String, String>,
    /// The variables that it leaves at each `return`.
    pub(crate) returns: Vec<Vec<String>>,
    /// Whether `?` accepts errors that are only text.
    pub(crate) takes_any_error: bool,
}

/// The point at which a loaded variable is stored again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PutBack {
    /// After the statements, at every kind of end.
    Always,
    /// After the last statement: the cell moves it, and assigns a new value.
    AtEnd,
}

/// The form of the function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// For execution: a panic or `?` within the statements loses no variable.
    Run,
    /// An ordinary function body, with the usual errors.
    Body,
}

/// Generated code, with marks for the engine's own parts.
pub(crate) struct Crate {
    pub(crate) code: Generated,
    pub(crate) marks: Vec<(Range<usize>, Mark)>,
    /// The entries whose statics this crate defines.
    pub(crate) defines: Vec<usize>,
}

impl Crate {
    fn push_marked(&mut self, text: &str, mark: Mark) {
        let start = self.code.text.len();
        self.code.push(text);
        self.marks.push((start..self.code.text.len(), mark));
    }

    /// The mark around a range.
    pub(crate) fn mark(&self, range: &Range<usize>) -> Option<&Mark> {
        self.marks
            .iter()
            .find(|(marked, _)| marked.start <= range.start && range.end <= marked.end)
            .map(|(_, mark)| mark)
    }
}

/// Generates the crate of a cell.
pub(crate) fn generate(
    prelude: &str,
    ledger: &Ledger,
    source: &Arc<Source>,
    syntax: &Syntax,
    plan: &Plan,
    form: Form,
    explored: Option<&Exploring>,
) -> Crate {
    let mut out = Crate { code: Generated::default(), marks: Vec::new(), defines: Vec::new() };
    head(&mut out, prelude, source, syntax);
    if explored.is_some() {
        out.code.push(SHADOWS);
    }
    let types = plan
        .takes
        .iter()
        .map(|name| &ledger.variables[name])
        .chain(plan.declares.iter().map(|(_, variable)| variable));
    let types: Vec<_> = types.map(|variable| variable.r#type.as_str()).collect();
    items(&mut out, ledger, source, syntax, &types, explored.is_some());
    function(&mut out, ledger, source, syntax, plan, form, explored);
    if explored.is_some() {
        lines(&mut out);
    }
    out
}

/// Generates the crate that checks the items of a cell without statements.
pub(crate) fn generate_items(prelude: &str, ledger: &Ledger, source: &Arc<Source>, syntax: &Syntax) -> Crate {
    let mut out = Crate { code: Generated::default(), marks: Vec::new(), defines: Vec::new() };
    head(&mut out, prelude, source, syntax);
    items(&mut out, ledger, source, syntax, &[], false);
    out
}

fn head(out: &mut Crate, prelude: &str, source: &Arc<Source>, syntax: &Syntax) {
    out.code.push(ALLOWED);
    for range in &syntax.attributes {
        out.code.push_fragment(Fragment { source: source.clone(), range: range.clone() });
        out.code.push("\n");
    }
    out.code.push(prelude);
}

/// The items that the cell reaches: its own, and those that its statements and its variables name.
fn items(
    out: &mut Crate,
    ledger: &Ledger,
    source: &Arc<Source>,
    syntax: &Syntax,
    types: &[&str],
    is_explored: bool,
) {
    let mut words = syntax.words.clone();
    let is_own = |entry: &LedgerEntry| Arc::ptr_eq(&entry.code.source, source);
    for entry in ledger.entries().iter().filter(|entry| is_own(entry)) {
        words.extend(entry.words.iter().cloned());
        words.extend(entry.names.iter().cloned());
    }
    words.extend(types.iter().flat_map(|ty| words_of_type(ty)));
    let mut reached = ledger.reach(&words);
    let own = (0..ledger.entries().len()).filter(|&index| is_own(&ledger.entries()[index]));
    reached.extend(own);
    reached.sort_unstable();
    reached.dedup();
    let is_macro = |index: &usize| matches!(ledger.entries()[*index].kind, ItemKind::Macro { .. });
    let (macros, others): (Vec<_>, Vec<_>) = reached.into_iter().partition(is_macro);
    for index in macros.into_iter().chain(others) {
        let entry = &ledger.entries()[index];
        if !entry.statics.is_empty() && !entry.is_instantiated && !is_explored {
            out.defines.push(index);
        }
        item(out, entry, is_explored);
        out.code.push("\n");
    }
}

/// An item, with its statics defined here, or imported from an earlier object. The statics of an explored cell are
/// its own, and are initialised again in each schedule.
fn item(out: &mut Crate, entry: &LedgerEntry, is_explored: bool) {
    if let ItemKind::Use { path, .. } = &entry.kind {
        return out.code.push_for(path, entry.code.clone());
    }
    let Range { start, end } = entry.code.range.clone();
    let fragment = |range| Fragment { source: entry.code.source.clone(), range };
    // The edits in order: the ranges to replace, and the new texts.
    let mut edits: Vec<(Range<usize>, String)> =
        entry.removed.iter().map(|range| (range.clone(), String::new())).collect();
    let mut index = 0;
    while let Some(first) = entry.statics.get(index) {
        // The variables of one `thread_local!` are one edit.
        let together: Vec<_> =
            entry.statics[index..].iter().take_while(|other| other.range == first.range).collect();
        let count = together.len();
        let names: Vec<_> = together.iter().enumerate().map(|(n, it)| symbol(entry, index + n, it)).collect();
        let range = first.range.clone();
        if is_explored {
            // The macro is the explored one.
            if !first.is_thread_local {
                edits.push((range, explored_static(entry, first)));
            }
        } else if entry.is_instantiated {
            let parts: Vec<_> =
                together.iter().zip(&names).map(|(it, symbol)| import(entry, it, symbol)).collect();
            edits.push((range, parts.join(" ")));
        } else if first.is_thread_local {
            let parts: Vec<_> =
                together.iter().zip(&names).map(|(it, symbol)| export_local(entry, it, symbol)).collect();
            edits.push((range.end..range.end, format!(" {}", parts.join(" "))));
        } else {
            edits.push((range.start..range.start, format!("#[unsafe(export_name = \"{}\")] ", names[0])));
        }
        index += count;
    }
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut at = start;
    for (range, text) in edits {
        if range.start < at {
            continue; // within a method that was replaced
        }
        out.code.push_fragment(fragment(at..range.start));
        if !text.is_empty() {
            match range.is_empty() {
                true => out.code.push(&text),
                false => out.code.push_for(&text, fragment(range.clone())),
            }
        }
        at = range.end;
    }
    out.code.push_fragment(fragment(at..end));
    if matches!(entry.kind, ItemKind::MacroCall { .. }) && !entry.code.text().trim_end().ends_with([';', '}'])
    {
        out.code.push(";");
    }
    if entry.kind == ItemKind::Static
        && entry.statics.iter().any(|it| it.is_thread_local)
        && !entry.is_instantiated
    {
        // Without braces, the call is an item only with its semicolon.
        let text = entry.code.text().trim_end();
        if !text.ends_with([';', '}']) {
            out.code.push(";");
        }
    }
}

/// The symbol of a static, which differs for other code, and for the same code defined again.
fn symbol(entry: &LedgerEntry, index: usize, it: &Static) -> String {
    format!("threadbook_{:016x}_{}_{index}_{}", entry.hash, entry.occurrence, crate::source::hash(&it.name))
}

fn type_of<'a>(entry: &'a LedgerEntry, it: &Static) -> &'a str {
    &entry.code.source.text[it.r#type.clone()]
}

/// A static whose value is made anew in each schedule.
fn explored_static(entry: &LedgerEntry, it: &Static) -> String {
    let (visibility, name, ty) = (&it.visibility, &it.name, type_of(entry, it));
    let text = &entry.code.source.text;
    let value = text[it.r#type.end..it.range.end].trim().trim_end_matches(';').trim_start_matches('=');
    format!(
        "{visibility} static {name}: ::threadbook::explore::Static<{ty}> = \
         ::threadbook::explore::Static::new(|| {value});"
    )
}

/// The import of an earlier object's static, under its own name.
fn import(entry: &LedgerEntry, it: &Static, symbol: &str) -> String {
    let (visibility, name, ty) = (&it.visibility, &it.name, type_of(entry, it));
    let (safety, ty) = match (it.is_mut, it.is_thread_local) {
        (true, _) => ("static mut", ty.to_owned()),
        (_, true) => ("safe static", format!("&'static ::std::thread::LocalKey<{ty}>")),
        _ => ("safe static", ty.to_owned()),
    };
    format!("unsafe extern \"Rust\" {{ #[link_name = \"{symbol}\"] {visibility} {safety} {name}: {ty}; }}")
}

/// A static that exports a thread-local variable to later objects.
fn export_local(entry: &LedgerEntry, it: &Static, symbol: &str) -> String {
    let (name, ty) = (&it.name, type_of(entry, it));
    format!(
        "const _: () = {{ #[unsafe(export_name = \"{symbol}\")] \
         static EXPORTED: &'static ::std::thread::LocalKey<{ty}> = &{name}; }};"
    )
}

fn function(
    out: &mut Crate,
    ledger: &Ledger,
    source: &Arc<Source>,
    syntax: &Syntax,
    plan: &Plan,
    form: Form,
    explored: Option<&Exploring>,
) {
    let error = if plan.takes_any_error { "AnyError" } else { "Error" };
    let result = format!("::std::result::Result<(), ::threadbook::cell::{error}>");
    let (outcome, done) = match syntax.returns[..] {
        [_, ..] => ("()".to_owned(), "()"),
        [] => (result, "::std::result::Result::Ok(())"),
    };
    // Those of an explored cell end a schedule, and not the cell.
    let has_returns = !syntax.returns.is_empty() && explored.is_none();
    let returned = if form == Form::Run { "::threadbook::cell::End" } else { &outcome };
    let (entry_point, r#async) = match form {
        Form::Run => ("#[unsafe(export_name = \"threadbook_cell\")]\n", ""),
        Form::Body if syntax.awaits => ("", "async "),
        Form::Body => ("", ""),
    };
    // The name distinguishes closures of different cells, whose types otherwise have equal `TypeId`s.
    let name = crate::source::hash(&source.text);
    out.code.push(&format!(
        "{entry_point}{async}fn cell_{name:016x}({SESSION}: &mut ::threadbook::cell::Variables) -> {returned} {{\n"
    ));
    for name in &plan.takes {
        let variable = &ledger.variables[name];
        let (raw, mutable) = (raw(name), if variable.is_mut { "mut " } else { "" });
        let text = format!("let {mutable}{raw}: {} = {SESSION}.take({name:?}); ", variable.r#type);
        out.push_marked(&text, Mark::Take(name.clone()));
    }
    if form == Form::Run {
        if has_returns {
            out.code.push("let mut __threadbook_returned = ::std::option::Option::None;\n");
        }
        out.code.push(match syntax.awaits {
            true => "let __threadbook_end = ::threadbook::cell::run_async(async {\n",
            false => "let __threadbook_end = ::threadbook::cell::run(|| -> ",
        });
        if !syntax.awaits {
            out.code.push(&format!("{outcome} {{\n"));
        }
    }
    // A closure cannot initialise a captured variable, so these are declared inside.
    for (name, variable) in &plan.declares {
        let mutable = if variable.is_mut { "mut " } else { "" };
        out.push_marked(
            &format!("let {mutable}{}: {}; ", raw(name), variable.r#type),
            Mark::Take(name.clone()),
        );
    }
    match explored {
        Some(limits) => {
            let explorer = limits.explorer();
            out.code.push(&format!(
                "::threadbook::explored({explorer}, __THREADBOOK_LINES, || -> {outcome} {{\n"
            ));
            statements(out, source, syntax, plan, Form::Body, true);
            out.code.push(&format!("{done}\n}});\n"));
        }
        None => statements(out, source, syntax, plan, form, false),
    }
    match form {
        Form::Run => {
            for name in &plan.puts {
                out.push_marked(&put(plan, name), Mark::Put(name.clone()));
            }
            for (name, _) in plan.puts_back.iter().filter(|(_, when)| *when == PutBack::AtEnd) {
                put_back(out, name);
            }
            let typed = if syntax.awaits {
                format!("let done: {outcome} = {done}; done\n}});\n")
            } else {
                format!("{done}\n}});\n")
            };
            out.code.push(&typed);
            for (name, _) in plan.puts_back.iter().filter(|(_, when)| *when == PutBack::Always) {
                put_back(out, name);
            }
            out.code.push(match has_returns {
                false => "__threadbook_end\n}\n",
                true => "__threadbook_end.or_returned(__threadbook_returned)\n}\n",
            });
        }
        Form::Body => out.code.push(&format!("{done}\n}}\n")),
    }
}

/// The lines of the cells in this crate, for the drawing of a schedule.
fn lines(out: &mut Crate) {
    let lines: String = out
        .code
        .texts()
        .into_iter()
        .map(|(line, text)| format!("::threadbook::explore::Line {{ generated: {line}, text: {text:?} }},\n"))
        .collect();
    out.code.push(&format!("const __THREADBOOK_LINES: &[::threadbook::explore::Line] = &[\n{lines}];\n"));
}

/// Stores a new variable. rustc's warning that dropping the reference does nothing contains the variable's
/// type, even in a cell that allows or denies such warnings.
fn put(plan: &Plan, name: &str) -> String {
    let variable = raw(name);
    match plan.stored_as.get(name) {
        Some(ty) => format!("{SESSION}.put::<{ty}>({name:?}, {variable});\n"),
        None => format!(
            "#[warn(warnings, dropping_references)] ::std::mem::drop(&{variable}); {SESSION}.put({name:?}, {variable});\n"
        ),
    }
}

fn put_back(out: &mut Crate, name: &str) {
    out.push_marked(
        &format!("{SESSION}.put_back({name:?}, {});\n", raw(name)),
        Mark::PutBack(name.to_owned()),
    );
}

/// The statements: the cell without its items.
/// The value of the last expression is shown, or, in an explored cell, dropped.
fn statements(
    out: &mut Crate,
    source: &Arc<Source>,
    syntax: &Syntax,
    plan: &Plan,
    form: Form,
    is_explored: bool,
) {
    let length = source.text.len();
    let tail = syntax.tail.clone().unwrap_or(length..length);
    let shows = form == Form::Run && syntax.tail.is_some();
    run_of_statements(out, source, syntax, plan, form, 0..tail.start);
    if shows {
        out.code.push("(");
    } else if is_explored && syntax.tail.is_some() {
        out.code.push("let _ = ");
    }
    run_of_statements(out, source, syntax, plan, form, tail.clone());
    if shows {
        out.push_marked(").evcxr_display();", Mark::Show);
    } else if syntax.tail.is_some() {
        out.code.push(";");
    }
    run_of_statements(out, source, syntax, plan, form, tail.end..length);
    out.code.push("\n");
}

/// A part of the statements, without items, and with the stores before each `return`.
fn run_of_statements(
    out: &mut Crate,
    source: &Arc<Source>,
    syntax: &Syntax,
    plan: &Plan,
    form: Form,
    range: Range<usize>,
) {
    let fragment = |range| Fragment { source: source.clone(), range };
    let removed = syntax.removed.iter().map(|removed| (removed.clone(), None));
    let returns = syntax.returns.iter().enumerate().map(|(index, range)| (range.clone(), Some(index)));
    let mut edits: Vec<_> = removed.chain(returns.filter(|_| form == Form::Run)).collect();
    edits.sort_by_key(|(edit, _)| (edit.start, edit.end));
    let mut at = range.start;
    for (edit, returned) in
        edits.into_iter().filter(|(edit, _)| range.start <= edit.start && edit.end <= range.end)
    {
        if edit.start < at {
            continue;
        }
        out.code.push_fragment(fragment(at..edit.start));
        if let Some(index) = returned {
            out.code.push("{ ");
            for name in &plan.returns[index] {
                out.push_marked(&put(plan, name), Mark::PutEarly(index, name.clone()));
            }
            out.code.push(&format!("__threadbook_returned = ::std::option::Option::Some({index}); "));
            out.code.push_fragment(fragment(edit.clone()));
            out.code.push(" }");
        }
        at = edit.end;
    }
    out.code.push_fragment(fragment(at..range.end));
}

/// An identifier in source form: `r#type`.
pub(crate) fn raw(name: &str) -> String {
    const KEYWORDS: [&str; 46] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
        "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
        "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
        "struct", "trait", "true", "try", "type", "typeof", "unsafe", "use", "virtual", "where", "yield",
    ];
    if KEYWORDS.contains(&name) || name == "while" { format!("r#{name}") } else { name.to_owned() }
}
