//! Output order: keeps a cell's standard output and standard error in the order of printing, and attributes
//! the output of a thread to its cell.
//!
//! The two streams are pipes, and a reader of both cannot determine which of two texts was printed first. So
//! the macros here are those of the standard library, but when a cell switches from one stream to the other,
//! they wait until the first one's pipe is empty. The kernel imports them for every cell. Without a kernel,
//! they behave as the standard library's.

use std::fmt;
use std::io::Write;
use std::panic::Location;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use threadbook_base::location;
use threadbook_display::wire;
use threadbook_explore::is_silent;
use threadbook_worker::Stream;

use crate::printing::print_for_past_cell;

/// The maximum wait for the reader. After that, the order is given up, to not delay the cell.
const READ_TIMEOUT: Duration = Duration::from_millis(50);

/// The descriptor of the last print.
static LAST: AtomicI32 = AtomicI32::new(libc::STDOUT_FILENO);

/// Prints to standard output.
#[doc(hidden)]
pub fn print(text: fmt::Arguments<'_>) {
    if is_silent() {
        return;
    }
    if !print_for_past_cell(Stream::Stdout, text) {
        turn_to(libc::STDOUT_FILENO);
        std::print!("{text}");
    }
}

/// Prints to standard error.
#[doc(hidden)]
pub fn eprint(text: fmt::Arguments<'_>) {
    if is_silent() {
        return;
    }
    if !print_for_past_cell(Stream::Stderr, text) {
        turn_to(libc::STDERR_FILENO);
        std::eprint!("{text}");
    }
}

/// The location of a [`dbg!`](crate::dbg).
#[doc(hidden)]
#[track_caller]
pub fn here() -> String {
    location::describe(Location::caller())
}

fn turn_to(descriptor: i32) {
    if LAST.load(Ordering::Relaxed) == descriptor {
        return;
    }
    let last = LAST.swap(descriptor, Ordering::Relaxed);
    if last != descriptor && wire::is_connected() {
        if last == libc::STDOUT_FILENO {
            // A partial line.
            let _ = std::io::stdout().flush();
        }
        wait_until_read(last);
    }
}

/// Waits until a pipe is empty.
fn wait_until_read(descriptor: i32) {
    let since = Instant::now();
    while unread(descriptor) > 0 && since.elapsed() < READ_TIMEOUT {
        thread::sleep(Duration::from_micros(20));
    }
}

/// The number of bytes in a pipe; 0 if it is no pipe.
fn unread(descriptor: i32) -> i32 {
    let mut count = 0;
    // SAFETY: the request writes one integer to the passed address.
    match unsafe { libc::ioctl(descriptor, libc::FIONREAD, &mut count) } {
        0 => count,
        _ => 0,
    }
}

/// Prints to standard output as [`std::print`] does, in order with the cell's standard error.
#[macro_export]
macro_rules! print {
    ($($arguments:tt)*) => { $crate::order::print(::std::format_args!($($arguments)*)) };
}

/// Prints to standard output as [`std::println`] does, in order with the cell's standard error.
#[macro_export]
macro_rules! println {
    () => { $crate::order::print(::std::format_args!("\n")) };
    ($($arguments:tt)*) => {
        $crate::order::print(::std::format_args!("{}\n", ::std::format_args!($($arguments)*)))
    };
}

/// Prints to standard error as [`std::eprint`] does, in order with the cell's standard output.
#[macro_export]
macro_rules! eprint {
    ($($arguments:tt)*) => { $crate::order::eprint(::std::format_args!($($arguments)*)) };
}

/// Prints to standard error as [`std::eprintln`] does, in order with the cell's standard output.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::order::eprint(::std::format_args!("\n")) };
    ($($arguments:tt)*) => {
        $crate::order::eprint(::std::format_args!("{}\n", ::std::format_args!($($arguments)*)))
    };
}

/// Prints to standard error as [`std::dbg`] does, in order with the cell's standard output. In a notebook of
/// the Threadbook kernel, the location is the cell and its line.
#[macro_export]
macro_rules! dbg {
    () => { $crate::order::eprint(::std::format_args!("[{}]\n", $crate::order::here())) };
    ($value:expr $(,)?) => {
        // A `match`, so that temporaries of the expression live as long as without the macro.
        match $value {
            value => {
                let (place, code) = ($crate::order::here(), ::std::stringify!($value));
                $crate::order::eprint(::std::format_args!("[{place}] {code} = {value:#?}\n", value = &value));
                value
            }
        }
    };
    ($($value:expr),+ $(,)?) => { ($($crate::dbg!($value)),+,) };
}
