//! A web server whose pages take a given time.

use std::fmt;
use std::io::{self, Cursor};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use threadbook_base::Mutex;
use threadbook_worker::{Call, Descriptor, Start, Worker};
use tiny_http::{Header, Request, Response};

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

/// The main function of the server's process.
fn serve((listener, latency): (Descriptor, Duration)) {
    let listener = TcpListener::from(listener.into_owned().expect("nobody else has it"));
    let Ok(server) = tiny_http::Server::from_listener(listener, None) else { return };
    for request in server.incoming_requests() {
        let answer = move || {
            thread::sleep(latency);
            let page = page(request.url());
            answer(request, page);
        };
        // If no thread can be spawned, the connection is closed and the browser reports an error.
        let _ = thread::Builder::new().spawn(answer);
    }
}

fn answer(request: Request, page: String) {
    let mut response = Response::from_data(page);
    if let Ok(header) = Header::from_bytes("Content-Type", "text/html; charset=utf-8") {
        response.add_header(header);
    }
    // The client may be gone.
    let _ = request.respond::<Cursor<Vec<u8>>>(response);
}

/// The text of a page: its name, and a paragraph.
fn page(url: &str) -> String {
    let name = url.trim_matches('/').replace('/', " ").replace('&', "&amp;").replace('<', "&lt;");
    let line = "<p>Whoever reads this has waited for it.</p>\n";
    format!("<!DOCTYPE html>\n<title>{name}</title>\n<h1>{name}</h1>\n{}", line.repeat(40))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch;
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
