//! What rust-analyzer reads.
//!
//! The engine asks rust-analyzer for the types of a cell's variables, and rust-analyzer would read everything
//! that the cell could name, directly or not: seconds of work and half a gigabyte of memory before the first
//! answer. So it is shown the standard library without what no notebook asks for ([`standard_library`],
//! [`surface`]), and of the crates that every cell can name only those that a cell did name ([`crates`]).

pub mod crates;
pub mod standard_library;
mod surface;
