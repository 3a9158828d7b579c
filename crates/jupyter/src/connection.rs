//! The connection file: the addresses of the sockets, and the key that messages are signed with.
//!
//! <https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>

use crate::zmtp::{Endpoint, Listener};
use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::connection_info::Transport;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// The JSON keys that require encryption by CurveZMQ.
const CURVE_KEYS: [&str; 2] = ["curve_publickey", "curve_secretkey"];

/// The reason why a connection file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The file cannot be read.
    #[error("The connection file {} cannot be read: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The file requires a transport, a signature scheme or an encryption that this crate does not have.
    #[error("The connection file {} cannot be used: {reason}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The reason, and the remedy.
        reason: String,
    },
    /// An address is taken, or not one of this machine.
    #[error("The kernel cannot listen at {endpoint}, which the connection file names: {error}")]
    Bind {
        /// The address.
        endpoint: Endpoint,
        /// The reason.
        error: io::Error,
    },
}

/// Reads a connection file, and refuses one whose requirements this crate cannot meet.
///
/// # Errors
///
/// If the file cannot be read or is not a connection file, or if it requires encryption, for another
/// signature scheme, or for no signatures over TCP.
pub fn read(path: &Path) -> Result<ConnectionInfo, ConnectionError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConnectionError::Unreadable { path: path.to_owned(), error })?;
    parse(&text).map_err(|reason| ConnectionError::Unusable { path: path.to_owned(), reason })
}

fn parse(text: &str) -> Result<ConnectionInfo, String> {
    let fields: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    if CURVE_KEYS.iter().any(|key| !matches!(fields.get(key), None | Some(Value::Null))) {
        return Err(
            "it asks for encryption by CurveZMQ, which this kernel does not have, and nothing is served in \
                    the clear instead. Start it with transport_encryption=\"disabled\", on this machine or \
                    through a tunnel"
                .into(),
        );
    }
    let connection: ConnectionInfo = serde_json::from_value(fields)
        .map_err(|error| format!("it is not a Jupyter connection file: {error}"))?;
    if connection.signature_scheme != "hmac-sha256" {
        return Err(format!(
            "it asks for the signature scheme {:?}; this kernel supports hmac-sha256",
            connection.signature_scheme
        ));
    }
    if connection.key.is_empty() && connection.transport == Transport::TCP {
        return Err(
            "its key is empty, and over TCP every user of this machine could run code in the kernel. Put a \
                    random key in it, or use transport \"ipc\""
                .into(),
        );
    }
    Ok(connection)
}

/// The addresses of a kernel's five sockets.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Requests and their replies.
    pub shell: Endpoint,
    /// Requests that do not wait for those on shell.
    pub control: Endpoint,
    /// Questions to the user.
    pub stdin: Endpoint,
    /// Broadcasts to all front ends.
    pub iopub: Endpoint,
    /// The check that the kernel is alive.
    pub heartbeat: Endpoint,
}

impl From<&ConnectionInfo> for Endpoints {
    fn from(info: &ConnectionInfo) -> Endpoints {
        let endpoint = |port: u16| match info.transport {
            Transport::TCP => Endpoint::Tcp(info.ip.clone(), port),
            Transport::IPC => Endpoint::Ipc(format!("{}-{port}", info.ip).into()),
        };
        Endpoints {
            shell: endpoint(info.shell_port),
            control: endpoint(info.control_port),
            stdin: endpoint(info.stdin_port),
            iopub: endpoint(info.iopub_port),
            heartbeat: endpoint(info.hb_port),
        }
    }
}

/// The five sockets of a kernel, bound, and not yet served.
pub struct Listeners {
    /// See [`Endpoints::shell`].
    pub shell: Listener,
    /// See [`Endpoints::control`].
    pub control: Listener,
    /// See [`Endpoints::stdin`].
    pub stdin: Listener,
    /// See [`Endpoints::iopub`].
    pub iopub: Listener,
    /// See [`Endpoints::heartbeat`].
    pub heartbeat: Listener,
}

impl Listeners {
    /// Binds the addresses of a connection file.
    ///
    /// # Errors
    ///
    /// If one of them cannot be bound.
    pub async fn bind(info: &ConnectionInfo) -> Result<Listeners, ConnectionError> {
        let Endpoints { shell, control, stdin, iopub, heartbeat } = info.into();
        Ok(Listeners {
            shell: bind(shell).await?,
            control: bind(control).await?,
            stdin: bind(stdin).await?,
            iopub: bind(iopub).await?,
            heartbeat: bind(heartbeat).await?,
        })
    }
}

async fn bind(endpoint: Endpoint) -> Result<Listener, ConnectionError> {
    Listener::bind(&endpoint).await.map_err(|error| ConnectionError::Bind { endpoint, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file() -> Value {
        json!({
            "ip": "127.0.0.1", "transport": "tcp", "shell_port": 1, "iopub_port": 2, "stdin_port": 3,
            "control_port": 4, "hb_port": 5, "key": "k", "signature_scheme": "hmac-sha256",
        })
    }

    fn with(changes: &[(&str, Value)]) -> Result<ConnectionInfo, String> {
        let mut file = file();
        changes.iter().for_each(|(key, value)| file[key] = value.clone());
        parse(&file.to_string())
    }

    #[test]
    fn a_connection_file_is_read() {
        assert_eq!(parse(&file().to_string()).unwrap().shell_port, 1);
        assert!(with(&[("kernel_name", "threadbook".into())]).is_ok());
        assert!(with(&[("curve_publickey", Value::Null)]).is_ok());
    }

    #[test]
    fn addresses_are_as_jupyter_makes_them() {
        let endpoint = |changes: &[_]| Endpoints::from(&with(changes).unwrap()).iopub.to_string();
        assert_eq!(endpoint(&[]), "tcp://127.0.0.1:2");
        assert_eq!(
            endpoint(&[("transport", "ipc".into()), ("ip", "/run/kernel".into())]),
            "ipc:///run/kernel-2"
        );
    }

    #[test]
    fn what_cannot_be_served_as_asked_for_is_refused_with_the_reason() {
        let reason = |key: &str, value: Value| with(&[(key, value)]).unwrap_err();
        assert!(
            reason("curve_secretkey", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7".into()).contains("CurveZMQ")
        );
        assert!(reason("signature_scheme", "hmac-md5".into()).contains("hmac-md5"));
        assert!(reason("shell_port", "x".into()).contains("not a Jupyter connection file"));
        assert!(parse("no").unwrap_err().contains("not JSON"));
    }

    #[test]
    fn an_empty_key_is_for_ipc_only() {
        let empty = ("key", Value::from(""));
        assert!(with(std::slice::from_ref(&empty)).unwrap_err().contains("key is empty"));
        assert!(with(&[empty, ("transport", "ipc".into())]).is_ok());
    }
}
