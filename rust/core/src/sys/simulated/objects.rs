//! What the simulated kernel holds, as plain data: sockets, connections, pollers, files and host
//! names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::faults::os_error;
use super::pipe::Pipe;
use super::random::Random;
use crate::sys::types::{AddressFamily, Interests, check_unix_path};

/// The number of an object. Threads also wait for numbers: see `wait_queue`.
pub(super) type Id = u64;

/// The lowest port that the kernel assigns.
pub(super) const FIRST_FREE_PORT: u16 = 32_768;

/// The longest path of a Unix domain socket in bytes.
const MAX_UNIX_PATH: usize = 106;

/// The address of a socket.
#[derive(Clone, Debug)]
pub enum SocketAddress {
    /// An internet address.
    Inet(SocketAddr),
    /// The path of a Unix domain socket. One that begins with `@` is an abstract name.
    Unix(PathBuf),
}

impl SocketAddress {
    /// The address of the Unix domain socket at `path`. Fails if no socket can have that path.
    pub(crate) fn unix(path: &Path) -> io::Result<SocketAddress> {
        let bytes = path.as_os_str().as_encoded_bytes();
        check_unix_path(bytes, MAX_UNIX_PATH)?;
        Ok(SocketAddress::Unix(path.to_owned()))
    }

    pub(super) fn family(&self) -> AddressFamily {
        match self {
            SocketAddress::Inet(SocketAddr::V4(_)) => AddressFamily::Ipv4,
            SocketAddress::Inet(SocketAddr::V6(_)) => AddressFamily::Ipv6,
            SocketAddress::Unix(_) => AddressFamily::Unix,
        }
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> SocketAddress {
        SocketAddress::Inet(address)
    }
}

/// Whether `path` is an abstract name, which has no file.
pub(crate) fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(b"@")
}

/// Whether packets to `ip` are lost, so that a connect times out (RFC 5737, TEST-NET-1).
pub(super) fn is_silent(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[..3] == [192, 0, 2])
}

/// Whether there is no route to `ip` (RFC 5737, TEST-NET-2).
pub(super) fn is_unreachable(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[..3] == [198, 51, 100])
}

/// The sockets and their connections.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) sockets: BTreeMap<Id, SocketState>,
    pub(super) connections: BTreeMap<Id, SocketPair>,
    pub(super) next_port: u16,
}

impl Network {
    pub(super) fn new(random: &mut Random) -> Network {
        Network {
            sockets: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_port: FIRST_FREE_PORT + random.below(20_000) as u16,
        }
    }

    /// The socket `id`, which must be open.
    pub(super) fn socket(&mut self, id: Id) -> &mut SocketState {
        self.sockets.get_mut(&id).expect("the socket is open")
    }
}

/// What a socket is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Inet(SocketAddr),
    /// The number of the socket's file.
    File(u64),
    Abstract(PathBuf),
}

/// An open socket.
#[derive(Debug)]
pub(super) struct SocketState {
    pub(super) family: AddressFamily,
    pub(super) name: Option<Name>,
    pub(super) state: State,
    pub(super) resets_when_closed: bool,
    pub(super) is_only_v6: bool,
    pub(super) send_buffer_size: usize,
    pub(super) receive_buffer_size: usize,
    /// The socket is in a listener's queue and was not accepted yet (Linux calls it an embryo).
    pub(super) is_embryo: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Unconnected,
    Listening {
        backlog: usize,
        /// The embryos, oldest first.
        queue: VecDeque<Id>,
    },
    Connecting {
        to: SocketAddr,
        /// The time by which the peer's host receives the request, or receives it again; `None` if
        /// it never does.
        due: Option<u64>,
        /// When the connect times out.
        end: u64,
    },
    /// The connect has failed with this error, which no call has returned yet.
    Failed(i32),
    Connected {
        connection: Id,
        side: usize,
        /// A call of `connect` has reported the success.
        is_reported: bool,
    },
}

/// Two sides with a pipe from each to the other: `pipes[side]` begins at that side.
#[derive(Debug)]
pub(super) struct SocketPair {
    /// Both sides are Unix domain sockets.
    pub(super) is_local: bool,
    pub(super) pipes: [Pipe; 2],
    pub(super) sides: [Side; 2],
}

#[derive(Debug, Default)]
pub(super) struct Side {
    /// `None` once the socket is closed.
    pub(super) socket: Option<Id>,
    /// The side has reset the connection, was reset, or has failed: no more bytes pass through it.
    pub(super) is_dead: bool,
    /// The error that the next call returns.
    pub(super) error: Option<i32>,
    /// The time by which the reset that the peer has sent arrives.
    pub(super) reset_due: Option<u64>,
}

impl Side {
    /// Whether the next send or receive fails.
    pub(super) fn is_broken(&self) -> bool {
        self.is_dead || self.error.is_some()
    }
}

/// What a poller watches.
#[derive(Debug, Default)]
pub(super) struct PollerState {
    pub(super) registrations: BTreeMap<Id, Registration>,
    /// The token of the waker, if it was called since the last wait.
    pub(super) woken: Option<usize>,
    /// The number of forks between the first process and the one that created the poller.
    pub(super) process: u64,
}

/// One socket of a poller.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) token: usize,
    pub(super) interests: Interests,
    /// Something has happened to the socket since it was reported last.
    pub(super) has_edge: bool,
}

impl PollerState {
    /// Notes that something has happened to `socket`. Returns whether the poller watches it.
    pub(super) fn note_edge(&mut self, socket: Id) -> bool {
        let registration = self.registrations.get_mut(&socket);
        registration
            .map(|registration| registration.has_edge = true)
            .is_some()
    }
}

/// The files, and the paths that are locked.
#[derive(Debug, Default)]
pub(super) struct Files {
    entries: BTreeMap<PathBuf, FileIdentity>,
    locked: BTreeSet<PathBuf>,
    last_number: u64,
}

/// Distinguishes the file at a path from any other file that replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    pub(super) number: u64,
    /// Whether the file is a socket.
    pub(crate) is_socket: bool,
}

impl Files {
    pub(super) fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        let file = self.entries.get(path);
        file.copied().ok_or_else(|| os_error(libc::ENOENT))
    }

    /// Creates a file and returns its number.
    pub(super) fn create(&mut self, path: &Path, is_socket: bool) -> io::Result<u64> {
        if self.entries.contains_key(path) {
            return Err(os_error(libc::EADDRINUSE));
        }
        self.last_number += 1;
        let number = self.last_number;
        self.entries
            .insert(path.to_owned(), FileIdentity { number, is_socket });
        Ok(number)
    }

    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Removes a file. Returns whether there was one.
    pub(super) fn remove(&mut self, path: &Path) -> bool {
        self.entries.remove(path).is_some()
    }

    /// Locks a path. Returns whether it was free.
    pub(super) fn lock(&mut self, path: &Path) -> bool {
        self.locked.insert(path.to_owned())
    }

    pub(super) fn unlock(&mut self, path: &Path) {
        let was_locked = self.locked.remove(path);
        debug_assert!(was_locked, "{} is not locked", path.display());
    }
}

/// The names that the resolver knows.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) addresses: BTreeMap<String, Vec<IpAddr>>,
    /// Lookups do not return until this is false.
    pub(super) hang: bool,
}
