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
//! # The address of a function
//!
//! A function item, or a closure that captures nothing, is a value of no size, which can be made from its type alone.
//! So the function that calls it ([`Call::new`] instantiates one for each type) needs only the bytes
//! of the argument, and its address identifies the call. The address itself means nothing in another process, but
//! the loaded object that it lies in and its offset there do (`fn_address`). The worker loads the same object. In
//! an ordinary program that is the program itself; in a notebook, each cell is an object of its own.
//!
//! # The start of a worker
//!
//! Before `main`, an initialiser of this crate reads the environment. In a worker, a variable gives it that role: it
//! serves the calls that come over the socket on its standard input, and never returns (`serve`). If this
//! crate is part of a shared library, the dynamic linker loads that library first. So any program
//! can be a worker, without code in its `main`. A *fork server* is a worker that forks on request:
//! it has one thread and has run no code of a user, so its children are as good as new processes.
//!
//! # The end of a worker
//!
//! It ends on request, or when its socket is closed, which the system does in any end of the other process. A
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
