//! Fetching a page over HTTP.

use crate::server;

/// The time-out of a server that sends nothing, in seconds.
const RESPONSE_TIMEOUT: u64 = 30;

/// The error of a page that could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{url} could not be fetched: {reason}")]
pub struct FetchError {
    url: String,
    reason: String,
}

/// Fetches a page and returns it as text.
///
/// # Errors
///
/// If the server does not exist, sends nothing for 30 seconds or answers with an error, if the page is not
/// UTF-8, and if the address begins with `https://`, because this client has no TLS.
///
/// # Examples
///
/// ```
/// let error = threadbook_workload::fetch("https://example.com").unwrap_err();
/// assert!(error.to_string().starts_with("https://example.com could not be fetched: "));
/// ```
pub fn fetch(url: &str) -> Result<String, FetchError> {
    let failed = |reason: String| FetchError { url: url.to_owned(), reason };
    if url.starts_with("https:") {
        let reason = "only http:// is possible here; `:dep ureq` brings a crate that can do more";
        return Err(failed(reason.to_owned()));
    }
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    server::revive(address).map_err(|error| failed(error.to_string()))?;
    let answer = minreq::get(url).with_timeout(RESPONSE_TIMEOUT).send();
    let answer = answer.map_err(|error| failed(error.to_string()))?;
    if answer.status_code != 200 {
        return Err(failed(format!("the server says {} {}", answer.status_code, answer.reason_phrase)));
    }
    String::from_utf8(answer.into_bytes()).map_err(|error| failed(format!("it is no text: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// The result of `fetch` for this answer of a server.
    fn fetched(answer: &'static [u8]) -> Result<String, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer).unwrap();
        });
        let page = fetch(&url);
        server.join().unwrap();
        page
    }

    #[test]
    fn a_page_is_its_text_and_everything_else_an_error() {
        assert_eq!(fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap(), "hi");
        let reason = |answer| fetched(answer).unwrap_err().to_string();
        assert!(
            reason(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ends_with("says 404 Not Found")
        );
        assert!(reason(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff").contains("it is no text"));
        assert!(reason(b"garbage").contains("could not be fetched"));
        assert!(fetch("ftp://a").is_err() && fetch("").is_err() && fetch("http://").is_err());
    }
}
