//! Work for the workers of examples, on any machine and without a network.
//!
//! The bottleneck of a task determines its remedy. This crate has work of each kind:
//!
//! - Waiting: [`Server`] is a web server on this machine whose pages take a given time, and [`fetch`] fetches
//!   one. Many workers can wait at the same time, on any number of processors.
//! - Computing: [`factorize`] factorises a number; [`semiprimes`] are numbers for which that is slow. More
//!   workers than processors are of no use.
//! - Both: [`SampleFiles`] are files to read, and [`checksum`] reads one.
//!
//! ```
//! use std::time::Duration;
//! use threadbook_workload::{Server, fetch};
//!
//! let server = Server::start(Duration::from_millis(20))?;
//! let pages: Result<Vec<String>, _> = server.urls(3).iter().map(|url| fetch(url)).collect();
//! assert!(pages?[2].contains("page 3"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate depends on no executor and no kernel.

mod factor;
mod fetch;
mod files;
mod server;

pub use factor::{factorize, semiprimes};
pub use fetch::{FetchError, fetch};
pub use files::{SampleFiles, checksum};
pub use server::Server;
