//! Something to do for workers, on any machine and without a network.
//!
//! What makes a task slow decides what helps it. Here is some of each kind:
//!
//! - Waiting: [`Server`] is a web server on this machine whose pages take as long as you say, and [`fetch`] gets
//!   one. Many workers wait at the same time, however few processors there are.
//! - Computing: [`factorize`] takes a number apart; [`semiprimes`] are numbers that make that long. More workers
//!   than processors are of no use.
//! - Both: [`SampleFiles`] are there to be read, and [`checksum`] reads one.
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
//! This crate knows no executor and no kernel.

mod factor;
mod fetch;
mod files;
mod server;

pub use factor::{factorize, semiprimes};
pub use fetch::{FetchError, fetch};
pub use files::{SampleFiles, checksum};
pub use server::Server;
