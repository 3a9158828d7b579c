//! Addresses: TCP, and sockets in the file system (ipc).

use std::fmt;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// An address to bind or to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A host and a port.
    Tcp(String, u16),
    /// The path of a socket.
    Ipc(PathBuf),
}

pub(super) enum Listening {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

/// The file of a socket, which is removed at the end.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The two directions of a connection.
pub(super) type Halves =
    (Box<dyn tokio::io::AsyncRead + Send + Unpin>, Box<dyn tokio::io::AsyncWrite + Send + Unpin>);

impl Endpoint {
    pub(super) async fn listen(&self) -> io::Result<(Listening, Option<SocketFile>)> {
        match self {
            Endpoint::Tcp(host, port) => {
                let host = if host == "*" { "0.0.0.0" } else { host.trim_matches(['[', ']']) };
                Ok((Listening::Tcp(TcpListener::bind((host, *port)).await?), None))
            }
            Endpoint::Ipc(path) => {
                remove_stale(path).await?;
                let listener = UnixListener::bind(path)?;
                let file = SocketFile(path.clone());
                std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
                Ok((Listening::Ipc(listener), Some(file)))
            }
        }
    }

    pub(super) async fn connect(&self) -> io::Result<Halves> {
        match self {
            Endpoint::Tcp(host, port) => {
                tcp(TcpStream::connect((host.trim_matches(['[', ']']), *port)).await?)
            }
            Endpoint::Ipc(path) => Ok(ipc(UnixStream::connect(path).await?)),
        }
    }
}

impl Listening {
    /// The next connection. An error is not the end of the listener.
    pub(super) async fn accept(&self) -> io::Result<Halves> {
        match self {
            Listening::Tcp(listener) => tcp(listener.accept().await?.0),
            Listening::Ipc(listener) => Ok(ipc(listener.accept().await?.0)),
        }
    }

    pub(super) fn endpoint(&self) -> io::Result<Endpoint> {
        match self {
            Listening::Tcp(listener) => {
                let address = listener.local_addr()?;
                Ok(Endpoint::Tcp(address.ip().to_string(), address.port()))
            }
            Listening::Ipc(listener) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().ok_or(io::ErrorKind::AddrNotAvailable)?;
                Ok(Endpoint::Ipc(path.to_owned()))
            }
        }
    }
}

/// Removes a socket that a process left behind. A socket at which a process listens, or another file, stays.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            _ => Err(io::ErrorKind::AddrInUse.into()),
        },
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => Ok(()),
    }
}

fn tcp(stream: TcpStream) -> io::Result<Halves> {
    use nix::sys::socket::{setsockopt, sockopt};
    stream.set_nodelay(true)?;
    // The system closes the connection of a peer whose machine is gone; without this, it would stay for ever.
    setsockopt(&stream, sockopt::KeepAlive, &true)?;
    let (reader, writer) = stream.into_split();
    Ok((Box::new(reader), Box::new(writer)))
}

fn ipc(stream: UnixStream) -> Halves {
    let (reader, writer) = stream.into_split();
    (Box::new(reader), Box::new(writer))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Endpoint::Tcp(host, port) => write!(f, "tcp://{host}:{port}"),
            Endpoint::Ipc(path) => write!(f, "ipc://{}", path.display()),
        }
    }
}
