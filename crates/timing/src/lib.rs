//! Measurement of elapsed and processor time.
//!
//! - Once: [`time()`], and for a command [`time_command`].
//! - With high accuracy: [`timeit`].
//! - In comparison: [`benchmark`], whose [`history()`] outlives the process.
//! - With more workers: [`speedup`].
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
//! This crate depends on no executor, no picture and no kernel.

mod benchmark;
mod calibrate;
mod clock;
mod code_hash;
mod command;
mod comparison;
mod history;
mod interleaved;
mod interrupt;
mod measurement;
mod speedup;
mod statistics;
mod stopwatch;
mod timeit;
mod units;
mod warnings;

pub use benchmark::{Benchmark, benchmark};
pub use clock::{Clock, clock};
pub use code_hash::set_code_hash;
pub use command::{CommandTimer, CommandTiming, time_command};
pub use comparison::{Case, Comparison};
pub use history::{Entry, History, Machine, Past, history};
pub use measurement::Measurement;
pub use speedup::{Point, SpeedUp, speedup};
pub use stopwatch::{Stopwatch, Timed, time};
pub use timeit::timeit;
#[doc(hidden)]
pub use units::{counted, grouped};
