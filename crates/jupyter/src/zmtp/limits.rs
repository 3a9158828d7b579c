//! The limits for all peers of a socket together: connections, and memory for peers without the key.

use super::ZmtpError;
use nix::sys::resource::{Resource, getrlimit};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The maximum memory for incomplete messages of all peers without the key together.
const STRANGERS_MEMORY: usize = 64 << 20;

/// The size up to which incomplete messages are not counted: the number of connections bounds them.
const UNCOUNTED: usize = 64 << 10;

/// The connections of one socket.
pub(super) struct Slots {
    max: usize,
    open: Mutex<(u64, BTreeMap<u64, Arc<Slot>>)>,
}

/// The place of one connection among those of its socket.
pub(super) struct Slot {
    stage: AtomicU8,
    evicted: Notify,
}

/// The state of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The handshake is not finished.
    Handshake,
    /// The handshake is finished, and the socket may close it to accept another peer.
    Replaceable,
    /// The peer keeps its connection.
    Kept,
}

/// Holds a slot until it is dropped.
pub(super) struct Held {
    slots: Arc<Slots>,
    id: u64,
    pub(super) slot: Arc<Slot>,
}

impl Slots {
    /// Slots for a fair part of the descriptors of this process: five sockets together take at most five eighths.
    pub(super) fn new() -> Arc<Slots> {
        let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        Slots::with((descriptors / 8).clamp(4, 256) as usize)
    }

    fn with(max: usize) -> Arc<Slots> {
        Arc::new(Slots { max, open: Mutex::default() })
    }

    /// A slot for a new connection. If there is none, evicts the oldest connection with an unfinished handshake, or
    /// else the oldest replaceable one; `None` if all are kept.
    pub(super) fn take(self: &Arc<Slots>) -> Option<Held> {
        let mut open = lock(&self.open);
        if open.1.len() >= self.max {
            let (_, id) = open
                .1
                .iter()
                .map(|(id, slot)| (slot.stage(), *id))
                .filter(|(stage, _)| *stage != Stage::Kept)
                .min()?;
            open.1.remove(&id)?.evict();
        }
        open.0 += 1;
        let id = open.0;
        let slot = Arc::new(Slot { stage: AtomicU8::new(0), evicted: Notify::new() });
        open.1.insert(id, slot.clone());
        Some(Held { slots: self.clone(), id, slot })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.slots.open).1.remove(&self.id);
    }
}

impl Slot {
    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Handshake,
            1 => Stage::Replaceable,
            _ => Stage::Kept,
        }
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Ends the connection soon.
    pub(super) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Waits until the connection is to end. One task waits for this.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

/// The memory that peers without the key share.
pub(super) struct Budget {
    max: usize,
    shares: Mutex<Shares>,
}

#[derive(Default)]
struct Shares {
    total: usize,
    last: u64,
    /// Ordered by the start of the share, the oldest first.
    counted: BTreeMap<u64, (usize, Arc<Slot>)>,
}

/// The part of a [`Budget`] that one connection takes.
pub(super) struct Share {
    budget: Arc<Budget>,
    slot: Arc<Slot>,
    /// The place in the order of shares, while this one is counted.
    place: Option<u64>,
}

impl Budget {
    pub(super) fn new() -> Arc<Budget> {
        Budget::with(STRANGERS_MEMORY)
    }

    fn with(max: usize) -> Arc<Budget> {
        Arc::new(Budget { max, shares: Mutex::default() })
    }

    pub(super) fn share(self: &Arc<Budget>, slot: Arc<Slot>) -> Share {
        Share { budget: self.clone(), slot, place: None }
    }
}

impl Share {
    /// Sets the size of this share. If the total exceeds the budget, the connections with the oldest
    /// incomplete messages are evicted: a peer that sends a message without a pause completes it before that.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), ZmtpError> {
        let mut shares = lock(&self.budget.shares);
        if bytes <= UNCOUNTED {
            if let Some(place) = self.place.take() {
                shares.remove(place);
            }
            return Ok(());
        }
        let place = match self.place {
            // It was evicted meanwhile.
            Some(place) if !shares.counted.contains_key(&place) => return Err(ZmtpError::Evicted),
            Some(place) => place,
            None => {
                shares.last += 1;
                *self.place.insert(shares.last)
            }
        };
        shares.remove(place);
        shares.total += bytes;
        shares.counted.insert(place, (bytes, self.slot.clone()));
        while shares.total > self.budget.max {
            let Some((&oldest, _)) = shares.counted.first_key_value() else { break };
            if let Some(slot) = shares.remove(oldest) {
                slot.evict();
            }
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = self.set(0);
    }
}

impl Shares {
    fn remove(&mut self, place: u64) -> Option<Arc<Slot>> {
        let (bytes, slot) = self.counted.remove(&place)?;
        self.total -= bytes;
        Some(slot)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the slot's connection was evicted. Clears the notification.
    fn is_evicted(slot: &Slot) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            tokio::select! { biased; () = slot.evicted() => true, () = std::future::ready(()) => false }
        })
    }

    #[test]
    fn unfinished_handshakes_are_evicted_first_and_kept_peers_never() {
        let slots = Slots::with(3);
        let held: Vec<Held> = (0..3).map(|_| slots.take().unwrap()).collect();
        held[0].slot.set_stage(Stage::Replaceable);
        held[1].slot.set_stage(Stage::Kept);
        let third = slots.take().unwrap();
        third.slot.set_stage(Stage::Kept);
        assert_eq!(held.iter().map(|held| is_evicted(&held.slot)).collect::<Vec<_>>(), [false, false, true]);
        let fourth = slots.take().unwrap();
        fourth.slot.set_stage(Stage::Kept);
        assert!(is_evicted(&held[0].slot));
        assert!(slots.take().is_none(), "all are kept");
        drop(fourth);
        assert!(slots.take().is_some());
    }

    #[test]
    fn the_oldest_incomplete_message_gives_way() {
        let (slots, budget) = (Slots::with(9), Budget::with(1 << 20));
        let held: Vec<Held> = (0..3).map(|_| slots.take().unwrap()).collect();
        let mut shares: Vec<Share> = held.iter().map(|held| budget.share(held.slot.clone())).collect();
        let evicted = |n: usize| is_evicted(&held[n].slot);
        shares[1].set(500 << 10).unwrap();
        shares[0].set(500 << 10).unwrap();
        shares[2].set(UNCOUNTED).unwrap();
        assert!(!evicted(0) && !evicted(1) && !evicted(2));
        shares[0].set(600 << 10).unwrap();
        assert!(!evicted(0) && evicted(1));
        assert!(matches!(shares[1].set(501 << 10), Err(ZmtpError::Evicted)));
        shares[0].set(0).unwrap();
        assert_eq!(lock(&budget.shares).total, 0);
        shares[0].set(2 << 20).unwrap();
        assert!(evicted(0), "a message that is too large for all");
        assert_eq!(lock(&budget.shares).total, 0);
    }
}
