//! Runs a command without showing its output.

use std::io::{BufRead, BufReader, pipe};
use std::process::{Command, Stdio};

use anyhow::Context;

/// Runs `command`; hands over its output line by line, and as a whole if it fails.
pub(crate) fn quietly(
    command: &mut Command,
    line_printed: &mut dyn FnMut(&str),
) -> anyhow::Result<Result<(), String>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (reader, writer) = pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
    // The command keeps the pipe's writing ends; ours must go, or the reading never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut output = String::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        line_printed(&line);
        output.push_str(&line);
        output.push('\n');
    }
    Ok(if child.wait()?.success() { Ok(()) } else { Err(output) })
}

/// The reason that a failed command gave: its last `ERROR:` line, or else its last line.
pub(crate) fn last_line(output: &str) -> &str {
    let lines = || output.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find_map(|line| line.strip_prefix("ERROR: "))
        .or_else(|| lines().next())
        .unwrap_or("it said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_reason() {
        assert_eq!(last_line("ERROR: no such thing\n\n[notice] something else\n"), "no such thing");
        assert_eq!(last_line("a\nb\n"), "b");
        assert_eq!(last_line(""), "it said nothing");
    }

    #[test]
    fn a_quiet_command_hands_over_both_streams() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let failed = quietly(&mut command, &mut |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(failed, Err("one\ntwo\n".to_owned()));
        assert_eq!(lines, ["one", "two"]);
        assert_eq!(quietly(&mut Command::new("true"), &mut |_| {}).unwrap(), Ok(()));
    }
}
