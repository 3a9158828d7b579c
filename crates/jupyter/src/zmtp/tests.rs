//! The sockets against our own client; `tests/test_transport.py` tests them against libzmq.

use super::client::{Receiver, Sender, connect};
use super::handshake::SocketType;
use super::stream::Connection;
use super::{Endpoint, Heartbeat, Listener, Router, SendError, ZmtpError};
use bytes::Bytes;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The time-out of awaited events; a test that reaches it has failed.
pub(super) const SOON: Duration = Duration::from_secs(60);

pub(super) async fn listener() -> (Listener, Endpoint) {
    let listener = Listener::bind(&Endpoint::Tcp("127.0.0.1".into(), 0)).await.unwrap();
    let endpoint = listener.endpoint().unwrap();
    (listener, endpoint)
}

async fn dealer(endpoint: &Endpoint, identity: &str) -> Result<(Sender, Receiver), ZmtpError> {
    connect(endpoint, SocketType::Dealer, identity.as_bytes()).await
}

/// A router that accepts all messages that do not begin with `!`.
async fn router() -> (Router, Endpoint, mpsc::UnboundedReceiver<Vec<Bytes>>) {
    let (listener, endpoint) = listener().await;
    let (sender, received) = mpsc::unbounded_channel();
    let router = Router::start(listener, move |frames| {
        if frames[1].starts_with(b"!") {
            return Err("a test sent this".into());
        }
        sender.send(frames).map_err(|error| error.to_string())
    });
    (router, endpoint, received)
}

async fn raw(endpoint: &Endpoint) -> TcpStream {
    let Endpoint::Tcp(host, port) = endpoint else { panic!("{endpoint}") };
    TcpStream::connect((host.as_str(), *port)).await.unwrap()
}

/// Waits until the peer closes a connection.
async fn closed(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    // A peer with unread bytes resets the connection.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the connection is not closed");
}

#[tokio::test]
async fn a_router_sends_to_each_peer_by_its_identity() {
    let (router, endpoint, mut received) = router().await;
    let (one, mut to_one) = dealer(&endpoint, "one").await.unwrap();
    let (nameless, mut to_nameless) = dealer(&endpoint, "").await.unwrap();
    one.send(&["a", ""]).await.unwrap();
    assert_eq!(received.recv().await.unwrap(), ["one", "a", ""]);
    nameless.send(&[vec![b'b'; 1_000_000]]).await.unwrap();
    let frames = received.recv().await.unwrap();
    assert_eq!((frames[0].len(), frames[1].len()), (5, 1_000_000));
    router.send(&[frames[0].clone(), "to the nameless".into()]).unwrap();
    router.send(&["one".into(), "to one".into()]).unwrap();
    assert_eq!(to_nameless.receive().await.unwrap(), ["to the nameless"]);
    assert_eq!(to_one.receive().await.unwrap(), ["to one"]);
    assert_eq!(router.send(&["two".into(), "x".into()]), Err(SendError::NotConnected));
}

