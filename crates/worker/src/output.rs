//! Output of workers, and its origin.
//!
//! By default a worker inherits the standard streams of this process. If a [`Printer`] is set, as in a notebook, workers
//! print into pipes of their own. Then each text is shown for the origin of the call that printed it, such as a cell, even
//! if another cell runs by now.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::{Arc, OnceLock};

use threadbook_base::Mutex;
use threadbook_base::fork::Origin;

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout = 1,
    /// Standard error.
    Stderr = 2,
}

/// Shows the output of workers.
pub trait Printer: Send + Sync {
    /// The origin of output that is printed now, such as a notebook's cell.
    fn origin(&self) -> u64;

    /// Shows output of `origin`: whole characters, as far as they are UTF-8.
    ///
    /// Called while a worker's answer waits to be handed on, so it must not wait for any task.
    fn print(&self, origin: u64, stream: Stream, text: &[u8]);
}

static PRINTER: OnceLock<Box<dyn Printer>> = OnceLock::new();

/// Sets the printer for the output of new workers. The first one that is set stays.
pub fn set_printer(printer: impl Printer + 'static) {
    let _ = PRINTER.set(Box::new(printer));
}

/// The origin of output that is printed now; 0 without a [`Printer`].
pub fn origin() -> u64 {
    PRINTER.get().map_or(0, |printer| printer.origin())
}

/// Prints to the streams of this process, past the buffers of the standard library: a task's thread may hold
/// the lock of that while it waits for the worker.
pub fn print_here(stream: Stream, text: &[u8]) {
    // SAFETY: nothing closes the descriptor: it is not this file's to drop.
    let mut file = ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(stream as i32) });
    // An error means that the stream is closed.
    let _ = file.write_all(text);
}

/// Printing needs little, but a printer may have to write JSON.
const STACK_BYTES: usize = 256 << 10;

/// Where a new worker prints.
pub(crate) struct Ends {
    pub stdout: PipeWriter,
    pub stderr: PipeWriter,
}

/// The output of a worker.
pub(crate) struct Output {
    state: Mutex<State>,
    /// The process that reads. A forked copy does not read, and may find the lock taken for ever.
    reader: Origin,
}

struct State {
    origin: u64,
    pipes: Vec<Pipe>,
    /// The beginning of each line.
    label: Option<String>,
}

struct Pipe {
    reader: PipeReader,
    stream: Stream,
    /// The bytes that were read and are not shown yet: the beginning of a character, or of a line that gets a label.
    held: Vec<u8>,
    is_open: bool,
}

impl Output {
    /// Pipes for a new worker, unless it can as well print where this process does.
    ///
    /// With a label, its two streams are one, so that their lines keep their order.
    pub(crate) fn new(with_label: bool) -> io::Result<Option<(Output, Ends)>> {
        if !with_label && PRINTER.get().is_none() {
            return Ok(None);
        }
        let (out, stdout) = io::pipe()?;
        let mut pipes = vec![Pipe::new(out, Stream::Stdout)?];
        let stderr = if with_label {
            stdout.try_clone()?
        } else {
            let (err, stderr) = io::pipe()?;
            pipes.push(Pipe::new(err, Stream::Stderr)?);
            stderr
        };
        let state = Mutex::new(State { origin: origin(), pipes, label: None });
        Ok(Some((Output { state, reader: Origin::here() }, Ends { stdout, stderr })))
    }

    /// Shows the output as it comes, in a thread of its own, until the pipes are closed.
    pub(crate) fn follow(self: &Arc<Self>, pid: u32, with_label: bool) -> io::Result<()> {
        self.change(|state| state.label = with_label.then(|| format!("[{pid}] ")));
        let output = self.clone();
        let follow = move || while output.wait() && output.show() {};
        std::thread::Builder::new().name(format!("output of {pid}")).stack_size(STACK_BYTES).spawn(follow)?;
        Ok(())
    }

