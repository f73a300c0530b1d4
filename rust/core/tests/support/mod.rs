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

use std::fs;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stream_socket::{
    Address, BindAddress, ConnectError, Connection, Event, ListenOptions, Listener, PollError,
    ReadError, ReadFailure, Status, Target, WriteError, WriteFailure,
};

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

/// Reports that `test` is skipped. It writes to standard error itself: the harness would show the
/// line for failed tests only.
pub fn skipped(test: &str, why: &str) {
    let mut stderr = std::io::stderr();
    let _ = std::io::Write::write_fmt(&mut stderr, format_args!("SKIPPED {test}: {why}\n"));
}

/// Whether the system has Unix domain sockets. If not, a line reports that `test` is skipped.
pub fn has_unix_sockets(test: &str) -> bool {
    let has = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).is_ok();
    if !has {
        skipped(test, "this system has no Unix domain sockets");
    }
    has
}

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

pub fn connected(address: &Address) -> Connection {
    let client = Connection::new();
    connect(&client, address);
    client
}

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
    let end = Instant::now() + Duration::from_secs(20);
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

pub fn until_available(connection: &Connection, count: usize) {
    until(&format!("{count} bytes"), || {
        (connection.available()? >= count).then_some(())
    });
}

/// An address that refuses connections: this process owns the port and does not listen on it. The
/// first call opens a socket, which stays open.
pub fn refusing_address() -> Address {
    use socket2::{Domain, SockAddr, Socket, Type};
    static REFUSING: std::sync::OnceLock<Socket> = std::sync::OnceLock::new();
    let socket = REFUSING.get_or_init(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SockAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into();
        socket.bind(&any).unwrap();
        socket
    });
    Address::Inet(socket.local_addr().unwrap().as_socket().unwrap())
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

/// A connection, and a plain socket of std as its peer.
pub fn connection_to_raw_peer() -> (Connection, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let client = connected(&Address::Inet(listener.local_addr().unwrap()));
    (client, listener.accept().unwrap().0)
}

/// Closes with a reset instead of an end of stream.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Whether this is Wine, which lacks some of what Windows has.
fn is_wine() -> bool {
    #[cfg(windows)]
    {
        use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
        // SAFETY: Both names are zero-terminated, and the library is in every process.
        let found = unsafe {
            let library = GetModuleHandleA(c"ntdll.dll".as_ptr().cast());
            GetProcAddress(library, c"wine_get_version".as_ptr().cast())
        };
        found.is_some()
    }
    #[cfg(not(windows))]
    false
}

/// Whether the system reports a reset as an error. Wine does not: its own query of the socket takes
/// the error, and the next receive returns an end. A line then reports that `test` is skipped.
pub fn reports_resets(test: &str) -> bool {
    if is_wine() {
        skipped(test, "Wine reports a reset as an end");
    }
    !is_wine()
}

/// Whether the number of keep-alive probes can be set. It cannot in Wine; a line then reports that
/// `test` is skipped.
pub fn counts_keep_alive(test: &str) -> bool {
    if is_wine() {
        skipped(test, "Wine has no TCP_KEEPCNT");
    }
    !is_wine()
}

/// Polls `connection` until it counts as idle. No data may be on its way to it.
pub fn make_idle(connection: &Connection) {
    for _ in 0..3 {
        assert!(!connection.poll(Instant::now).unwrap());
    }
}

