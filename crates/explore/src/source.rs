//! The program's own lines: the text of a place, and the names of the objects made there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::Location;
use std::path::Path;

use threadbook_base::location;

/// A line of generated code as its author wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Its number in the generated code, from 1.
    pub generated: u32,
    /// Its text.
    pub text: &'static str,
}

/// How a place is called.
pub type PlaceName = fn(&Location<'_>) -> String;

/// Where the text of the program is found.
pub(crate) struct Sources {
    /// The lines of generated code, in their order, if the program is generated.
    pub(crate) lines: &'static [Line],
    /// Places for people.
    pub(crate) place: PlaceName,
    files: RefCell<HashMap<String, Vec<String>>>,
}

/// The cell and the line, as in `cell [3]:2`; for other code the name of the file and the line.
fn file_and_line(place: &Location<'_>) -> String {
    let described = location::describe(place);
    if described.starts_with("cell [") {
        return described;
    }
    let file = Path::new(place.file())
        .file_name()
        .map_or_else(|| place.file().into(), |name| name.to_string_lossy());
    format!("{file}:{}", place.line())
}

impl Sources {
    /// Those of generated code, or, without lines, the files that places name.
    pub(crate) fn new(lines: &'static [Line], place: Option<PlaceName>) -> Sources {
        Sources { lines, place: place.unwrap_or(file_and_line), files: RefCell::default() }
    }

    /// The text of a line, without the spaces around it; empty if it is not known.
    pub(crate) fn text(&self, place: &Location<'_>) -> String {
        self.line(place.file(), place.line()).trim().to_owned()
    }

    fn line(&self, file: &str, line: u32) -> String {
        if !self.lines.is_empty() {
            let found = self.lines.binary_search_by_key(&line, |known| known.generated);
            return found.map_or_else(|_| String::new(), |index| self.lines[index].text.to_owned());
        }
        let mut files = self.files.borrow_mut();
        let lines = files.entry(file.to_owned()).or_insert_with(|| {
            // Cargo runs a test in the directory of its package, and names files from that of the workspace.
            let here = std::env::current_dir().unwrap_or_default();
            let text =
                here.ancestors().find_map(|directory| std::fs::read_to_string(directory.join(file)).ok());
            text.unwrap_or_default().lines().map(str::to_owned).collect()
        });
        (line as usize).checked_sub(1).and_then(|index| lines.get(index)).cloned().unwrap_or_default()
    }

    /// The name of the object made at a place: that of the variable, static or field which it is the value of.
    pub(crate) fn name(&self, place: &Location<'_>) -> Option<String> {
        let line = self.line(place.file(), place.line());
        name_in(&line, place.column() as usize)
    }
}

/// The name in the part of a line before a column.
fn name_in(line: &str, column: usize) -> Option<String> {
    let before: String = line.chars().take(column.saturating_sub(1)).collect();
    let word = |text: &str| -> Option<String> {
        let text = text.trim_start_matches(['(', ' ', '&']);
        let text = text.strip_prefix("mut ").unwrap_or(text);
        let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
    };
    for keyword in ["let ", "static "] {
        if let Some(at) = before.rfind(keyword) {
            let rest = &before[at + keyword.len()..];
            // A field within the value has a name of its own.
            return field(rest).or_else(|| word(part(rest)));
        }
    }
    field(&before)
}

/// Of the names in a tuple pattern, that of the part of the tuple that `text` ends in.
fn part(text: &str) -> &str {
    let (Some(pattern), Some((_, value))) = (text.strip_prefix('('), text.split_once('=')) else {
        return text;
    };
    let Some(value) = value.trim_start().strip_prefix('(') else { return text };
    let mut depth = 0;
    let before = value.chars().filter(|c| {
        depth += match c {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        depth == 0 && *c == ','
    });
    pattern.split(',').nth(before.count()).unwrap_or(pattern)
}

/// The last field of a struct expression: `name: Mutex::new(`.
fn field(text: &str) -> Option<String> {
    let at =
        text.rfind('{').map_or_else(|| if text.contains('=') { text.len() } else { 0 }, |brace| brace + 1);
    let text = &text[at..];
    let colon = text
        .char_indices()
        .rev()
        .find(|(at, c)| *c == ':' && !text[at + 1..].starts_with(':') && !text[..*at].ends_with(':'));
    let (colon, _) = colon?;
    let name: String = text[..colon].chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let name: String = name.chars().rev().collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> Option<String> {
        let column = line.find('§').expect("a mark");
        name_in(&line.replace('§', ""), column + 1)
    }

    #[test]
    fn a_lock_has_the_name_of_its_variable_static_or_field() {
        for (line, name) in [
            ("let counter = Arc::new(§Mutex::new(0));", Some("counter")),
            ("    let mut counter: Arc<Mutex<u32>> = Arc::new(§Mutex::new(0));", Some("counter")),
            ("static READY: AtomicBool = §AtomicBool::new(false);", Some("READY")),
            ("let (tx, rx) = §mpsc::channel();", Some("tx")),
            ("let (a, b) = (§Mutex::new(1), Mutex::new(2));", Some("a")),
            ("let (a, b) = (Mutex::new((1, 2)), §Mutex::new(2));", Some("b")),
            ("let (a, mut b) = (Arc::new(Mutex::new(1)), Arc::new(§Mutex::new(2)));", Some("b")),
            ("let a = §Mutex::new(1); let b = Mutex::new(2);", Some("a")),
            ("let a = Mutex::new(1); let b = §Mutex::new(2);", Some("b")),
            ("    Account { balance: §Mutex::new(7) }", Some("balance")),
            ("        balance: Arc::new(§Mutex::new(7)),", Some("balance")),
            ("let account = Account { owner, balance: §Mutex::new(7) };", Some("balance")),
            ("    §Mutex::new(7)", None),
            ("    Arc::new(std::sync::§Mutex::new(7))", None),
            ("", None),
        ] {
            if line.is_empty() {
                assert_eq!(name_in("", 9), None);
                continue;
            }
            assert_eq!(named(line).as_deref(), name, "{line}");
        }
    }
}
