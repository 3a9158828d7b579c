//! The tests of worker processes, in one program.

mod output;
mod worker;