/// Whether sockets are watched together, and not probed one by one.
pub fn is_watching() -> bool {
    std::env::var_os("STREAM_SOCKET_DIRECT").is_none()
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

/// Waits until the thread `id` sleeps in the kernel.
#[cfg(target_os = "linux")]
fn until_asleep(id: i32) {
    let path = format!("/proc/self/task/{id}/stat");
    until("the thread sleeps", || {
        let stat = std::fs::read_to_string(&path).ok()?;
        // The state follows the name, which is in parentheses (proc(5)).
        let state = stat.rsplit(") ").next()?.chars().next()?;
        (state == 'S').then_some(())
    });
}

/// Waits for as long as a new thread needs to fall asleep. This system does not show the state of a
/// thread.
#[cfg(not(target_os = "linux"))]
fn until_asleep(_id: i32) {
    std::thread::sleep(Duration::from_millis(100));
}

/// The number of this thread, where other threads can use it.
fn thread_id() -> i32 {
    #[cfg(target_os = "linux")]
    // SAFETY: gettid has no preconditions.
    return unsafe { libc::gettid() };
    #[cfg(not(target_os = "linux"))]
    0
}

/// Runs `body` on a new thread, and returns once that thread sleeps.
pub fn asleep<'scope, T: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    body: impl FnOnce() -> T + Send + 'scope,
) -> std::thread::ScopedJoinHandle<'scope, T> {
    let (sender, id) = std::sync::mpsc::channel();
    let handle = scope.spawn(move || {
        sender.send(thread_id()).unwrap();
        body()
    });
    until_asleep(id.recv().unwrap());
    handle
}

/// A connection, and a plain blocking socket as its peer, which does only what the test makes it
/// do. Its calls time out after [`PATIENCE`], so that a test fails and does not hang.
pub fn raw_peer(family: AddressFamily) -> (Connection, socket2::Socket) {
    use socket2::{Domain, SockAddr, Socket, Type};
    let directory = TemporaryDirectory::new();
    let (domain, address): (_, SockAddr) = match family {
        AddressFamily::Ipv4 => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            (Domain::IPV4, address.into())
        }
        AddressFamily::Ipv6 => {
            let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
            (Domain::IPV6, address.into())
        }
        AddressFamily::Unix => {
            let address = SockAddr::unix(directory.file("s")).unwrap();
            (Domain::UNIX, address)
        }
    };
    let listener = Socket::new(domain, Type::STREAM, None).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(1).unwrap();
    let address = match listener.local_addr().unwrap().as_socket() {
        Some(address) => Address::Inet(address),
        None => Address::Unix(directory.file("s")),
    };
    let connection = connected(&address);
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    (connection, peer)
}

/// As [`raw_peer`], with a queue for `limit` bytes.
pub fn queueing(family: AddressFamily, limit: usize) -> (Connection, socket2::Socket) {
    let (connection, peer) = raw_peer(family);
    connection.set_queue_limit(limit);
    (connection, peer)
}

/// As [`raw_peer`], after a write of `data`, a part of which is queued.
pub fn queued(family: AddressFamily, data: &[u8]) -> (Connection, socket2::Socket) {
    let (connection, peer) = queueing(family, 2 * data.len());
    connection.write_fully(data).unwrap();
    assert!(connection.pending_bytes() > 0);
    (connection, peer)
}

/// More than any system accepts while the peer does not read.
pub const MUCH: usize = 11 << 20;

/// Writes until the system accepts no more. Returns how many bytes were written.
pub fn fill(connection: &Connection) -> usize {
    let block = pattern(1 << 20);
    let pieces = std::iter::from_fn(|| match connection.try_write(&block).unwrap() {
        0 => None,
        count => Some(count),
    });
    pieces.sum()
}

/// Writes until the kernel is full and something is queued. Returns how many bytes were written.
pub fn fill_queue(connection: &Connection, block: &[u8]) -> usize {
    let mut sent = 0;
    while connection.pending_bytes() == 0 {
        connection.write_fully(block).unwrap();
        sent += block.len();
    }
    sent
}

/// How long a call of a raw peer waits.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Reads to the end of the stream. Returns the data, and how the stream ended: an error is a reset
/// or a timeout.
pub fn read_to_end(mut peer: &socket2::Socket) -> (Vec<u8>, std::io::Result<()>) {
    let mut received = Vec::new();
    let outcome = std::io::Read::read_to_end(&mut peer, &mut received);
    (received, outcome.map(drop))
}

/// Asserts that exactly `expected` was read, and after it the end of the stream.
pub fn assert_whole(came: (Vec<u8>, std::io::Result<()>), expected: &[u8]) {
    let (received, outcome) = came;
    let good = same_bytes(&received, expected);
    assert!(
        outcome.is_ok() && good == expected.len() && received.len() == good,
        "expected {} bytes and got {}, of which {good} match; the end: {outcome:?}",
        expected.len(),
        received.len(),
    );
}

