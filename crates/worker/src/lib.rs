//! Calls functions in another process.
//!
//! A worker is this same program, started anew. [`Call::new`] makes a message of a function and its argument,
//! [`Worker::start`] starts a process, [`Worker::send`] and [`Worker::receive`] exchange messages with it.
//!
//! ```
//! use threadbook_worker::{Answer, Call, Start, Worker, decode};
//!
//! let mut worker = Worker::start(&Start::spawn())?;
//! worker.send(&[&Call::new(|n: u64| n * n, 12)?])?;
//! let Answer::Returned { value, .. } = worker.receive()? else { panic!() };
//! assert_eq!(decode::<u64>(value)?, 144);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a function finds its way
//!
//! A function item, or a closure that captures nothing, is a value of no size: whoever knows its type can make
//! one. So the function that calls it ([`Call::new`] instantiates one for each type) needs nothing but the bytes
//! of the argument, and its address says everything. The address itself means nothing in another process, but
//! the shared object that it lies in and its offset there do (`fn_address`). The worker loads the same object. In
//! an ordinary program that is the program itself; in a notebook, each cell is an object of its own.
//!
//! # How a worker starts
//!
//! Before `main`, an initialiser of this crate looks at the environment. In a worker it finds the order to be
//! one, serves calls that come over the socket on its standard input, and never returns (`serve`). Where this
//! crate is part of a shared library, the dynamic linker is asked to load that library first. So any program
//! can be a worker, without a word in its `main`. A *fork server* is a worker that forks when it is asked to:
//! it has one thread and has run no code of a user, so its copies are as good as new.
//!
//! # How a worker ends
//!
//! When it is told to, or when its socket is closed, which the system does however the other process ends. A
//! thread watches for that also while a call runs.
//!
//! *Invariant:* this crate knows no future, no executor and no notebook.

mod call;
mod codec;
mod death;
mod descriptors;
mod files;
mod fn_address;
mod fork_server;
mod frame;
mod message;
mod output;
mod process;
mod serve;
mod spawn;

pub use call::{Answer, Call};
pub use codec::{Bytes, CodecError, decode, encode, into_bytes};
pub use death::Death;
pub use descriptors::Descriptor;
pub use files::{receive_with_files, send_with_files};
pub use message::Message;
pub use output::{Printer, Stream, origin, print_here, set_printer};
pub use process::{Start, StartError, Stopper, Worker};
pub use serve::is_worker;
