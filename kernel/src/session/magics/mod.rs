//! Magics: the parts of a cell that are not Rust, as in IPython.
//!
//! [`translate`] turns a cell into Rust alone (and commands of the engine), with every line in its place, and
//! returns the pages to show beside it. The Rust calls the companion's module `magics`. [`lines`] finds the lines that
//! are magics; [`table`] describes all of them.

mod lines;
mod table;

pub use table::{Misuse, help};

use super::edits::{EditMap, Edits};
use super::last_expression::last_expression;
use lines::{Kind, Magic, end_of_rust, find, name};
use std::borrow::Cow;
use std::ops::Range;
use threadbook_engine::Exploring;

/// A cell in Rust.
#[derive(Default)]
pub struct Translated<'a> {
    pub code: Cow<'a, str>,
    /// The edits, in steps.
    pub steps: Vec<EditMap>,
    pub pages: Vec<HelpPage>,
    /// The limits, if the cell is to be run under every schedule.
    pub explored: Option<Exploring>,
}

/// The ranges of a cell's magics, if none of its `!words` is a variable. The text below a cell magic that is not
/// about Rust belongs to it.
pub fn places(cell: &str) -> Vec<Range<usize>> {
    let rust_below = |name: &str| RUST_BELOW.contains(&name);
    let mut places = find(cell, rust_below, |_| false);
    if let Some(last) = places.last_mut()
        && last.kind == Kind::Cell
        && !rust_below(name(&cell[last.range.clone()]))
    {
        last.range.end = cell.len();
    }
    places.into_iter().map(|magic| magic.range).collect()
}

/// A page that a cell asks for.
#[derive(Debug, PartialEq)]
pub enum HelpPage {
    /// The table of magics.
    Table,
    /// The help for a name.
    About(String),
}

/// Cell magics below which Rust goes on.
const RUST_BELOW: [&str; 3] = ["%%explore", "%%time", "%%timeit"];

/// Turns a cell into Rust. `type_of` knows the variables of the session.
///
/// # Errors
///
/// A magic is wrong.
pub fn translate<'a>(
    cell: &'a str,
    type_of: impl Fn(&str) -> Option<String>,
) -> Result<Translated<'a>, Misuse> {
    if let Some(about) = asked_about(cell, &type_of) {
        return Ok(Translated { pages: vec![HelpPage::About(about.into())], ..Translated::default() });
    }
    let is_variable = |word: &str| {
        let bound = |keyword: &str| cell.contains(&format!("{keyword} {word}"));
        !word.is_empty() && (type_of(word).is_some() || bound("let") || bound("let mut"))
    };
    let magics = find(cell, |name| RUST_BELOW.contains(&name), is_variable);
    if magics.is_empty() {
        return Ok(Translated { code: cell.into(), ..Translated::default() });
    }
    let mut translation = Translation { cell, edits: Edits::of(cell), pages: Vec::new(), explored: None };
    for (index, magic) in magics.iter().enumerate() {
        let is_last = index + 1 == magics.len() && end_of_rust(&cell[magic.range.end..]).0 == 0;
        translation.translate(magic, is_last)?;
    }
    let of_cell = magics.iter().find(|magic| magic.kind == Kind::Cell);
    let of_cell = of_cell.map(|magic| name(&cell[magic.range.clone()]));
    if of_cell == Some("%%timeit") {
        translation.edits.replace(cell.len()..cell.len(), "\n})");
    }
    let (pages, explored) = (translation.pages, translation.explored);
    let (mut code, places) = translation.edits.finish();
    let mut steps = vec![places];
    if of_cell == Some("%%time") {
        let (timed, places) = stop_at_end(&code);
        code = timed;
        steps.push(places);
    }
    Ok(Translated { code: code.into(), steps, pages, explored })
}

