//! Directories and files with access for a single user.
//!
//! Keys, code and history are in directories of mode 0700 and in files of mode 0600. The modes are set at
//! creation, independent of the umask. Existing ones are checked: [`directory`] and [`file()`] refuse those
//! of another user. [`Held`] is a new directory with a random name, which its process holds by a lock.
//!
//! *Invariant:* only this user and root can read or replace the files and directories that these functions return.

mod directory;
mod file;
mod held;
mod temporary;

pub use directory::{close_to_others, directory, untrusted};
pub use file::{create_new, file};
pub use held::{Held, left_behind};
pub use temporary::{TEMPORARY, temporary};
