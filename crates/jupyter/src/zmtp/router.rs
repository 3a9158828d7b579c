//! A router: receives from many peers, and sends to each by its identity.

use super::ZmtpError;
use super::codec::{Incoming, Limits, encode_message};
use super::handshake::SocketType;
use super::limits::{Budget, Slot, Stage, lock};
use super::listener::{Listener, Serving};
use super::outbox::Outbox;
use super::stream::{Connection, Reader, answer, ping};
use crate::complaint::complain;
use bytes::Bytes;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// The maximum backlog of a peer in bytes. A single message may be larger.
const MAX_BACKLOG: usize = 64 << 20;

/// The pause in reading from a peer after a message that was refused. A flood of them is slow.
const PENALTY: Duration = Duration::from_millis(10);

/// The time that a peer has to answer a PING.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// A router socket. Dropping it closes its connections.
///
/// *Invariants.* A peer that does not read is disconnected once more than 64 MB wait for it, and affects no
/// other peer. Peers without an accepted message share 64 MB for incomplete messages, and are evicted first
/// if there are too many connections. An identity belongs to its peer as long as that peer answers: another
/// peer cannot take it and get its replies.
pub struct Router {
    peers: Arc<Peers>,
    _serving: Serving,
}

/// The reason why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No peer has this identity.
    #[error("its receiver is not connected")]
    NotConnected,
    /// The peer does not read, and is no longer connected.
    #[error("its receiver does not read, and was disconnected")]
    NotReading,
}

/// The number of generated identities. They are unique across routers, so that a question to a peer of one
/// never reaches a peer of another.
static MADE: AtomicU32 = AtomicU32::new(0);

#[derive(Default)]
struct Peers {
    connected: Mutex<HashMap<Bytes, Arc<Peer>>>,
}

struct Peer {
    outbox: Outbox<Bytes>,
    /// Notified of everything that the peer sends.
    heard: Notify,
    slot: Arc<Slot>,
}

/// A peer's entry in the table, until it is dropped.
struct Entry {
    peers: Arc<Peers>,
    identity: Bytes,
    peer: Arc<Peer>,
}

impl Router {
    /// Serves the connections of a listener. `receive` gets each message, with the peer's identity as its
    /// first frame. It runs in the connection's task and should be quick. An error means that the message did
    /// not come from a peer with the key: it is logged, and the limits for peers without the key apply.
    pub fn start(
        listener: Listener,
        receive: impl Fn(Vec<Bytes>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Router {
        let peers = Arc::new(Peers::default());
        let (budget, receive) = (Budget::new(), Arc::new(receive));
        let serving = listener.serve(SocketType::Router, {
            let peers = peers.clone();
            move |connection, slot| serve(connection, slot, peers.clone(), budget.clone(), receive.clone())
        });
        Router { peers, _serving: serving }
    }

    /// Sends a message to the peer whose identity is the first frame. Does not wait for the peer.
    ///
    /// # Errors
    ///
    /// If the peer is not connected, or has not read for so long that it is disconnected now.
    pub fn send(&self, frames: &[Bytes]) -> Result<(), SendError> {
        let (identity, frames) = frames.split_first().ok_or(SendError::NotConnected)?;
        let peer = lock(&self.peers.connected).get(identity).cloned().ok_or(SendError::NotConnected)?;
        let message = encode_message(frames);
        let backlog = peer.outbox.backlog();
        if backlog > 0 && backlog + message.len() > MAX_BACKLOG {
            peer.slot.evict();
            peer.outbox.clear();
            return Err(SendError::NotReading);
        }
        peer.outbox.push(message);
        Ok(())
    }
}

async fn serve(
    connection: Connection,
    slot: Arc<Slot>,
    peers: Arc<Peers>,
    budget: Arc<Budget>,
    receive: Arc<impl Fn(Vec<Bytes>) -> Result<(), String>>,
) -> Result<(), ZmtpError> {
    let Connection { mut reader, mut writer, identity } = connection;
    slot.set_stage(Stage::Replaceable);
    reader.set_limits(Limits::STRANGER);
    reader.set_share(Some(budget.share(slot.clone())));
    let peer = Arc::new(Peer { outbox: Outbox::new(), heard: Notify::new(), slot });
    let entry = peers.join(identity, peer).await?;
    let ended = tokio::select! {
        ended = read(&entry, &mut reader, &*receive) => ended,
        ended = entry.peer.outbox.write_to(&mut writer) => ended,
    };
    ended.map(|never| match never {})
}

async fn read(
    entry: &Entry,
    reader: &mut Reader,
    receive: &impl Fn(Vec<Bytes>) -> Result<(), String>,
) -> Result<Infallible, ZmtpError> {
    let Entry { identity, peer, .. } = entry;
    loop {
        let incoming = reader.receive().await?;
        peer.heard.notify_waiters();
        match incoming {
            Incoming::Command(name, data) => {
                // A peer that sends requests and does not read gets one answer.
                if let Some(answer) = answer(&name, &data)
                    && peer.outbox.backlog() == 0
                {
                    peer.outbox.push(answer);
                }
            }
            Incoming::Message(mut frames) => {
                frames.insert(0, identity.clone());
                match receive(frames) {
                    Ok(()) => {
                        peer.slot.set_stage(Stage::Kept);
                        reader.set_limits(Limits::TRUSTED);
                        reader.set_share(None);
                    }
                    Err(reason) => {
                        complain(format_args!("{reason}"));
                        sleep(PENALTY).await;
                    }
                }
            }
        }
    }
}

impl Peers {
    /// Enters a peer into the table, under its requested identity or a generated one.
    async fn join(self: &Arc<Peers>, wanted: Bytes, peer: Arc<Peer>) -> Result<Entry, ZmtpError> {
        if wanted.is_empty() {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let identity = Bytes::from([&[0][..], &number.to_be_bytes()].concat());
            lock(&self.connected).insert(identity.clone(), peer.clone());
            return Ok(Entry { peers: self.clone(), identity, peer });
        }
        // A peer can reconnect before the end of its old connection is detected.
        let holder = lock(&self.connected).get(&wanted).cloned();
        if let Some(holder) = &holder
            && holder.answers().await
        {
            return Err(ZmtpError::Protocol("another peer has its identity"));
        }
        let mut connected = lock(&self.connected);
        let present = connected.get(&wanted);
        if present.is_some_and(|present| !holder.is_some_and(|holder| Arc::ptr_eq(&holder, present))) {
            return Err(ZmtpError::Protocol("another peer has its identity"));
        }
        if let Some(dead) = connected.insert(wanted.clone(), peer.clone()) {
            dead.slot.evict();
        }
        Ok(Entry { peers: self.clone(), identity: wanted, peer })
    }
}

impl Peer {
    /// Whether the peer is alive and reads.
    async fn answers(&self) -> bool {
        let heard = self.heard.notified();
        self.outbox.push(ping());
        timeout(PING_TIMEOUT, heard).await.is_ok()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut connected = lock(&self.peers.connected);
        if connected.get(&self.identity).is_some_and(|present| Arc::ptr_eq(present, &self.peer)) {
            connected.remove(&self.identity);
        }
    }
}