/// The cell with spaces in the place of the parts that are not Rust.
pub fn blanked(cell: &str) -> String {
    let mut text = cell.to_owned();
    for magic in find(cell, |name| RUST_BELOW.contains(&name), |_| false) {
        let line = &cell[magic.range.clone()];
        let range = match (magic.kind, name(line)) {
            (Kind::Command, _) => continue,
            (Kind::Line, "%time" | "%timeit") => magic.range.start..magic.range.end - argument(line).len(),
            (Kind::Cell, name) if !RUST_BELOW.contains(&name) => magic.range.start..cell.len(),
            _ => magic.range,
        };
        let blank: String =
            cell[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        text.replace_range(range, &blank);
    }
    text
}

/// Whether a cell has a first line that is about the lines below it, and none below it yet.
pub fn waits_for_more(cell: &str) -> bool {
    cell.trim_start().starts_with("%%") && !cell.trim().contains('\n')
}

/// The magics that could stand at `offset`, and where the word begins that they complete.
pub fn complete(cell: &str, offset: usize) -> Option<(usize, Vec<String>)> {
    let start = cell[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let word = &cell[start..offset];
    let names = table::MAGICS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| word.starts_with('%') && name.starts_with(word));
    let names: Vec<String> = names.map(str::to_owned).collect();
    (!names.is_empty()).then_some((start, names))
}

/// The name that a cell asks about as `name?`. Where that is an operator of Rust, on a variable that can be
/// an error, it is Rust.
fn asked_about(cell: &str, type_of: impl Fn(&str) -> Option<String>) -> Option<&str> {
    let name = cell.trim().strip_suffix('?')?.trim_end_matches('?');
    let path = name.strip_suffix('!').unwrap_or(name);
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let can_fail = |of: String| {
        let of = of.split('<').next().unwrap_or_default().rsplit("::").next().unwrap_or_default().trim();
        ["Result", "Option", "ControlFlow", "Poll"].iter().any(|kind| of.ends_with(kind))
    };
    (path.split("::").all(is_word) && !type_of(path).is_some_and(can_fail)).then_some(path)
}

/// The text after the name of a magic on its line.
fn argument(line: &str) -> &str {
    let line = line.trim_start();
    line[name(line).len()..].trim_start()
}

/// The cell that is being translated.
struct Translation<'a> {
    cell: &'a str,
    edits: Edits<'a>,
    pages: Vec<HelpPage>,
    explored: Option<Exploring>,
}

impl Translation<'_> {
    fn translate(&mut self, magic: &Magic, is_last: bool) -> Result<(), Misuse> {
        let line = &self.cell[magic.range.clone()];
        let (name, argument) = (name(line), argument(line));
        let arguments = magic.range.end - argument.len()..magic.range.end;
        match (magic.kind, name) {
            (Kind::Shell | Kind::Line | Kind::Cell, _) if self.explored.is_some() => {
                let help = "Write it into a cell of its own.";
                return Err(Misuse::new(format!("`{name}` cannot be run under every schedule"), help));
            }
            (Kind::Command, ":help") => self.show(magic, HelpPage::Table),
            (Kind::Command, name) => {
                table::check_command(name)?;
                at_top(magic, name)?;
            }
            (Kind::Help, _) => {
                self.show(magic, HelpPage::About(line.trim().trim_matches(['?', '!', ' ']).into()))
            }
            (Kind::Shell, _) => self.call(magic, &format!("shell(\"sh\", {:?})", line[1..].trim())),
            (Kind::Line, "%time") => self.time(magic, arguments, is_last)?,
            (Kind::Line, "%timeit") => self.timeit(magic, arguments, is_last)?,
            (Kind::Line, "%cd") => self.call(magic, &format!("cd({:?})", unquoted(argument))),
            (Kind::Line, "%pwd") => self.call(magic, "pwd()"),
            (Kind::Line, "%env") => self.call(magic, &format!("env({argument:?})")),
            (Kind::Line, "%who" | "%whos") => {
                at_top(magic, name)?;
                self.edits.replace(magic.range.clone(), ":vars");
            }
            (Kind::Line, "%lsmagic" | "%magic") => self.show(magic, HelpPage::Table),
            (Kind::Cell, _) if !table::MAGICS.iter().any(|(known, _)| *known == name) => {
                return Err(table::unknown_magic(name));
            }
            (Kind::Cell, _) if !self.cell[..magic.range.start].trim().is_empty() => {
                let help = "Move it there, or write the rest into a cell of its own.";
                return Err(Misuse::new(format!("`{name}` must be the first line of its cell"), help));
            }
            (Kind::Cell, "%%time") if !argument.is_empty() => {
                let help = "`%time` times its line, `%%time` the lines below it.";
                return Err(Misuse::new(
                    format!("`%%time` stands alone on its line, without `{argument}`"),
                    help,
                ));
            }
            (Kind::Cell, "%%time") => self.call(magic, "start()"),
            (Kind::Cell, "%%timeit") => {
                no_options(name, argument)?;
                let semicolon = if argument.is_empty() || argument.ends_with([';', '}']) { "" } else { ";" };
                self.edits.replace(magic.range.start..arguments.start, "");
                let begin = format!("{semicolon} threadbook::timing::timeit(|| {{");
                self.edits.replace(magic.range.end..magic.range.end, &begin);
            }
            (Kind::Cell, "%%explore") => {
                self.explored = Some(limits(argument)?);
                self.edits.replace(magic.range.clone(), "");
            }
            (Kind::Cell, _) => {
                if !argument.is_empty() {
                    let message = format!("`{name}` takes no arguments such as `{}`", lines::name(argument));
                    return Err(Misuse::new(message, "Write options into the script: `set -e`."));
                }
                let script = &self.cell[(magic.range.end + 1).min(self.cell.len())..];
                let shell = name.trim_start_matches('%');
                let whole = Magic { range: magic.range.start..self.cell.len(), ..*magic };
                self.call(&whole, &format!("shell({shell:?}, {script:?})"));
            }
            (Kind::Line, _) => return Err(table::unknown_magic(name)),
        }
        Ok(())
    }

    /// Puts a call of a function of the companion in the place of a magic.
    fn call(&mut self, magic: &Magic, call: &str) {
        self.edits.replace(magic.range.clone(), &format!("threadbook::magics::{call};"));
    }

    fn show(&mut self, magic: &Magic, page: HelpPage) {
        self.pages.push(page);
        self.edits.replace(magic.range.clone(), "");
    }

    fn time(&mut self, magic: &Magic, rust: Range<usize>, is_last: bool) -> Result<(), Misuse> {
        let text = &self.cell[rust.clone()];
        let end = rust.start + whole("%time", text)?;
        self.edits.replace(magic.range.start..rust.start, "threadbook::magics::start(); ");
        match last_expression(text) {
            Some(value) => {
                let (from, to) = (rust.start + value.start, rust.start + value.end);
                self.edits.replace(from..from, "threadbook::magics::stopped(");
                self.edits.replace(to..to, if is_last { ")" } else { ");" });
            }
            None => {
                let semicolon = if self.cell[..end].ends_with([';', '}']) { "" } else { ";" };
                self.edits.replace(end..end, &format!("{semicolon} threadbook::magics::stop();"));
            }
        }
        Ok(())
    }

    fn timeit(&mut self, magic: &Magic, rust: Range<usize>, is_last: bool) -> Result<(), Misuse> {
        let text = &self.cell[rust.clone()];
        no_options("%timeit", text)?;
        let end = rust.start + whole("%timeit", text)?;
        let (before, after) = match is_last {
            true => ("threadbook::timing::timeit(|| { ", " })"),
            false => ("threadbook::display(&threadbook::timing::timeit(|| { ", " }));"),
        };
        self.edits.replace(magic.range.start..rust.start, before);
        self.edits.replace(end..end, after);
        Ok(())
    }
}

