//! A web server whose pages take a given time.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use threadbook_base::Mutex;
use threadbook_worker::{Call, Descriptor, Start, Worker};

/// The maximum head of a request, in bytes.
const MAX_HEAD: u64 = 64 << 10;
/// The time-out of a client that has connected and sends nothing.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A web server on this machine, in a process of its own. Each page is sent after the server's latency, and
/// any number of requests can be pending at the same time.
///
/// It listens on 127.0.0.1, so other machines cannot reach it. It ends when this value is dropped, and with
/// the process that has started it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use threadbook_workload::{Server, fetch};
///
/// let server = Server::start(Duration::from_millis(50))?;
/// let start = Instant::now();
/// assert!(fetch(&server.url("news"))?.contains("news"));
/// assert!(start.elapsed() >= server.latency());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    running: Arc<Mutex<Running>>,
    address: SocketAddr,
}

/// The listening socket, and the process that serves it.
struct Running {
    listener: TcpListener,
    worker: Worker,
    latency: Duration,
}

/// All servers. In a notebook that was restored after a crash, their processes are gone, which the next fetch
/// of a page detects.
static SERVERS: Mutex<Vec<(SocketAddr, Weak<Mutex<Running>>)>> = Mutex::new(Vec::new());

impl Running {
    fn start(listener: TcpListener, latency: Duration) -> io::Result<Running> {
        let mut worker = Worker::start(&Start::spawn()).map_err(io::Error::other)?;
        let served = Descriptor::from(OwnedFd::from(listener.try_clone()?));
        let call = Call::new(serve, (served, latency)).map_err(io::Error::other)?;
        // No reply: the worker serves until it is ended.
        worker.send(&[&call]).map_err(io::Error::other)?;
        Ok(Running { listener, worker, latency })
    }
}

/// Restarts the server at `address`, if it is one of ours whose process is gone.
pub(crate) fn revive(address: &str) -> io::Result<()> {
    let mut servers = SERVERS.lock();
    servers.retain(|(_, server)| server.strong_count() > 0);
    let found = servers.iter().find(|(other, _)| other.to_string() == address);
    let Some(server) = found.and_then(|(_, server)| server.upgrade()) else { return Ok(()) };
    drop(servers);
    let mut running = server.lock();
    if running.worker.poll().is_some() {
        *running = Running::start(running.listener.try_clone()?, running.latency)?;
    }
    Ok(())
}

impl Server {
    /// Starts a server that waits for `latency` before it sends a page.
    ///
    /// # Errors
    ///
    /// If the system refuses a port or a process.
    pub fn start(latency: Duration) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let running = Arc::new(Mutex::new(Running::start(listener, latency)?));
        SERVERS.lock().push((address, Arc::downgrade(&running)));
        Ok(Server { running, address })
    }

    /// The address of a page. Any name is valid.
    pub fn url(&self, page: &str) -> String {
        format!("http://{}/{}", self.address, page.trim_start_matches('/'))
    }

    /// The addresses of `count` pages.
    pub fn urls(&self, count: usize) -> Vec<String> {
        (1..=count).map(|number| self.url(&format!("page/{number}"))).collect()
    }

    /// The id of the server's process.
    pub fn pid(&self) -> u32 {
        self.running.lock().worker.pid()
    }

    /// The minimum time of a page.
    pub fn latency(&self) -> Duration {
        self.running.lock().latency
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}, {:?} a page)", self.url(""), self.latency())
    }
}