/// The length of the common prefix.
pub fn same_bytes(one: &[u8], other: &[u8]) -> usize {
    if one.len() == other.len() && one == other {
        return one.len();
    }
    let differs = one.iter().zip(other).position(|(one, other)| one != other);
    differs.unwrap_or_else(|| one.len().min(other.len()))
}

/// Whether the other end of `peer` has ended or reset the connection within `limit`.
#[cfg(target_os = "linux")]
pub fn is_hung_up(peer: &socket2::Socket, limit: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut descriptors = [PollFd::new(peer, PollFlags::RDHUP)];
    poll(&mut descriptors, Some(&Timespec::try_from(limit).unwrap())).unwrap() > 0
}

/// The descriptors of this process whose socket has the local TCP port `port` and does not listen.
/// They need not be connected any more.
#[cfg(target_os = "linux")]
pub fn descriptors_of_port(port: u16) -> Vec<std::os::fd::RawFd> {
    let is_it = |descriptor: &std::os::fd::RawFd| {
        // SAFETY: The descriptor is only queried, at once. If it was closed meanwhile the result is
        // an error.
        let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(*descriptor) };
        let socket = socket2::SockRef::from(&descriptor);
        let local = socket.local_addr().ok().and_then(|local| local.as_socket());
        local.is_some_and(|local| local.port() == port) && !socket.is_listener().unwrap_or(true)
    };
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = descriptors.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(is_it).collect()
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
/// the second one does. The sockets keep it so.
pub fn racing_port() -> (u16, impl Drop) {
    until("a port that is free for both", || {
        let (answers, port) = listening(Ipv4Addr::LOCALHOST, 0, 8)?;
        let (silent, _) = listening(Ipv6Addr::LOCALHOST, port, 0)?;
        let fills = connected(&SocketAddr::from((Ipv6Addr::LOCALHOST, port)).into());
        Some((port, Box::new((answers, silent, fills))))
    })
}

/// Whether this program can be started once more. It cannot in an emulator; a line then reports
/// that `test` is skipped.
pub fn can_start_itself(test: &str) -> bool {
    let can = !is_emulated();
    if !can {
        skipped(test, "the emulator does not start programs");
    }
    can
}

/// Whether the system reports TCP's round-trip times. An emulator does not; a line then reports
/// that `test` is skipped.
pub fn reports_round_trips(test: &str) -> bool {
    let reports = cfg!(target_os = "linux") && !is_emulated();
    if !reports {
        skipped(test, "this system does not report round-trip times");
    }
    reports
}

/// Whether this program runs in an emulator, which starts it through a loader: the current
/// executable is then the loader.
fn is_emulated() -> bool {
    let program = std::env::current_exe().unwrap();
    let name = std::env::args_os().next().map(PathBuf::from);
    name.is_none_or(|name| name.file_name() != program.file_name())
}

/// Runs the test `name` of this program, with the path of its module, in a process of its own. Its
/// standard input and standard error are pipes, and [`argument`] returns `argument` there.
pub fn spawn_test(name: &str, argument: &str) -> std::process::Child {
    use std::process::{Command, Stdio};
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(ARGUMENT, argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The exit status of a test that cannot take something away from its process.
pub const NOT_PERMITTED: i32 = 77;

/// Runs the test `child` with `argument` in a process of its own, and asserts that it passes.
/// `test` is skipped where no process can be started, and for the reason `why` where the child ends
/// with [`NOT_PERMITTED`].
pub fn run_test(test: &str, child: &str, argument: &str, why: &str) {
    if !can_start_itself(test) {
        return;
    }
    let output = spawn_test(child, argument).wait_with_output().unwrap();
    match output.status.code() {
        Some(NOT_PERMITTED) => skipped(test, why),
        code => assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// The argument of [`spawn_test`], in the process that it has started.
pub fn argument() -> Option<String> {
    std::env::var(ARGUMENT).ok()
}

const ARGUMENT: &str = "STREAM_SOCKET_TEST_ARGUMENT";

/// While it lives no other test of this program that calls this function runs.
pub fn only_test() -> std::sync::MutexGuard<'static, ()> {
    static ONLY: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONLY.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