/// The limits that follow `%%explore`.
fn limits(argument: &str) -> Result<Exploring, Misuse> {
    let help = "There are `schedules=N`, `switches=N`, `seconds=N` and `schedule=TEXT`.";
    let mut limits = Exploring::default();
    for option in argument.split_whitespace() {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let wrong = || Misuse::new(format!("`{option}` is no limit of `%%explore`"), help);
        match name {
            "schedules" => limits.schedules = Some(value.parse().map_err(|_| wrong())?),
            "switches" => limits.switches = Some(value.parse().map_err(|_| wrong())?),
            "schedule" if !value.is_empty() => limits.schedule = Some(value.to_owned()),
            "seconds" => {
                let seconds: f64 = value.parse().map_err(|_| wrong())?;
                if !(0.0..=1e6).contains(&seconds) {
                    return Err(wrong());
                }
                limits.seconds = Some(seconds);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(limits)
}

/// The end of the Rust on a line, which must be whole.
fn whole(name: &str, rust: &str) -> Result<usize, Misuse> {
    match end_of_rust(rust) {
        (0, _) => {
            let help = format!("Write an expression after it, or `%{name}` as the first line of a cell.");
            Err(Misuse::new(format!("`{name}` alone times nothing"), help))
        }
        (end, 0) => Ok(end),
        _ => {
            let help = format!("For several lines, write `%{name}` as the first line of a cell.");
            Err(Misuse::new(format!("`{name}` is for what stands on its line, and that is not whole"), help))
        }
    }
}

fn no_options(name: &str, rust: &str) -> Result<(), Misuse> {
    let mut letters = rust.strip_prefix('-').unwrap_or_default().chars();
    let is_option = letters.next().is_some_and(|letter| "nrtcpqo".contains(letter))
        && letters.next().is_none_or(|next| next == ' ' || next.is_ascii_digit());
    match is_option && rust.len() > 2 {
        true => {
            let help = "It chooses loops and repeats by itself: leave options out.";
            Err(Misuse::new(format!("`{name}` has no options such as `{}`", lines::name(rust)), help))
        }
        false => Ok(()),
    }
}

fn at_top(magic: &Magic, name: &str) -> Result<(), Misuse> {
    let help = "Move the line to the top, or into a cell of its own.";
    match magic.is_at_top {
        true => Ok(()),
        false => Err(Misuse::new(format!("`{name}` must come before everything else in its cell"), help)),
    }
}

fn unquoted(argument: &str) -> &str {
    let argument = argument.trim();
    let inside = |quote: char| argument.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(argument)
}

/// Stops the stopwatch of `%%time` when the cell's value is there, or at its end.
fn stop_at_end(code: &str) -> (String, EditMap) {
    let mut edits = Edits::of(code);
    match last_expression(code) {
        Some(value) => {
            edits.replace(value.start..value.start, "threadbook::magics::stopped(");
            edits.replace(value.end..value.end, ")");
        }
        None => edits.replace(code.len()..code.len(), "\nthreadbook::magics::stop();"),
    }
    edits.finish()
}

#[cfg(test)]
mod tests;