/// The main function of the server's process: a thread for each connection, so that even a first burst of
/// requests is answered at the same time.
fn serve((listener, latency): (Descriptor, Duration)) {
    let listener = TcpListener::from(listener.into_owned().expect("nobody else has it"));
    loop {
        let Ok((client, _)) = listener.accept() else {
            // The process may have no descriptor left until a connection ends.
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        // The client may leave before its page is sent. If no thread can be spawned, the connection is closed and
        // the client reports an error.
        let answer = move || drop(answer(&client, latency));
        let _ = thread::Builder::new().spawn(answer);
    }
}

/// Reads one request and sends its page after the latency.
fn answer(mut client: &TcpStream, latency: Duration) -> io::Result<()> {
    client.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let mut head = BufReader::new(client.take(MAX_HEAD)).lines();
    let request = head.next().transpose()?.unwrap_or_default();
    while !head.next().transpose()?.unwrap_or_default().is_empty() {}
    thread::sleep(latency);
    let (status, page) = match request.split(' ').collect::<Vec<_>>()[..] {
        ["GET", path, "HTTP/1.1" | "HTTP/1.0"] => ("200 OK", page(path)),
        _ => ("400 Bad Request", String::new()),
    };
    let fields = "Content-Type: text/html; charset=utf-8\r\nConnection: close";
    write!(client, "HTTP/1.1 {status}\r\n{fields}\r\nContent-Length: {}\r\n\r\n{page}", page.len())
}

/// The text of a page: its name, and a paragraph.
fn page(url: &str) -> String {
    let name = url.trim_matches('/').replace('/', " ").replace('&', "&amp;").replace('<', "&lt;");
    let line = "<p>The reader of this page has waited for it.</p>\n";
    format!("<!DOCTYPE html>\n<title>{name}</title>\n<h1>{name}</h1>\n{}", line.repeat(40))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch;
    use std::sync::Barrier;
    use std::time::Instant;

    #[test]
    fn pages_take_as_long_as_they_are_told_to_and_at_the_same_time() {
        let server = Server::start(Duration::from_millis(300)).unwrap();
        let urls = server.urls(20);
        let start = Instant::now();
        thread::scope(|scope| {
            for url in &urls {
                scope.spawn(move || {
                    let before = Instant::now();
                    let page = fetch(url).unwrap();
                    assert!(before.elapsed() >= Duration::from_millis(300));
                    let (_, number) = url.rsplit_once('/').unwrap();
                    assert!(page.contains(&format!("<h1>page {number}</h1>")), "{page}");
                });
            }
        });
        // Sequentially, it would take six seconds.
        assert!(start.elapsed() < Duration::from_secs(5), "not at the same time: {:?}", start.elapsed());
    }

    /// Fetches the first pages of a new server, all at the same time. Returns the time of the slowest.
    fn first_burst(count: usize, latency: Duration) -> Duration {
        let server = Server::start(latency).unwrap();
        let urls = server.urls(count);
        let together = Barrier::new(count);
        let slowest = thread::scope(|scope| {
            let fetches = urls.iter().map(|url| {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    let start = Instant::now();
                    fetch(url).unwrap();
                    start.elapsed()
                })
            });
            let fetches: Vec<_> = fetches.collect();
            fetches.into_iter().map(|fetch| fetch.join().unwrap()).max()
        });
        slowest.unwrap()
    }

    #[test]
    fn a_first_burst_is_answered_in_one_round() {
        let latency = Duration::from_millis(400);
        for count in [8, 32] {
            // Two rounds take at least twice the latency. The best of three is valid on a busy machine.
            let took = (0..3).map(|_| first_burst(count, latency)).min().unwrap();
            assert!(took < latency * 3 / 2, "{count} pages of {latency:?} took {took:?}");
        }
    }

    #[test]
    fn an_invalid_request_is_refused_and_the_server_goes_on() {
        let server = Server::start(Duration::ZERO).unwrap();
        for request in ["nonsense\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n"] {
            let mut client = TcpStream::connect(server.address).unwrap();
            client.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{request:?}: {answer}");
        }
        drop(TcpStream::connect(server.address).unwrap());
        assert!(fetch(&server.url("still-there")).unwrap().contains("still-there"));
    }

    #[test]
    fn it_is_started_again_when_its_process_is_gone() {
        let server = Server::start(Duration::ZERO).unwrap();
        let (url, before) = (server.url("again"), server.pid());
        let kill = std::process::Command::new("kill").args(["-9", &before.to_string()]).status().unwrap();
        assert!(kill.success());
        while server.running.lock().worker.poll().is_none() {
            thread::yield_now();
        }
        assert!(fetch(&url).unwrap().contains("again"));
        assert_ne!(server.pid(), before);
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let server = Server::start(Duration::ZERO).unwrap();
        let url = server.url("/a<b");
        assert!(fetch(&url).unwrap().contains("a&lt;b"));
        assert!(format!("{server:?}").ends_with("0ns a page)"));
        drop(server);
        let error = fetch(&url).unwrap_err().to_string();
        assert!(error.contains(&url), "{error}");
    }
}
