//! The explored forms of std's types and functions, under std's names.

pub mod hint;
mod local;
mod pause;
mod statics;
pub mod sync;
pub mod thread;

pub use statics::Static;

/// As [`mod@std`], with the modules that it leaves out. The engine refuses their use, in its own words, and allows an
/// import of them that an explored cell has no use for.
#[doc(hidden)]
pub mod whole_std {
    pub use ::std::*;

    pub use crate::explored::local::thread_local;
    pub use crate::explored::{hint, sync, thread};
}

/// The standard library with explored forms of `sync`, `thread`, `hint` and `thread_local!`.
///
/// `use threadbook_explore::std;` at the top of a module has `std` mean this there. All else is the standard library's
/// own. Sockets, files and processes are left out: they reach beyond the program, and cannot be run again.
pub mod std {
    pub use ::std::*;

    pub use crate::explored::local::thread_local;
    pub use crate::explored::{hint, sync, thread};

    /// Files have no explored form: each schedule would find the files of the one before.
    pub mod fs {}
    /// Sockets have no explored form: the scheduler cannot see when data comes.
    pub mod net {}
    /// Processes have no explored form: the scheduler cannot see their steps.
    pub mod process {
        pub use ::std::process::{ExitCode, Termination, id};
    }
}
