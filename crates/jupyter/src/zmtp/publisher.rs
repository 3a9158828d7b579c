//! A publisher: sends each message to all peers that have subscribed to its topic.
//!
//! The policy towards subscribers that are slower than the publisher is in [`super::pace`].

use super::ZmtpError;
use super::codec::{Incoming, Limits, encode_message};
use super::handshake::SocketType;
use super::limits::{Slot, lock};
use super::listener::{Listener, Serving};
use super::outbox::Outbox;
use super::pace::{Pace, Policy};
use super::stream::{Connection, Reader, answer};
use crate::complaint::complain;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// The subscriptions of a peer, and the length of each.
const MAX_TOPICS: usize = 256;

/// The pause in reading from a peer after it has changed its subscriptions [`MAX_TOPICS`] times.
const PENALTY: Duration = Duration::from_millis(10);

/// The backlog of a peer from which on it gets no welcomes and answers.
const MAX_EXTRA: usize = 64 << 10;

/// The interval at which the publisher checks the progress of its subscribers.
const TICK: Duration = Duration::from_millis(100);

/// A publisher socket. Dropping it closes its connections.
pub struct Publisher {
    shared: Arc<Shared>,
    _serving: Serving,
}

struct Shared {
    policy: Policy,
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
    memory: Arc<Memory>,
    last_tick: Mutex<Instant>,
}

struct Subscriber {
    topics: Mutex<BTreeSet<Bytes>>,
    outbox: Outbox<Published>,
    pace: Mutex<Pace>,
    slot: Arc<Slot>,
}

/// The bytes of all messages that have not been sent to all their subscribers.
#[derive(Default)]
struct Memory {
    bytes: AtomicUsize,
    freed: Notify,
}

/// An encoded message, in memory once for all its subscribers.
#[derive(Clone)]
struct Published(Arc<Counted>);

struct Counted {
    message: Bytes,
    memory: Arc<Memory>,
}

/// A subscriber's entry in the table, until it is dropped.
struct Entry {
    shared: Arc<Shared>,
    subscriber: Arc<Subscriber>,
}

impl Publisher {
    /// Serves the connections of a listener. `welcome` returns a message for a subscriber that has just
    /// subscribed to a topic.
    pub fn start(
        listener: Listener,
        welcome: impl Fn(&[u8]) -> Option<Vec<Bytes>> + Send + Sync + 'static,
    ) -> Publisher {
        Publisher::with(Policy::DEFAULT, listener, welcome)
    }

    fn with(
        policy: Policy,
        listener: Listener,
        welcome: impl Fn(&[u8]) -> Option<Vec<Bytes>> + Send + Sync + 'static,
    ) -> Publisher {
        let shared = Arc::new(Shared {
            policy,
            subscribers: Mutex::default(),
            memory: Arc::default(),
            last_tick: Mutex::new(Instant::now()),
        });
        let welcome = Arc::new(welcome);
        let serving = listener.serve(SocketType::Pub, {
            let shared = shared.clone();
            move |connection, slot| serve(connection, slot, shared.clone(), welcome.clone())
        });
        Publisher { shared, _serving: serving }
    }

    /// Sends a message to the subscribers of its first frame. While the messages that wait for subscribers take too
    /// much memory, waits for the slowest subscriber that keeps up, and disconnects those that do not.
    pub async fn send(&mut self, frames: &[Bytes]) {
        self.shared.room().await;
        let topic = frames.first().map(|topic| &topic[..]).unwrap_or_default();
        let mut message = None;
        for subscriber in lock(&self.shared.subscribers).iter() {
            if subscriber.wants(topic) {
                let message = message.get_or_insert_with(|| Published::new(frames, &self.shared.memory));
                subscriber.outbox.push(message.clone());
            }
        }
    }
}

impl Shared {
    /// Waits until there is room for a message.
    async fn room(&self) {
        self.tick();
        while self.memory.bytes.load(Ordering::Acquire) >= self.policy.max_memory {
            let _ = timeout(TICK, self.memory.freed.notified()).await;
            if self.tick() {
                self.cut_off();
            }
        }
    }

    /// Checks the progress of the subscribers, if a tick has passed.
    fn tick(&self) -> bool {
        let mut last_tick = lock(&self.last_tick);
        if last_tick.elapsed() < TICK {
            return false;
        }
        *last_tick = Instant::now();
        for subscriber in lock(&self.subscribers).iter() {
            let (backlog, taken) = (subscriber.outbox.backlog(), subscriber.outbox.taken());
            lock(&subscriber.pace).tick(backlog, taken, &self.policy);
        }
        true
    }

