//! A client for any Jupyter kernel: starts it and executes cells in it.
//!
//! `threadbook run` executes notebooks with it, and the benchmarks time cells of several kernels with it, so
//! it relies only on the guarantees of Jupyter's protocol: a kernel may be slow to listen, send no
//! `iopub_welcome`, or answer with additional fields.
//!
//! ```no_run
//! use threadbook_client::{KernelClient, Status};
//!
//! let argv = ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"];
//! let mut kernel = KernelClient::start(&argv, ".".as_ref())?;
//! let outcome = kernel.execute("6 * 7")?;
//! assert!(matches!(outcome.status, Status::Ok));
//! println!("{:?} after {:?}", outcome.outputs, outcome.elapsed);
//! # Ok::<(), threadbook_client::ClientError>(())
//! ```

mod error;
mod kernel;
mod outputs;
mod process;
mod wire;

pub use error::ClientError;
pub use kernel::{CellOutcome, KernelClient, Status};
pub use outputs::{DisplayUpdate, LateText, Output, Outputs};
pub use process::CONNECTION_FILE;