    /// Shows the present output. Returns whether more may come.
    pub(crate) fn show(&self) -> bool {
        self.change(State::show).unwrap_or(false)
    }

    /// Sets the origin of later output.
    pub(crate) fn set_origin(&self, origin: u64) {
        self.change(|state| {
            if state.origin != origin {
                state.show();
                state.origin = origin;
            }
        });
    }

    /// Waits until there is something to read.
    fn wait(&self) -> bool {
        let watched =
            |pipe: &Pipe| libc::pollfd { fd: pipe.reader.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let open =
            |state: &mut State| -> Vec<_> { state.pipes.iter().filter(|p| p.is_open).map(watched).collect() };
        let mut polled = self.change(open).unwrap_or_default();
        // SAFETY: the count is right, and `self` keeps them open. An interrupted wait finds nothing.
        !polled.is_empty()
            && unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, -1) } != 0
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.reader.is_here().then(|| change(&mut self.state.lock()))
    }
}

impl State {
    fn show(&mut self) -> bool {
        let (origin, label) = (self.origin, self.label.as_deref());
        self.pipes.iter_mut().for_each(|pipe| pipe.show(origin, label));
        self.pipes.iter().any(|pipe| pipe.is_open)
    }
}

impl Pipe {
    fn new(reader: PipeReader, stream: Stream) -> io::Result<Pipe> {
        let descriptor = reader.as_raw_fd();
        // SAFETY: plain calls on a descriptor that is open.
        let is_set = unsafe {
            let flags = libc::fcntl(descriptor, libc::F_GETFL);
            flags >= 0 && libc::fcntl(descriptor, libc::F_SETFL, flags | libc::O_NONBLOCK) >= 0
        };
        if !is_set {
            return Err(io::Error::last_os_error());
        }
        Ok(Pipe { reader, stream, held: Vec::new(), is_open: true })
    }

    fn show(&mut self, origin: u64, label: Option<&str>) {
        let mut buffer = [0; 16 << 10];
        while self.is_open {
            match self.reader.read(&mut buffer) {
                Ok(0) => self.is_open = false,
                Ok(count) => self.held.extend(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.is_open = false,
            }
            let whole = match (self.is_open, label) {
                (false, _) => self.held.len(),
                (true, Some(_)) => self.held.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1),
                (true, None) => whole_characters(&self.held),
            };
            let text: Vec<u8> = self.held.drain(..whole).collect();
            if text.is_empty() {
                continue;
            }
            let text = match label {
                Some(label) => with_label(label, &text),
                None => text,
            };
            match PRINTER.get() {
                Some(printer) => printer.print(origin, self.stream, &text),
                None => print_here(self.stream, &text),
            }
        }
    }
}

/// The lines of a text, each with `label` before it.
fn with_label(label: &str, text: &[u8]) -> Vec<u8> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n');
    lines.flat_map(|line| [label.as_bytes(), line, b"\n"].concat()).collect()
}

/// How many bytes of a text there are before a last character that is not complete.
fn whole_characters(text: &[u8]) -> usize {
    let last = text.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
    // A character that is cut off is at most three bytes long; invalid bytes may be shown as they are.
    let cut = &text[text.len() - last..];
    match std::str::from_utf8(cut) {
        Err(error) if error.error_len().is_none() => text.len() - last,
        _ => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_cut_off_is_held_back() {
        assert_eq!(whole_characters(b""), 0);
        assert_eq!(whole_characters(b"abc"), 3);
        assert_eq!(whole_characters("aé".as_bytes()), 3);
        assert_eq!(whole_characters(&"aé".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(&"a🦀".as_bytes()[..4]), 1);
        assert_eq!(whole_characters(b"a\xff"), 2);
    }

    #[test]
    fn each_line_gets_its_label() {
        assert_eq!(with_label("[7] ", b"one\n\ntwo\n"), b"[7] one\n[7] \n[7] two\n");
        assert_eq!(with_label("[7] ", b"no end"), b"[7] no end\n");
    }
}
