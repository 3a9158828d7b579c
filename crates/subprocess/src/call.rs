//! The functions that run commands.

use crate::child::Child;
use crate::command::Redirect;
use crate::completed::CompletedProcess;
use crate::error::SubprocessError;
use crate::pipeline::Pipeline;
use crate::start::{Defaults, start};

const INHERIT: Defaults = Defaults { stdout: Redirect::Inherit, stderr: Redirect::Inherit };
const CAPTURE: Defaults = Defaults { stdout: Redirect::Pipe, stderr: Redirect::Pipe };
/// Warnings are shown as they are printed, and an error contains them as well.
const OUTPUT: Defaults = Defaults { stdout: Redirect::Pipe, stderr: Redirect::Tee };

/// Runs a command and returns its exit code: -N if it was ended by signal N. Its output goes to that of this
/// process; in a notebook, it appears in the cell as it is printed. As Python's `subprocess.call`.
///
/// # Errors
///
/// [`SubprocessError`] if it cannot be started, and if the wait for it ends before it does.
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{call, shell};
///
/// assert_eq!(call("true")?, 0);
/// assert_eq!(call(["ls", "/no/such/file"])?, 2);
/// assert_eq!(call(shell("kill -9 $$"))?, -9);
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
pub fn call(command: impl Into<Pipeline>) -> Result<i32, SubprocessError> {
    Ok(start(&command.into(), &INHERIT)?.finish()?.returncode)
}

/// As [`call`], but an exit code other than 0 is an error, so it returns 0. As Python's
/// `subprocess.check_call`.
///
/// # Errors
///
/// [`SubprocessError::NonZero`], and those of [`call`].
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{SubprocessError, check_call};
///
/// check_call(["test", "-d", "/tmp"])?;
/// let error = check_call("false").unwrap_err();
/// assert!(matches!(error, SubprocessError::NonZero { status: 1, .. }));
/// # Ok::<(), SubprocessError>(())
/// ```
pub fn check_call(command: impl Into<Pipeline>) -> Result<i32, SubprocessError> {
    Ok(start(&command.into(), &INHERIT)?.finish()?.check_returncode()?.returncode)
}

/// Runs a command and returns its output. Its standard error is shown as it is printed, and an error contains
/// it. As Python's `subprocess.check_output` with `text=True`.
///
/// # Errors
///
/// - [`SubprocessError::NonZero`] if its exit code is not 0.
/// - [`SubprocessError::NotUtf8`] if its output is not text.
/// - Those of [`call`].
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{check_output, shell};
///
/// assert_eq!(check_output(["echo", "Hello"])?, "Hello\n");
/// assert_eq!(check_output(shell("echo abc | tr a-z A-Z"))?, "ABC\n");
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
pub fn check_output(command: impl Into<Pipeline>) -> Result<String, SubprocessError> {
    let pipeline = command.into();
    String::from_utf8(output(&pipeline)?).map_err(|error| SubprocessError::NotUtf8 {
        command: pipeline.to_string(),
        at: error.utf8_error().valid_up_to(),
        stdout: error.into_bytes(),
    })
}

/// As [`check_output`], for output that need not be text. As Python's `subprocess.check_output`.
///
/// # Errors
///
/// Those of [`check_output`], but for [`SubprocessError::NotUtf8`].
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::check_output_bytes;
///
/// assert_eq!(check_output_bytes(["head", "-c", "3", "/dev/zero"])?, [0, 0, 0]);
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
pub fn check_output_bytes(command: impl Into<Pipeline>) -> Result<Vec<u8>, SubprocessError> {
    output(&command.into())
}

fn output(pipeline: &Pipeline) -> Result<Vec<u8>, SubprocessError> {
    let stdout = pipeline.commands.last().and_then(|command| command.stdout.as_ref());
    if !matches!(stdout, None | Some(Redirect::Pipe | Redirect::Tee)) {
        return Err(SubprocessError::invalid(format!(
            "`{pipeline}`: its output is to be returned, so it cannot go elsewhere; leave out `stdout`, or use \
             `call` or `run`"
        )));
    }
    Ok(start(pipeline, &OUTPUT)?.finish()?.check_returncode()?.stdout)
}

/// Runs a command and returns its exit code, output, times and memory. An exit code other than 0 is no error.
/// As Python's `subprocess.run` with `capture_output=True`; to see the output as it is printed, use
/// [`Redirect::Tee`] or [`Redirect::Inherit`].
///
/// # Errors
///
/// Those of [`call`].
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{run, shell};
///
/// let done = run(shell("echo out; echo err >&2; exit 3"))?;
/// assert_eq!((done.returncode, done.stdout_lossy().trim()), (3, "out"));
/// assert_eq!(done.stderr, b"err\n");
/// println!("{:?} in all, {:?} of it computing", done.elapsed, done.usage.user);
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
pub fn run(command: impl Into<Pipeline>) -> Result<CompletedProcess, SubprocessError> {
    start(&command.into(), &CAPTURE)?.finish()
}

/// Spawns a command and returns at once. Its output goes to that of this process; for [`Child::communicate`]
/// use `.stdout(Redirect::Pipe)`. As Python's `subprocess.Popen`.
///
/// # Errors
///
/// [`SubprocessError`] if it cannot be started.
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{shell, spawn};
///
/// let children = [1, 2, 3].map(|n| spawn(shell(format!("sleep 0.0{n}; exit {n}"))));
/// let codes = children.map(|child| child.and_then(|child| child.wait()).unwrap());
/// assert_eq!(codes, [1, 2, 3]);
/// ```
pub fn spawn(command: impl Into<Pipeline>) -> Result<Child, SubprocessError> {
    start(&command.into(), &INHERIT)
}
