//! The tests of processes and their shared objects, in one program.

mod common;
#[cfg(unix)]
mod fork;
mod interrupt;
mod killed;
mod pipes;
mod pool;
mod processes;
mod queues;
mod synchronisation;
mod values;
