//! The table of magics and commands.

use threadbook_wire::MimeBundle;

/// What stands alone: on a line, or above the lines of a cell that it is about.
pub const MAGICS: [(&str, &str); 16] = [
    ("%time", "how long the rest of the line takes, once: `%time primes(1000)`"),
    ("%%time", "as the first line of a cell: how long the cell takes"),
    ("%timeit", "how long the rest of the line takes, run often: `%timeit x.sqrt()`"),
    ("%%timeit", "as the first line of a cell: how long the cell takes, run often"),
    ("%%explore", "as the first line of a cell: runs it under every schedule: `%%explore switches=2`"),
    ("!", "a shell command, whose output comes as it is printed: `!ls -l`"),
    ("%%bash", "as the first line of a cell: the cell is a script for bash"),
    ("%%sh", "as the first line of a cell: the cell is a script for sh"),
    ("?", "help for a name: `?Vec`, `std::fs::read?`"),
    ("%cd", "changes the directory"),
    ("%pwd", "prints the directory"),
    ("%env", "prints variables of the environment, or sets one: `%env NAME=value`"),
    ("%who", "the variables and their types"),
    ("%whos", "the variables and their types"),
    ("%lsmagic", "this table"),
    ("%magic", "this table"),
];

/// The engine's commands that are of use in a notebook. They come first in a cell.
pub const COMMANDS: [(&str, &str); 12] = [
    (":dep", "brings a crate: `:dep regex = \"1\"`"),
    (":show_deps", "the crates that were brought"),
    (":vars", "the variables and their types"),
    (":type", "the type of a variable: `:type x`"),
    (":t", "short for `:type`"),
    (":doc", "help for a name: `:doc Vec`"),
    (":explain", "what the compiler has to say about the last error"),
    (":offline", "keeps cargo from the network: `:offline 1`"),
    (":build_env", "a variable of the environment for the compiler: `:build_env NAME=value`"),
    (":last_compile_dir", "where cells are compiled"),
    (":version", "the version of the engine"),
    (":help", "this table"),
];

/// Those that do not work in a notebook, and what does.
const INSTEAD: [(&str, &str); 10] = [
    (":quit", "Shut the kernel down from the menu of the front end."),
    (":restart", "Restart the kernel from the menu of the front end."),
    (":clear", "Restart the kernel from the menu of the front end."),
    (":env", "Write `%env NAME=value`, which works at once."),
    (":timing", "Write `%%time` as the first line of a cell."),
    (
        ":opt",
        "Cells are optimised already (level 2); with another level, every crate would be compiled again.",
    ),
    (":fmt", "Print with `println!`, or show a type with its `Debug`."),
    (":types", "Ask with `:type name`, or for all variables with `:vars`."),
    (":toolchain", "Restart Jupyter with the toolchain that you want in RUSTUP_TOOLCHAIN."),
    (":load_config", "Write what every notebook should have into its first cell."),
];

/// Commands of the engine that are passed on, and are for those who know them.
const QUIET: [&str; 11] = [
    ":allow_static_linking",
    ":cache",
    ":clear_cache",
    ":codegen_backend",
    ":efmt",
    ":internal_debug",
    ":last_error_json",
    ":linker",
    ":preserve_vars_on_panic",
    ":sccache",
    ":time_passes",
];

/// A wrong magic or command, and advice.
#[derive(Debug, PartialEq)]
pub struct Misuse {
    pub what: String,
    pub help: String,
}

impl Misuse {
    pub fn new(what: impl Into<String>, help: impl Into<String>) -> Misuse {
        Misuse { what: what.into(), help: help.into() }
    }
}

/// There is no such magic.
pub fn unknown_magic(name: &str) -> Misuse {
    let names = || MAGICS.iter().map(|(name, _)| *name).filter(|name| name.starts_with('%'));
    let all: Vec<_> = names().filter(|name| !["%whos", "%magic"].contains(name)).collect();
    Misuse::new(
        format!("there is no magic `{name}`{}", meant(name, names())),
        format!("There are {}, `!command` and `?name`; `%lsmagic` says what they do.", all.join(", ")),
    )
}

/// Whether a command of the engine may be passed on to it.
pub fn check_command(name: &str) -> Result<(), Misuse> {
    if let Some((_, help)) = INSTEAD.iter().find(|(known, _)| *known == name) {
        return Err(Misuse::new(format!("`{name}` is not for notebooks"), *help));
    }
    let names = || COMMANDS.iter().map(|(name, _)| *name);
    if names().chain(QUIET).any(|known| known == name) {
        return Ok(());
    }
    let all: Vec<_> = names().collect();
    Err(Misuse::new(
        format!("there is no command `{name}`{}", meant(name, names())),
        format!("There are {}; `:help` says what they do.", all.join(", ")),
    ))
}

/// The name that was probably meant, as the end of a sentence.
fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min_by_key(|(distance, _)| *distance);
    near.map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"))
}

/// The table of all that there is, for the pager.
pub fn help() -> MimeBundle {
    let rows = || MAGICS.iter().chain(&COMMANDS);
    let text: String = rows().map(|(name, what)| format!("{name:<17} {what}\n")).collect();
    let html: String = rows()
        .map(|(name, what)| {
            let what: String = what
                .split('`')
                .enumerate()
                .map(
                    |(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part.into() },
                )
                .collect();
            format!("<tr><td><code>{name}</code></td><td>{what}</td></tr>")
        })
        .collect();
    let html = format!("<table>{html}</table>");
    [("text/plain".to_owned(), text.into()), ("text/html".to_owned(), html.into())].into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_if_one_is_near() {
        assert!(unknown_magic("%timit").what.ends_with("did you mean `%timeit`?"));
        assert!(unknown_magic("%%timeti").what.ends_with("did you mean `%%timeit`?"));
        assert_eq!(unknown_magic("%matplotlib").what, "there is no magic `%matplotlib`");
        assert!(check_command(":vasr").unwrap_err().what.ends_with("did you mean `:vars`?"));
    }

    #[test]
    fn what_harms_a_notebook_is_refused_with_the_way_out() {
        assert!(check_command(":quit").unwrap_err().help.contains("menu"));
        assert_eq!(check_command(":dep"), Ok(()));
        assert_eq!(check_command(":linker"), Ok(()));
    }

    #[test]
    fn the_table_is_short_and_whole() {
        let help = help();
        let text = help["text/plain"].as_str().unwrap();
        assert!(text.contains("%timeit") && text.contains(":dep") && text.lines().count() <= 30);
        assert!(help["text/html"].as_str().unwrap().contains("<code>!ls -l</code>"));
    }
}