    /// Disconnects the subscribers that block the others.
    fn cut_off(&self) {
        let mut subscribers = lock(&self.subscribers);
        let others_are_faster =
            subscribers.iter().any(|subscriber| self.policy.is_fast(&lock(&subscriber.pace)));
        subscribers.retain(|subscriber| {
            let Some(reason) = self.policy.verdict(&lock(&subscriber.pace), others_are_faster) else {
                return true;
            };
            complain(format_args!("disconnected a subscriber of iopub: {reason}"));
            subscriber.slot.evict();
            subscriber.outbox.clear();
            false
        });
    }
}

async fn serve(
    connection: Connection,
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    welcome: Arc<impl Fn(&[u8]) -> Option<Vec<Bytes>>>,
) -> Result<(), ZmtpError> {
    let Connection { mut reader, mut writer, .. } = connection;
    reader.set_limits(Limits::SMALL);
    let subscriber = Arc::new(Subscriber {
        topics: Mutex::default(),
        outbox: Outbox::new(),
        pace: Mutex::default(),
        slot,
    });
    lock(&shared.subscribers).push(subscriber.clone());
    let entry = Entry { shared, subscriber };
    let ended = tokio::select! {
        ended = read(&entry, &mut reader, &*welcome) => ended,
        ended = entry.subscriber.outbox.write_to(&mut writer) => ended,
    };
    ended.map(|never| match never {})
}

async fn read(
    Entry { shared, subscriber }: &Entry,
    reader: &mut Reader,
    welcome: &impl Fn(&[u8]) -> Option<Vec<Bytes>>,
) -> Result<Infallible, ZmtpError> {
    let extra = |message| {
        if subscriber.outbox.backlog() < MAX_EXTRA {
            subscriber.outbox.push(message);
        }
    };
    let mut changes = 0;
    loop {
        let (subscribe, topic) = match reader.receive().await? {
            Incoming::Command(name, topic) if name[..] == *b"SUBSCRIBE" => (true, topic),
            Incoming::Command(name, topic) if name[..] == *b"CANCEL" => (false, topic),
            Incoming::Command(name, data) => {
                if let Some(answer) = answer(&name, &data) {
                    extra(Published::of(answer, &shared.memory));
                }
                continue;
            }
            // The form of ZMTP 3.0: a message whose first byte is its kind.
            Incoming::Message(frames) => match &frames[..] {
                [frame] if frame.first() == Some(&1) => (true, frame.slice(1..)),
                [frame] if frame.first() == Some(&0) => (false, frame.slice(1..)),
                _ => continue,
            },
        };
        if subscribe {
            if subscriber.subscribe(&topic)?
                && let Some(frames) = welcome(&topic)
            {
                extra(Published::new(&frames, &shared.memory));
            }
        } else {
            lock(&subscriber.topics).remove(&topic);
        }
        changes += 1;
        if changes > MAX_TOPICS {
            sleep(PENALTY).await;
        }
    }
}

impl Subscriber {
    /// Subscribes to a topic. Returns whether it is new.
    fn subscribe(&self, topic: &[u8]) -> Result<bool, ZmtpError> {
        let mut topics = lock(&self.topics);
        if topic.len() > MAX_TOPICS || topics.len() == MAX_TOPICS && !topics.contains(topic) {
            return Err(ZmtpError::Protocol("it subscribes to too many topics, or too long ones"));
        }
        Ok(topics.insert(Bytes::copy_from_slice(topic)))
    }

    fn wants(&self, topic: &[u8]) -> bool {
        lock(&self.topics).iter().any(|prefix| topic.starts_with(prefix))
    }
}

impl Published {
    fn new(frames: &[Bytes], memory: &Arc<Memory>) -> Published {
        Published::of(encode_message(frames), memory)
    }

    fn of(message: Bytes, memory: &Arc<Memory>) -> Published {
        memory.bytes.fetch_add(message.len(), Ordering::AcqRel);
        Published(Arc::new(Counted { message, memory: memory.clone() }))
    }
}

impl AsRef<[u8]> for Published {
    fn as_ref(&self) -> &[u8] {
        &self.0.message
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.memory.bytes.fetch_sub(self.message.len(), Ordering::AcqRel);
        self.memory.freed.notify_one();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.shared.subscribers).retain(|other| !Arc::ptr_eq(other, &self.subscriber));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::Endpoint;
    use crate::zmtp::client::{Receiver, Sender, connect};
    use crate::zmtp::tests::{SOON, listener};

