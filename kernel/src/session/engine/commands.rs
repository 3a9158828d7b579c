//! The commands at the top of a cell: `:vars`, `:type x` and their like.

use crate::dependencies;
use crate::session::magics::Misuse;
use crate::session::text::escaped;
use crate::session::workspace::SessionWorkspace;
use std::process;
use threadbook_engine::Engine;
use threadbook_wire::MimeBundle;

/// A line that is no Rust.
#[derive(Debug, PartialEq)]
pub struct CellCommand {
    /// With its colon.
    name: String,
    argument: String,
}

impl CellCommand {
    /// The crate that the cell asks for, as in a line of a manifest.
    pub fn dependency(&self) -> Option<&str> {
        (self.name == ":dep").then_some(&self.argument)
    }

    /// The name that the cell asks help for, by `:doc`.
    pub fn asked_about(&self) -> Option<&str> {
        (self.name == ":doc" && !self.argument.is_empty()).then_some(&self.argument)
    }
}

/// The settings of commands, and the state that they ask about.
#[derive(Default)]
pub struct Settings {
    is_offline: bool,
    build_env: Vec<(String, String)>,
    /// The code of the last error, such as `E0308`.
    pub last_error: Option<String>,
}

/// Parts the commands of a cell from its Rust, in which every line keeps its number.
pub fn split(cell: &str) -> (Vec<CellCommand>, String) {
    let mut commands = Vec::new();
    let mut is_top = true;
    let lines = cell.split('\n').map(|line| {
        let text = line.trim_start();
        is_top &= text.is_empty() || text.starts_with("//") || text.starts_with(':');
        if !is_top || !text.starts_with(':') {
            return line;
        }
        let (name, argument) = text.split_once(' ').unwrap_or((text, ""));
        commands.push(CellCommand { name: name.to_owned(), argument: argument.trim().to_owned() });
        ""
    });
    let rust = lines.collect::<Vec<_>>().join("\n");
    (commands, rust)
}

impl Settings {
    /// The answer of a command, if it has one.
    ///
    /// # Errors
    ///
    /// The command is wrong.
    pub fn answer(
        &mut self,
        command: &CellCommand,
        engine: &Engine,
        workspace: &SessionWorkspace,
    ) -> Result<Option<MimeBundle>, Misuse> {
        let CellCommand { name, argument } = command;
        let text = match name.as_str() {
            ":vars" => return Ok(Some(variables(engine))),
            ":type" | ":t" => {
                let found = engine.variables().find(|(known, _)| known == argument);
                found.map(|(name, ty)| format!("{name}: {}", readable(ty))).ok_or_else(|| {
                    Misuse::new(format!("there is no variable `{argument}`"), "`:vars` lists the variables.")
                })?
            }
            ":version" => env!("CARGO_PKG_VERSION").to_owned(),
            ":last_compile_dir" => workspace.directory().display().to_string(),
            ":offline" => {
                self.is_offline = argument == "1";
                format!("offline: {}", self.is_offline)
            }
            ":build_env" => {
                let Some((key, value)) = argument.split_once('=') else {
                    return Err(Misuse::new(
                        "`:build_env` sets a variable",
                        "Write `:build_env NAME=value`.",
                    ));
                };
                self.build_env.push((key.trim().to_owned(), value.trim().to_owned()));
                self.build_env.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
            }
            ":explain" => self.explain(workspace)?,
            ":show_deps" => return Ok(Some(plain(dependency_list(workspace)))),
            _ => {
                return Err(Misuse::new(format!("`{name}` is not there yet"), "`:help` lists the commands."));
            }
        };
        Ok(Some(plain(text)))
    }

    fn explain(&self, workspace: &SessionWorkspace) -> Result<String, Misuse> {
        let Some(code) = &self.last_error else {
            return Err(Misuse::new(
                "there is no error to explain",
                "It explains the last error that has a code.",
            ));
        };
        let rustc = process::Command::new(workspace.tools().join("rustc")).args(["--explain", code]).output();
        rustc.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).map_err(|error| {
            Misuse::new(
                format!("rustc cannot be asked about {code}: {error}"),
                "Look it up at https://doc.rust-lang.org/error_codes.",
            )
        })
    }
}

fn dependency_list(workspace: &SessionWorkspace) -> String {
    let all = dependencies::all(workspace.companion()).unwrap_or_default();
    all.iter().map(|(name, specification)| format!("{name} = {specification}\n")).collect()
}

fn plain(text: String) -> MimeBundle {
    [("text/plain".to_owned(), text.into())].into_iter().collect()
}

fn variables(engine: &Engine) -> MimeBundle {
    let (mut text, mut rows) = (String::new(), String::new());
    for (name, ty) in engine.variables() {
        let ty = &readable(ty);
        text += &format!("{name}: {ty}\n");
        rows += &format!("<tr><td>{}</td><td>{}</td></tr>", escaped(name), escaped(ty));
    }
    let html = format!("<table><tr><th>Variable</th><th>Type</th></tr>{rows}</table>");
    [("text/plain".to_owned(), text.into()), ("text/html".to_owned(), html.into())].into_iter().collect()
}

/// A type as a user would write it: paths of other crates without their leading colons.
fn readable(ty: &str) -> String {
    let mut text = String::new();
    for (at, piece) in ty.split("::").enumerate() {
        let is_path = text.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>');
        text += if at > 0 && is_path { "::" } else { "" };
        text += piece;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_readable() {
        let ty = "::std::vec::Vec<&'static ::my::Pair<u8>>";
        assert_eq!(readable(ty), "std::vec::Vec<&'static my::Pair<u8>>");
        assert_eq!(readable("(::a::B, i32)"), "(a::B, i32)");
    }

    #[test]
    fn commands_stand_at_the_top_and_leave_their_lines() {
        let (commands, rust) = split("// note\n:vars\n\n:type x\nlet a = 1;\n:vars");
        let command =
            |name: &str, argument: &str| CellCommand { name: name.into(), argument: argument.into() };
        assert_eq!(commands, [command(":vars", ""), command(":type", "x")]);
        assert_eq!(rust, "// note\n\n\n\nlet a = 1;\n:vars");
    }
}
