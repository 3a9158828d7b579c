//! Input from the user: through the front end of a notebook, or in a terminal.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use threadbook_display::inbox;

/// Shows `prompt` and returns the line that the user enters, without the end of the line. As Python's
/// `input()`.
///
/// # Errors
///
/// - [`ErrorKind::Unsupported`]: the front end takes no input, as in unattended execution (nbconvert,
///   papermill, `threadbook run`), or no cell is running.
/// - [`ErrorKind::Interrupted`]: the cell was interrupted.
/// - [`ErrorKind::UnexpectedEof`]: outside a notebook, standard input has ended.
///
/// # Examples
///
/// ```no_run
/// use threadbook::prelude::*;
///
/// let name = input("What is your name? ")?;
/// let workers: usize = input("How many workers? ")?.trim().parse()?;
/// println!("{name} has {workers} workers");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn input(prompt: impl Display) -> io::Result<String> {
    ask(&prompt.to_string(), false)
}

/// As [`input`], but the entered text is not visible. As Python's `getpass.getpass()`.
///
/// # Errors
///
/// Those of [`input`].
///
/// # Examples
///
/// ```no_run
/// use threadbook::prelude::*;
///
/// let secret = password("Password: ")?;
/// println!("{} characters", secret.chars().count());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn password(prompt: impl Display) -> io::Result<String> {
    ask(&prompt.to_string(), true)
}

fn ask(prompt: &str, password: bool) -> io::Result<String> {
    if let Some(answer) = inbox::ask(prompt, password, threadbook_base::interrupt::is_interrupted) {
        return answer;
    }
    if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
        // The protocol of stock evcxr, see its crate `evcxr_input`. Its line ends at the first line break.
        let command = if password { "EVCXR_INPUT_REQUEST_PASSWORD" } else { "EVCXR_INPUT_REQUEST" };
        println!("{command}:{}", prompt.replace(['\r', '\n'], " "));
    } else if password && io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt);
    } else {
        print!("{prompt}");
    }
    io::stdout().flush()?;
    read_line(io::stdin().lock())
}

fn read_line(mut from: impl io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            "standard input has ended, so there is no answer",
        ));
    }
    let text = line.strip_suffix('\n').unwrap_or(&line);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_without_its_end_and_the_end_of_all_is_an_error() {
        assert_eq!(read_line(&b" Ada \r\nmore"[..]).unwrap(), " Ada ");
        assert_eq!(read_line(&b"no line break"[..]).unwrap(), "no line break");
        assert_eq!(read_line(&b"\n"[..]).unwrap(), "");
        assert_eq!(read_line(&b""[..]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
