//! The commands of the command line. Each command is a module here; the other modules are shared.

mod browser;
mod doctor;
mod evcxr;
mod grade;
mod handout;
mod install;
mod install_dir;
mod kernelspec;
mod lab;
mod prepare;
mod python;
mod quiet;
mod run;
mod signature;
mod steps;
mod venv;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// A Jupyter kernel for Rust concurrency notebooks.
#[derive(Parser)]
#[command(name = "threadbook", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Make everything ready and open JupyterLab on the notebooks
    Lab(lab::LabOptions),
    /// Register the kernel with Jupyter and prepare the companion crate
    Install(install_dir::InstallOptions),
    /// Remove what `install` made
    Uninstall(install_dir::InstallOptions),
    /// Execute notebooks without a browser and write executed copies
    ///
    /// The cells are compiled to native code, which may do whatever you may do: read, change and send your files. Run only
    /// notebooks that you trust, or in a container.
    Run(run::RunOptions),
    /// Make handouts of notebooks: HTML, PDF, slides, a script
    ///
    /// A notebook is executed first, as by `threadbook run`: its cells are native code, which may do whatever you may do.
    /// With --as-is nothing is executed, and the handout of a stranger's notebook is safe to make and to open.
    Handout(handout::HandoutOptions),
    /// Check the answers to the exercises of submitted notebooks, and write the points
    ///
    /// Answers are native code with all of your rights. Each runs with limits of time and memory; only a container protects
    /// your files from it.
    Grade(grade::GradeOptions),
    /// Say what is missing, and the command that mends it
    Doctor(doctor::DoctorOptions),
    /// Build the prepared directory; `install` starts this
    #[command(hide = true)]
    Prepare {
        /// Where
        directory: PathBuf,
    },
    /// Serve one notebook by evcxr; Jupyter starts this
    #[command(hide = true)]
    Evcxr {
        /// The directory that `install --evcxr` prepared
        #[arg(long, value_name = "DIR")]
        prepared: PathBuf,
        /// The evcxr_jupyter
        #[arg(long)]
        program: PathBuf,
        /// Where Jupyter says how to reach it
        connection_file: PathBuf,
    },
    /// Serve one notebook; Jupyter starts this
    #[command(hide = true)]
    Kernel {
        /// The directory that `install` prepared
        #[arg(long, value_name = "DIR")]
        prepared: PathBuf,
        /// Where Jupyter says how to reach it
        connection_file: PathBuf,
    },
}

/// Runs the command of the command line. 0 means success, 1 failure; clap ends the process with 2 on wrong use.
pub fn main() -> ExitCode {
    // SAFETY: The process has just begun and has one thread.
    unsafe { threadbook_cargo_env::forget() };
    let done = match Cli::parse().command {
        None => Cli::command().print_help().map_err(Into::into),
        Some(Command::Lab(options)) => lab::lab(&options),
        Some(Command::Install(options)) => install::install(&options),
        Some(Command::Uninstall(options)) => install::uninstall(&options),
        Some(Command::Run(options)) => run::run(&options),
        Some(Command::Handout(options)) => handout::handout(&options),
        Some(Command::Grade(options)) => grade::grade(&options),
        Some(Command::Doctor(options)) => match doctor::doctor(&options) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Some(Command::Prepare { directory }) => prepare::build(&directory),
        Some(Command::Evcxr { prepared, program, connection_file }) => {
            evcxr::serve(&prepared, &program, &connection_file)
        }
        Some(Command::Kernel { prepared, connection_file }) => {
            crate::protocol::serve(&connection_file, &prepared)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("threadbook: {}", one_line(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// An error for a person: why, and the command that mends it.
fn mend(reason: impl Display, command: impl Display) -> anyhow::Error {
    anyhow::anyhow!("{reason}; mend it with: {command}")
}

/// Errors from below may have several lines; ours have one.
fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" / ")
}

/// Prints a line; unlike `println!`, does not panic when the pipe is closed (`threadbook run … | head`).
fn say(line: impl Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line on standard error.
fn warn(line: impl Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "threadbook: {}", one_line(&line.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    fn error(arguments: &[&str]) -> clap::Error {
        Cli::try_parse_from(arguments).err().expect("this is wrong use")
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_option_says_what_was_meant_and_ends_with_2() {
        let wrong = error(&["threadbook", "install", "--sysprefix"]);
        assert_eq!(wrong.exit_code(), 2);
        assert!(wrong.to_string().contains("--sys-prefix"), "{wrong}");
        let wrong = error(&["threadbook", "instal"]);
        assert!(wrong.to_string().contains("install"), "{wrong}");
    }

    #[test]
    fn one_place_at_a_time() {
        let both = error(&["threadbook", "install", "--user", "--sys-prefix"]);
        assert_eq!(both.kind(), ErrorKind::ArgumentConflict);
    }

    #[test]
    fn options_for_jupyterlab_follow_two_dashes() {
        let line = ["threadbook", "lab", "--no-browser", "--port", "8890", "--", "--LabApp.token=x"];
        let Some(Command::Lab(options)) = Cli::try_parse_from(line).unwrap().command else { panic!() };
        assert_eq!((options.no_browser, options.port), (true, Some(8890)));
        assert_eq!(options.arguments, ["--LabApp.token=x"]);
    }

    #[test]
    fn the_kernel_command_is_for_jupyter_only() {
        let help = Cli::command().render_help().to_string();
        assert!(help.contains("doctor") && !help.contains("connection"), "{help}");
        let line = ["threadbook", "kernel", "--prepared", "/p", "/c.json"];
        assert!(matches!(Cli::try_parse_from(line).unwrap().command, Some(Command::Kernel { .. })));
    }

    #[test]
    fn errors_have_one_line() {
        assert_eq!(one_line("first\n\n  second \n"), "first / second");
        let error = mend("no Python was found", "apt install python3");
        assert_eq!(error.to_string(), "no Python was found; mend it with: apt install python3");
    }
}
