//! Listening sockets: one per thread on one TCP address, or one Unix socket that all threads share.

use std::fmt;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use moothall_core::config::Listen;

/// Connections that wait to be accepted, for each listener.
const BACKLOG: i32 = 1024;
/// The mode of a socket's file: for its owner, and for its group, so that a proxy can be in it.
const SOCKET_MODE: u32 = 0o660;

/// The address to listen on, after names were looked up.
#[derive(Clone, Debug)]
pub enum BoundAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl BoundAddress {
    /// If a name has several addresses, the first one of IPv4, as clients of `localhost` use it.
    pub fn of(listen: &Listen) -> Result<Self> {
        match listen {
            Listen::Unix(path) => Ok(Self::Unix(path.clone())),
            Listen::Tcp { host, port } => {
                let found: Vec<SocketAddr> = (host.as_str(), *port).to_socket_addrs()?.collect();
                let first = found.iter().find(|one| one.is_ipv4()).or(found.first());
                first.map(|address| Self::Tcp(*address)).ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, format!("the name {host} has no address"))
                })
            }
        }
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for BoundAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

pub struct Listeners {
    pub place: BoundAddress,
    pub(super) sockets: Vec<BoundSocket>,
    /// The socket's file is removed with the listeners.
    pub(super) file: Option<SocketFile>,
}

pub enum BoundSocket {
    Tcp(std::net::TcpListener),
    Unix(UnixListener),
}

impl BoundSocket {
    /// The same socket again: the first to accept gets the connection.
    pub(super) fn again(&self) -> Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }
}

impl Listeners {
    pub fn bind(place: &BoundAddress, threads: usize) -> Result<Self> {
        match place {
            BoundAddress::Tcp(address) => Self::bind_tcp(*address, threads.max(1)),
            BoundAddress::Unix(path) => Self::bind_unix(path, threads.max(1)),
        }
    }

    fn bind_tcp(address: SocketAddr, threads: usize) -> Result<Self> {
        // With a shared port a second host would take half of the first one's requests: a socket that does not
        // share checks whether the port is free.
        let address = bind(address, Port::Alone)?.local_addr()?;
        let shared = || bind(address, Port::Shared).map(BoundSocket::Tcp);
        let sockets = (0..threads).map(|_| shared()).collect::<Result<_>>()?;
        Ok(Self { place: BoundAddress::Tcp(address), sockets, file: None })
    }

    fn bind_unix(path: &Path, threads: usize) -> Result<Self> {
        clear(path)?;
        // Its permissions are set before anybody can find it.
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        clear(&draft)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(&draft)?)?;
        socket.listen(BACKLOG)?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(SOCKET_MODE))?;
        fs::rename(&draft, path)?;
        let first: UnixListener = socket.into();
        let copy = || first.try_clone().map(BoundSocket::Unix);
        let sockets = (0..threads).map(|_| copy()).collect::<Result<_>>()?;
        Ok(Self { place: BoundAddress::Unix(path.to_owned()), sockets, file: SocketFile::at(path) })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    Alone,
    Shared,
}

fn bind(address: SocketAddr, port: Port) -> Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(port == Port::Shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if port == Port::Shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

/// Removes a socket on which nobody listens any more, such as one of a killed host.
fn clear(path: &Path) -> Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        let what = "a file that is no socket stands there, and nothing is overwritten";
        return Err(Error::new(ErrorKind::AlreadyExists, what));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(Error::new(ErrorKind::AddrInUse, "another process listens there")),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// The file of this host's socket.
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode: another host's socket at the same path must stay.
    is: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> Option<Self> {
        Some(Self { path: path.to_owned(), is: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.is) {
            // If it stays, the next start removes it.
            drop(fs::remove_file(&self.path));
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
