//! What the tests share: address families, fresh addresses to listen on, connected pairs, bounded
//! waits.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test program uses another part of it"
)]

#[cfg(target_os = "linux")]
pub mod failing_sends;
mod peers;
mod processes;
mod systems;
mod threads;

use std::fs;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stream_socket::{
    Address, BindAddress, ConnectError, Connection, Event, ListenOptions, Listener, PollError,
    ReadError, Status, WriteError,
};

pub use peers::*;
pub use processes::*;
pub use systems::*;
pub use threads::*;

/// The address families over which each behaviour is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    Ipv4,
    Ipv6,
    Unix,
}

/// Makes a test for each family of each named function, which takes the family.
macro_rules! for_each_family {
    ($($name:ident),+ $(,)?) => {
        mod ipv4 {
            $(#[test] fn $name() { super::$name($crate::support::AddressFamily::Ipv4) })+
        }
        mod ipv6 {
            $(#[test] fn $name() { super::$name($crate::support::AddressFamily::Ipv6) })+
        }
        mod unix {
            $(#[test] fn $name() {
                if $crate::support::has_unix_sockets(concat!("unix::", stringify!($name))) {
                    super::$name($crate::support::AddressFamily::Unix)
                }
            })+
        }
    };
}

pub(crate) use for_each_family;

/// An abstract name that no other process uses: all processes of a network namespace share the
/// names.
pub fn unique_abstract_name() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let process = std::process::id();
    format!("@sock-{process}-{}-{number}", time.as_nanos()).into()
}

/// A fresh directory, which is removed on drop.
pub struct TemporaryDirectory(pub PathBuf);