#[tokio::test]
async fn an_identity_stays_with_the_peer_that_lives_and_is_free_after_it() {
    let (router, endpoint, mut received) = router().await;
    let (first, mut to_first) = dealer(&endpoint, "me").await.unwrap();
    first.send(&["a"]).await.unwrap();
    received.recv().await.unwrap();
    let answering = tokio::spawn(async move { (to_first.receive().await, to_first) });
    let (_thief, mut to_thief) = dealer(&endpoint, "me").await.unwrap();
    assert!(timeout(SOON, to_thief.receive()).await.unwrap().is_err(), "the second one is refused");
    router.send(&["me".into(), "reply".into()]).unwrap();
    let (reply, to_first) = timeout(SOON, answering).await.unwrap().unwrap();
    assert_eq!(reply.unwrap(), ["reply"]);
    drop((first, to_first));
    let (again, _to_again) = dealer(&endpoint, "me").await.unwrap();
    again.send(&["b"]).await.unwrap();
    assert_eq!(timeout(SOON, received.recv()).await.unwrap().unwrap(), ["me", "b"]);
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_loses_its_identity() {
    let (_router, endpoint, mut received) = router().await;
    let (first, _never_reads) = dealer(&endpoint, "me").await.unwrap();
    first.send(&["a"]).await.unwrap();
    received.recv().await.unwrap();
    let (second, _to_second) = dealer(&endpoint, "me").await.unwrap();
    second.send(&["b"]).await.unwrap();
    assert_eq!(timeout(SOON, received.recv()).await.unwrap().unwrap(), ["me", "b"]);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_disconnected_and_others_are_not() {
    let (router, endpoint, mut received) = router().await;
    let (deaf, _never_reads) = dealer(&endpoint, "deaf").await.unwrap();
    let (other, mut to_other) = dealer(&endpoint, "other").await.unwrap();
    for peer in [&deaf, &other] {
        peer.send(&["here"]).await.unwrap();
        received.recv().await.unwrap();
    }
    let large = Bytes::from(vec![0; 8 << 20]);
    let refused = (0..1000).find_map(|_| router.send(&["deaf".into(), large.clone()]).err());
    assert_eq!(refused, Some(SendError::NotReading));
    router.send(&["other".into(), "x".into()]).unwrap();
    assert_eq!(to_other.receive().await.unwrap(), ["x"]);
}

#[tokio::test]
async fn a_refused_message_is_dropped_and_the_connection_goes_on() {
    let (_router, endpoint, mut received) = router().await;
    let (peer, _) = dealer(&endpoint, "me").await.unwrap();
    peer.send(&["!garbage"]).await.unwrap();
    peer.send(&["good"]).await.unwrap();
    assert_eq!(received.recv().await.unwrap(), ["me", "good"]);
}

#[tokio::test]
async fn a_peer_without_the_key_cannot_send_as_much_as_one_with_it() {
    let (_router, endpoint, mut received) = router().await;
    let large = vec![b'x'; 65 << 20];
    let (stranger, mut to_stranger) = dealer(&endpoint, "stranger").await.unwrap();
    assert!(stranger.send(&[&large]).await.is_err() || to_stranger.receive().await.is_err());
    let (peer, _) = dealer(&endpoint, "peer").await.unwrap();
    peer.send(&["good"]).await.unwrap();
    peer.send(&[&large]).await.unwrap();
    assert_eq!(received.recv().await.unwrap()[1], "good");
    assert_eq!(timeout(SOON, received.recv()).await.unwrap().unwrap()[1].len(), large.len());
}

#[tokio::test]
async fn bytes_of_other_protocols_close_their_connection_only() {
    let (_router, endpoint, mut received) = router().await;
    let (peer, _) = dealer(&endpoint, "me").await.unwrap();
    let greeting = super::handshake::greeting();
    let large = [&greeting[..], b"\x02", &(1_u64 << 50).to_be_bytes()].concat();
    let mut cut = raw(&endpoint).await;
    cut.write_all(&greeting[..40]).await.unwrap();
    drop(cut);
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 100], &large, &[&greeting[..], &[4, 3, 1, b'x', b'y']].concat()]
    {
        let mut stream = raw(&endpoint).await;
        stream.write_all(bytes).await.unwrap();
        closed(&mut stream).await;
    }
    let refused = connect(&endpoint, SocketType::Sub, b"").await.err().unwrap().to_string();
    assert!(refused.contains("socket"), "{refused}");
    peer.send(&["still here"]).await.unwrap();
    assert_eq!(received.recv().await.unwrap(), ["me", "still here"]);
}

#[tokio::test]
async fn silent_connections_make_room() {
    let (_router, endpoint, mut received) = router().await;
    let (peer, _) = dealer(&endpoint, "me").await.unwrap();
    peer.send(&["first"]).await.unwrap();
    received.recv().await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(raw(&endpoint).await);
    }
    closed(&mut silent[0]).await;
    let (newcomer, _) = dealer(&endpoint, "newcomer").await.unwrap();
    for (peer, name) in [(&newcomer, "newcomer"), (&peer, "me")] {
        peer.send(&["x"]).await.unwrap();
        assert_eq!(received.recv().await.unwrap(), [name, "x"]);
    }
}

#[tokio::test]
async fn an_unfinished_handshake_ends() {
    let (ours, mut silent) = tokio::io::duplex(1000);
    let (reader, writer) = tokio::io::split(ours);
    let halves = (Box::new(reader) as _, Box::new(writer) as _);
    let ended = Connection::within(Duration::from_millis(50), halves, SocketType::Router, b"").await;
    assert!(matches!(ended, Err(ZmtpError::Timeout)));
    let mut bytes = Vec::new();
    silent.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, super::handshake::greeting());
}

#[tokio::test]
async fn the_heartbeat_returns_all_frames_to_every_peer() {
    let (listener, endpoint) = listener().await;
    let _heartbeat = Heartbeat::start(listener);
    let (deaf, _never_reads) = connect(&endpoint, SocketType::Req, b"").await.unwrap();
    // Until a write blocks: the heartbeat has stopped reading from this peer.
    while timeout(Duration::from_millis(300), deaf.send(&[[0; 60_000]])).await.is_ok() {}
    let (peer, mut replies) = connect(&endpoint, SocketType::Req, b"").await.unwrap();
    for frames in [&["", "ping"][..], &["route", "back", "", "ping", ""]] {
        peer.send(frames).await.unwrap();
        assert_eq!(timeout(SOON, replies.receive()).await.unwrap().unwrap(), frames);
    }
}

#[tokio::test]
async fn the_file_of_an_ipc_socket_is_the_users_and_goes_away() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kernel-1");
    let endpoint = Endpoint::Ipc(path.clone());
    let heartbeat = Heartbeat::start(Listener::bind(&endpoint).await.unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let taken = Listener::bind(&endpoint).await.err().unwrap();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    let (peer, mut replies) = connect(&endpoint, SocketType::Req, b"").await.unwrap();
    peer.send(&["", "ping"]).await.unwrap();
    assert_eq!(replies.receive().await.unwrap(), ["", "ping"]);
    drop(heartbeat);
    assert!(!path.exists());

    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    drop(Listener::bind(&endpoint).await.expect("a socket that was left behind is replaced"));
    std::fs::write(&path, "a file").unwrap();
    assert!(Listener::bind(&endpoint).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
}
