//! The protocol front: Jupyter's messages over ZeroMQ.
//!
//! [`threadbook_jupyter`] has sockets, signatures and the connection file; [`channels`] carries messages between its
//! sockets and [`kernel`], which answers them, one method a message type; [`iopub`] publishes what everybody sees, [`stdin`]
//! asks the user. Nothing here knows how code is evaluated: that is [`crate::session`], which in turn knows
//! nothing of sockets.
//!
//! The specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html>.

mod batch;
mod channels;
mod history;
pub mod iopub;
mod is_complete;
mod kernel;
pub mod stdin;

#[cfg(test)]
pub use is_complete::is_complete;

use anyhow::Context;
use std::path::Path;
use threadbook_jupyter::connection;

/// The version of the protocol that is spoken here.
pub const PROTOCOL_VERSION: &str = "5.3";

/// Serves one kernel until it is shut down.
pub fn serve(connection_file: &Path, prepared: &Path) -> anyhow::Result<()> {
    // Asked at once, while it surely lives.
    let parent = nix::unistd::getppid();
    let connection = connection::read(connection_file)?;
    // The environment may only be changed while there is one thread.
    let workplace = crate::session::Workplace::open(prepared);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("tokio's runtime could not be started")?;
    let served = runtime.block_on(channels::serve(&connection, workplace, parent));
    runtime.shutdown_background();
    served
}