impl TemporaryDirectory {
    pub fn new() -> TemporaryDirectory {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("sock-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return TemporaryDirectory(path),
                // A killed process with the same number has left the directory behind.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }

    /// The path of `name` in the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A listener, and how to reach it.
pub struct Server {
    pub listener: Listener,
    pub address: Address,
    _directory: Option<TemporaryDirectory>,
}

impl Server {
    /// A server on a loopback address, or on a path in a fresh directory.
    pub fn new(family: AddressFamily) -> Server {
        let directory = (family == AddressFamily::Unix).then(TemporaryDirectory::new);
        let bound = match (family, &directory) {
            (AddressFamily::Ipv4, _) => "127.0.0.1:0".parse().unwrap(),
            (AddressFamily::Ipv6, _) => "[::1]:0".parse().unwrap(),
            (AddressFamily::Unix, directory) => {
                BindAddress::Unix(directory.as_ref().unwrap().file("s"))
            }
        };
        let listener = Listener::new();
        listener.listen(&bound, ListenOptions::new(128)).unwrap();
        let address = match bound {
            BindAddress::Inet(bound) => SocketAddr::new(bound.ip(), listener.local_port()).into(),
            BindAddress::Unix(path) => Address::Unix(path),
            other => unreachable!("{other:?}"),
        };
        Server {
            listener,
            address,
            _directory: directory,
        }
    }

    /// Waits for a client, and returns its connection.
    pub fn accept(&self) -> Connection {
        until("a connection waits", || self.listener.accept().unwrap())
    }
}

/// A client, and the server's end of its connection.
pub fn pair(family: AddressFamily) -> (Connection, Connection) {
    let server = Server::new(family);
    let client = connected(&server.address);
    (client, server.accept())
}

/// Two connected ends: of a Unix domain socket where the system has socket pairs, otherwise of TCP.
pub fn local_pair() -> (Connection, Connection) {
    Connection::pair().unwrap_or_else(|_| pair(AddressFamily::Ipv4))
}

/// The family with the shortest path between both ends.
pub fn local_family() -> AddressFamily {
    if cfg!(windows) {
        AddressFamily::Ipv4
    } else {
        AddressFamily::Unix
    }
}

/// A connection to `address`.
pub fn connected(address: &Address) -> Connection {
    let client = Connection::new();
    connect(&client, address);
    client
}

/// Connects `client` to `address`, and waits until it is connected.
pub fn connect(client: &Connection, address: &Address) {
    start_connect(client, address).unwrap();
    until_status(client, Status::Connected).unwrap();
}

/// Starts to connect, with the engine's time limit.
pub fn start_connect(client: &Connection, address: &Address) -> Result<(), ConnectError> {
    let limit = Some(Duration::from_secs(30));
    client.connect(address.clone().into(), limit, Instant::now())
}

/// The local TCP port, or 0 without one.
pub fn local_port(connection: &Connection) -> u16 {
    connection
        .local_address()
        .map_or(0, |address| address.port())
}

/// Calls `condition` until it returns a value, which is returned. Panics after a time that no
/// working machine needs.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(result) = condition() {
            return result;
        }
        assert!(Instant::now() < end, "timed out waiting for: {what}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Polls `connection` until it has `status`. Returns the last result of `poll`.
pub fn until_status(connection: &Connection, status: Status) -> Result<(), PollError> {
    until(&format!("status {status:?}"), || {
        let outcome = connection.poll(Instant::now).map(drop);
        (connection.status() == status).then_some(outcome)
    })
}

/// Polls `connection` as a game that is never busy does: in frames of 50 ms from `start` to `end`,
/// both included. The clock is the caller's, so no real time passes.
pub fn poll_in_frames(
    connection: &Connection,
    start: Instant,
    end: Instant,
) -> Result<(), PollError> {
    let mut now = start;
    loop {
        connection.poll(|| now)?;
        if now == end {
            return Ok(());
        }
        now = end.min(now + Duration::from_millis(50));
    }
}

/// Writes all of `data`. An error does not include the count of accepted bytes.
pub fn write(connection: &Connection, data: &[u8]) -> Result<(), WriteError> {
    Ok(connection.write_fully(data)?)
}

/// Waits for exactly `count` bytes and reads them.
pub fn read(connection: &Connection, count: usize) -> Result<Vec<u8>, ReadError> {
    let mut buffer = vec![MaybeUninit::uninit(); count];
    connection.read_fully(&mut buffer)?;
    Ok(initialised(&buffer))
}

/// Reads what has arrived, at most `limit` bytes.
pub fn try_read(connection: &Connection, limit: usize) -> Result<Vec<u8>, ReadError> {
    let mut buffer = vec![MaybeUninit::uninit(); limit];
    let count = connection.try_read(&mut buffer)?;
    Ok(initialised(&buffer[..count]))
}

fn initialised(buffer: &[MaybeUninit<u8>]) -> Vec<u8> {
    // SAFETY: The callers pass the part that a read has filled.
    unsafe { buffer.assume_init_ref() }.to_vec()
}

/// Waits until `count` bytes are available.
pub fn until_available(connection: &Connection, count: usize) {
    until(&format!("{count} bytes"), || {
        (connection.available()? >= count).then_some(())
    });
}

/// An address that refuses connections: this process owns the port in both families and does not
/// listen on it. The first call opens the sockets, which stay open.
pub fn refusing_address() -> Address {
    static REFUSING: std::sync::OnceLock<(u16, [socket2::Socket; 2])> = std::sync::OnceLock::new();
    let (port, _) = REFUSING.get_or_init(|| {
        until("a port that is free for both families", || {
            let v4 = refusing_at(Ipv4Addr::LOCALHOST, 0)?;
            let port = v4.local_addr().unwrap().as_socket().unwrap().port();
            Some((port, [v4, refusing_at(Ipv6Addr::LOCALHOST, port)?]))
        })
    });
    Address::Inet((Ipv4Addr::LOCALHOST, *port).into())
}

/// A socket that is bound and does not listen, so that connects to `ip` and `port` are refused.
/// `None` if the port is in use.
pub fn refusing_at(ip: impl Into<IpAddr>, port: u16) -> Option<socket2::Socket> {
    use socket2::{Domain, Socket, Type};
    let address = SocketAddr::new(ip.into(), port);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.bind(&address.into()).ok()?;
    Some(socket)
}

/// Bytes that differ from their neighbours and from block to block.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index ^ (index >> 8) ^ (index >> 16)) as u8)
        .collect()
}

/// The pending events of `connection`.
pub fn pending_events(connection: &Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.next_event()).collect()
}

/// Polls `connection` until it counts as idle. No data may be on its way to it.
pub fn make_idle(connection: &Connection) {
    for _ in 0..3 {
        assert!(!connection.poll(Instant::now).unwrap());
    }
}

/// How many sockets are in the largest set of this process (proc_pid_fdinfo(5)).
#[cfg(target_os = "linux")]
pub fn watched_sockets() -> usize {
    let descriptors = fs::read_dir("/proc/self/fdinfo").unwrap();
    // The entry of a descriptor that was closed meanwhile cannot be read.
    let infos = descriptors.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    let sizes = infos.map(|info| info.lines().filter(|line| line.starts_with("tfd:")).count());
    sizes.max().unwrap_or(0)
}

/// Both addresses of a TCP connection. Streams of one process may share the local port.
#[cfg(target_os = "linux")]
pub struct StreamAddresses {
    local: SocketAddr,
    peer: SocketAddr,
}

#[cfg(target_os = "linux")]
pub fn stream_of(connection: &Connection) -> StreamAddresses {
    let Some(Address::Inet(peer)) = connection.peer_address() else {
        panic!("not a TCP connection")
    };
    StreamAddresses {
        local: connection.local_address().unwrap(),
        peer,
    }
}

#[cfg(target_os = "linux")]
impl StreamAddresses {
    /// The descriptors of this process for this stream, even if it is no longer connected.
    pub fn descriptors(&self) -> Vec<std::os::fd::RawFd> {
        let is_it = |descriptor: &std::os::fd::RawFd| {
            // SAFETY: The descriptor is only queried, at once. If it was closed meanwhile the
            // result is an error.
            let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(*descriptor) };
            let socket = socket2::SockRef::from(&descriptor);
            let local = socket.local_addr().ok().and_then(|local| local.as_socket());
            let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
            local == Some(self.local)
                && peer.is_none_or(|peer| peer == self.peer)
                && !socket.is_listener().unwrap_or(true)
        };
        let descriptors = fs::read_dir("/proc/self/fd").unwrap();
        let numbers = descriptors.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
        numbers.filter(is_it).collect()
    }
}

/// A listener at `ip` and `port`, and its port; `None` if the port is in use.
pub fn listening(ip: impl Into<IpAddr>, port: u16, backlog: i32) -> Option<(Listener, u16)> {
    let listener = Listener::new();
    let address = SocketAddr::new(ip.into(), port).into();
    let options = ListenOptions::new(backlog);
    listener.listen(&address, options).ok()?;
    let port = listener.local_port();
    Some((listener, port))
}

/// A port where the first address of `localhost` does not answer, since its backlog is full, and
/// the second one does, as long as the returned sockets exist.
pub fn racing_port() -> (u16, impl Drop) {
    until("a port that is free for both", || {
        let (answers, port) = listening(Ipv4Addr::LOCALHOST, 0, 8)?;
        let (silent, _) = listening(Ipv6Addr::LOCALHOST, port, 0)?;
        let fills = connected(&SocketAddr::from((Ipv6Addr::LOCALHOST, port)).into());
        Some((port, Box::new((answers, silent, fills))))
    })
}
