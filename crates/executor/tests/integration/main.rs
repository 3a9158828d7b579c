//! The tests of the executors, in one program.

mod bad_input;
mod common;
mod concurrent_futures;
mod deadlock;
mod executors;
#[cfg(unix)]
mod fork;
mod interrupt;
mod process_pool;
mod process_pool_killed;
mod process_pool_waits;
mod random_graphs;
mod refusals;
mod rough;
mod soak;
