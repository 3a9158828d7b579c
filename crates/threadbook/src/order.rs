//! Keeps standard output and standard error in the order in which a cell prints to them, and with the cell whose
//! thread it is that prints.
//!
//! The two are pipes, and whoever reads both cannot know which of two texts came first. So the macros here are
//! those of the standard library, but when a cell turns from one stream to the other, they wait until what is
//! in the first one's pipe has been read. The kernel imports them for every cell. Where there is no kernel they do
//! what the standard library's do, and nothing else.

use std::fmt;
use std::io::Write;
use std::panic::Location;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use threadbook_display::wire;
use threadbook_explore::is_silent;
use threadbook_worker::{Stream, panic_place};

use crate::printing::print_for_past_cell;

/// How long a reader may take. After that the order is lost, and not the cell's time.
const PATIENCE: Duration = Duration::from_millis(50);

/// The descriptor that was printed to last.
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

/// Where [`dbg!`](crate::dbg) stands.
#[doc(hidden)]
#[track_caller]
pub fn here() -> String {
    panic_place(Location::caller())
}

fn turn_to(descriptor: i32) {
    if LAST.load(Ordering::Relaxed) == descriptor {
        return;
    }
    let last = LAST.swap(descriptor, Ordering::Relaxed);
    if last != descriptor && wire::is_connected() {
        if last == libc::STDOUT_FILENO {
            // A line that has begun.
            let _ = std::io::stdout().flush();
        }
        wait_until_read(last);
    }
}

/// Waits until a pipe is empty.
fn wait_until_read(descriptor: i32) {
    let since = Instant::now();
    while unread(descriptor) > 0 && since.elapsed() < PATIENCE {
        thread::sleep(Duration::from_micros(20));
    }
}

/// How many bytes a pipe holds; none if it is no pipe.
fn unread(descriptor: i32) -> i32 {
    let mut count = 0;
    // SAFETY: the request writes one integer to where it is told to.
    match unsafe { libc::ioctl(descriptor, libc::FIONREAD, &mut count) } {
        0 => count,
        _ => 0,
    }
}

/// Prints to standard output as [`std::print`] does, in order with what a cell prints to standard error.
#[macro_export]
macro_rules! print {
    ($($arguments:tt)*) => { $crate::order::print(::std::format_args!($($arguments)*)) };
}

/// Prints to standard output as [`std::println`] does, in order with what a cell prints to standard error.
#[macro_export]
macro_rules! println {
    () => { $crate::order::print(::std::format_args!("\n")) };
    ($($arguments:tt)*) => {
        $crate::order::print(::std::format_args!("{}\n", ::std::format_args!($($arguments)*)))
    };
}

/// Prints to standard error as [`std::eprint`] does, in order with what a cell prints to standard output.
#[macro_export]
macro_rules! eprint {
    ($($arguments:tt)*) => { $crate::order::eprint(::std::format_args!($($arguments)*)) };
}

/// Prints to standard error as [`std::eprintln`] does, in order with what a cell prints to standard output.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::order::eprint(::std::format_args!("\n")) };
    ($($arguments:tt)*) => {
        $crate::order::eprint(::std::format_args!("{}\n", ::std::format_args!($($arguments)*)))
    };
}

/// Prints to standard error as [`std::dbg`] does, in order with what a cell prints to standard output. The place is the
/// cell and its line, in a notebook of the Threadbook kernel.
#[macro_export]
macro_rules! dbg {
    () => { $crate::order::eprint(::std::format_args!("[{}]\n", $crate::order::here())) };
    ($value:expr $(,)?) => {
        // A `match`, so that what is temporary in the expression lives as long as in one without this.
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
