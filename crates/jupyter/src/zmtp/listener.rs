//! A bound socket: accepts connections, shakes hands, and serves each connection in a task of its own.

use super::ZmtpError;
use super::endpoint::{Endpoint, Listening, SocketFile};
use super::handshake::SocketType;
use super::limits::{Slot, Slots, Stage};
use super::stream::Connection;
use crate::complaint::complain;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};

/// The pause after an accept that failed, for example for lack of descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// A bound address, whose connections wait in the backlog until it is served.
pub struct Listener {
    listening: Listening,
    file: Option<SocketFile>,
}

/// Serves connections until it is dropped.
pub(super) struct Serving {
    accepting: JoinHandle<()>,
    _file: Option<SocketFile>,
}

impl Listener {
    /// Binds an address. The file of an ipc socket is accessible to this user only, and is removed at the
    /// end.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub async fn bind(endpoint: &Endpoint) -> io::Result<Listener> {
        let (listening, file) = endpoint.listen().await?;
        Ok(Listener { listening, file })
    }

    /// The address that peers connect to; differs from the one that was bound if its port was 0.
    ///
    /// # Errors
    ///
    /// If the system does not return it.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        self.listening.endpoint()
    }

    /// Runs `serve` for each peer, until that future ends or the connection is evicted.
    pub(super) fn serve<F>(
        self,
        socket: SocketType,
        serve: impl Fn(Connection, Arc<Slot>) -> F + Send + Sync + 'static,
    ) -> Serving
    where
        F: Future<Output = Result<(), ZmtpError>> + Send + 'static,
    {
        let Listener { listening, file } = self;
        Serving { accepting: tokio::spawn(accept(listening, socket, Arc::new(serve))), _file: file }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Dropping the set ends the connections.
        self.accepting.abort();
    }
}

async fn accept<F>(
    listening: Listening,
    socket: SocketType,
    serve: Arc<impl Fn(Connection, Arc<Slot>) -> F + Send + Sync + 'static>,
) where
    F: Future<Output = Result<(), ZmtpError>> + Send + 'static,
{
    let slots = Slots::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listening.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let halves = match accepted {
            Ok(halves) => halves,
            Err(error) => {
                complain(format_args!("a {} socket cannot accept a connection: {error}", socket.name()));
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        let Some(held) = slots.take() else {
            complain(format_args!("a {} socket has too many connections; refused another", socket.name()));
            continue;
        };
        let serve = serve.clone();
        connections.spawn(async move {
            let served = async {
                let connection = Connection::new(halves, socket, b"").await?;
                held.slot.set_stage(Stage::Kept);
                serve(connection, held.slot.clone()).await
            };
            let ended = tokio::select! {
                ended = served => ended,
                () = held.slot.evicted() => Err(ZmtpError::Evicted),
            };
            match ended {
                // Disconnections are normal; evictions are logged at their cause, if at all.
                Ok(()) | Err(ZmtpError::Closed | ZmtpError::Io(_) | ZmtpError::Evicted) => {}
                Err(error) => {
                    complain(format_args!("closed a connection to a {} socket: {error}", socket.name()))
                }
            }
        });
    }
}