    const SMALL: Policy = Policy { max_memory: 1 << 20, idle_timeout: 30, min_taken: 64 << 10 };

    async fn publisher() -> (Publisher, Endpoint) {
        let (listener, endpoint) = listener().await;
        let welcome = |topic: &[u8]| Some(vec![Bytes::copy_from_slice(topic), "welcome".into()]);
        (Publisher::with(SMALL, listener, welcome), endpoint)
    }

    /// A subscriber that has been welcomed.
    async fn subscriber(endpoint: &Endpoint, topic: &str) -> (Sender, Receiver) {
        let (sender, mut receiver) = connect(endpoint, SocketType::Sub, b"").await.unwrap();
        sender.subscribe(topic.as_bytes()).await.unwrap();
        assert_eq!(receiver.receive().await.unwrap(), [topic, "welcome"]);
        (sender, receiver)
    }

    fn page(number: u32) -> [Bytes; 2] {
        ["page".into(), Bytes::from(vec![number as u8; 10_000])]
    }

    #[tokio::test]
    async fn subscribers_get_the_topics_that_they_have_subscribed_to() {
        let (mut publisher, endpoint) = publisher().await;
        let (all, mut to_all) = subscriber(&endpoint, "").await;
        let (_some, mut to_some) = subscriber(&endpoint, "st").await;
        for topic in ["stream", "status", "s"] {
            publisher.send(&[topic.into(), "x".into()]).await;
        }
        for topic in ["stream", "status", "s"] {
            assert_eq!(to_all.receive().await.unwrap(), [topic, "x"]);
        }
        for topic in ["stream", "status"] {
            assert_eq!(to_some.receive().await.unwrap(), [topic, "x"]);
        }
        // The commands of ZMTP 3.1 do the same.
        all.send_raw(&crate::zmtp::codec::encode_command("CANCEL", b"")).await.unwrap();
        all.send_raw(&crate::zmtp::codec::encode_command("SUBSCRIBE", b"new")).await.unwrap();
        assert_eq!(to_all.receive().await.unwrap(), ["new", "welcome"]);
        publisher.send(&["stream".into()]).await;
        publisher.send(&["news".into()]).await;
        assert_eq!(to_all.receive().await.unwrap(), ["news"]);
    }

    #[tokio::test]
    async fn a_slow_reader_gets_everything_and_the_publisher_waits_for_it() {
        let (mut publisher, endpoint) = publisher().await;
        let (_sender, mut receiver) = subscriber(&endpoint, "").await;
        let memory = publisher.shared.memory.clone();
        let publishing = tokio::spawn(async move {
            for number in 0..5000 {
                publisher.send(&page(number)).await;
                assert!(memory.bytes.load(Ordering::Relaxed) <= SMALL.max_memory + 20_000);
            }
            publisher
        });
        for number in 0..5000 {
            if number % 500 == 0 {
                sleep(Duration::from_millis(200)).await;
            }
            assert_eq!(timeout(SOON, receiver.receive()).await.unwrap().unwrap(), page(number));
        }
        drop(publishing.await.unwrap());
    }

    #[tokio::test]
    async fn subscribers_that_stand_still_are_cut_off_and_the_reader_gets_everything() {
        let (mut publisher, endpoint) = publisher().await;
        let mut still = Vec::new();
        for _ in 0..5 {
            still.push(subscriber(&endpoint, "").await);
        }
        let (_sender, mut receiver) = subscriber(&endpoint, "").await;
        let publishing = tokio::spawn(async move {
            for number in 0..5000 {
                publisher.send(&page(number)).await;
            }
            publisher
        });
        for number in 0..5000 {
            assert_eq!(timeout(SOON, receiver.receive()).await.unwrap().unwrap(), page(number));
        }
        let publisher = publishing.await.unwrap();
        assert_eq!(lock(&publisher.shared.subscribers).len(), 1);
        for (_, receiver) in &mut still {
            while receiver.receive().await.is_ok() {}
        }
    }

    #[tokio::test]
    async fn a_lone_subscriber_that_stands_still_is_cut_off_in_the_end() {
        let (mut publisher, endpoint) = publisher().await;
        let (_sender, _never_reads) = subscriber(&endpoint, "").await;
        let publishing = async {
            for number in 0..5000 {
                publisher.send(&page(number)).await;
            }
        };
        timeout(SOON, publishing).await.expect("the publisher waits for ever");
        assert!(lock(&publisher.shared.subscribers).is_empty());
    }
}
