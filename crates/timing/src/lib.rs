//! How long something takes: once ([`time()`]), or as exactly as can be told ([`timeit`]).
//!
//! ```
//! use threadbook_timing::{time, timeit};
//!
//! let timed = time(|| (1..=10_u64).product::<u64>());
//! assert_eq!(timed.value, 3_628_800);
//!
//! let measurement = timeit(|| std::thread::sleep(std::time::Duration::from_millis(30)));
//! assert!(measurement.min() >= std::time::Duration::from_millis(30));
//! ```
//!
//! This crate knows no executor, no picture and no kernel.

mod statistics;
mod stopwatch;
mod timeit;
mod units;

pub use stopwatch::{Stopwatch, Timed, time};
pub use timeit::{Measurement, timeit};
