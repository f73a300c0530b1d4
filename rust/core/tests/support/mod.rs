//! What the tests share: the families, a fresh place to listen at, connected pairs, bounded waits.

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
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stream_socket::{
    Address, BindAddress, ConnectError, Connection, Event, ListenOptions, Listener, ReadError,
    Status, Target, WriteError,
};

/// The families that every behaviour is tested over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    Ipv4,
    Ipv6,
    Unix,
}

/// Makes a test of `$body`, a function that takes a family, for each family.
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

/// Says that `test` is skipped: to standard error past the harness, which would keep it for tests that fail.
pub fn skipped(test: &str, why: &str) {
    let mut stderr = std::io::stderr();
    let _ = std::io::Write::write_fmt(&mut stderr, format_args!("SKIPPED {test}: {why}\n"));
}

/// Whether the system has Unix domain sockets. If not, a line says that `test` is skipped.
pub fn has_unix_sockets(test: &str) -> bool {
    let has = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).is_ok();
    if !has {
        skipped(test, "this system has no Unix domain sockets");
    }
    has
}

/// An abstract name that nobody else uses: names are shared by all processes of a network
/// namespace.
pub fn unique_abstract_name() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let process = std::process::id();
    format!("@sock-{process}-{}-{number}", time.as_nanos()).into()
}

/// A directory of its own, gone when dropped.
pub struct TemporaryDirectory(pub PathBuf);

impl TemporaryDirectory {
    pub fn new() -> TemporaryDirectory {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("sock-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return TemporaryDirectory(path),
                // A process that had the same number was killed, and has left it.
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
        let listener = Listener::new();
        let ip = match family {
            AddressFamily::Ipv4 => Ipv4Addr::LOCALHOST.into(),
            AddressFamily::Ipv6 => Ipv6Addr::LOCALHOST.into(),
            AddressFamily::Unix => {
                let directory = TemporaryDirectory::new();
                let path = directory.file("s");
                listener
                    .listen(&BindAddress::Unix(path.clone()), ListenOptions::new(128))
                    .unwrap();
                return Server {
                    listener,
                    address: Address::Unix(path),
                    _directory: Some(directory),
                };
            }
        };
        listener
            .listen(
                &BindAddress::Inet(SocketAddr::new(ip, 0)),
                ListenOptions::new(128),
            )
            .unwrap();
        let address = Address::Inet(SocketAddr::new(ip, listener.local_port()));
        Server {
            listener,
            address,
            _directory: None,
        }
    }

    pub fn accept(&self) -> Connection {
        until("a connection waits", || self.listener.accept().unwrap())
    }
}

/// A client and the server's end of its connection.
pub fn pair(family: AddressFamily) -> (Connection, Connection) {
    let server = Server::new(family);
    let client = connected(&server.address);
    (client, server.accept())
}

/// Two connected ends, of a Unix domain socket where there are pairs of them.
pub fn local_pair() -> (Connection, Connection) {
    Connection::pair().unwrap_or_else(|_| pair(AddressFamily::Ipv4))
}

/// The family with the least between both ends.
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
    client.connect(Target::Address(address.clone()), limit, Instant::now())
}

/// The local TCP port, 0 without one.
pub fn local_port(connection: &Connection) -> u16 {
    connection
        .local_address()
        .map_or(0, |address| address.port())
}

/// Polls `condition` until it gives something; fails after a time that no working machine needs.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(result) = condition() {
            return result;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Polls `connection` until it has `status`. What `poll` returns last.
pub fn until_status(
    connection: &Connection,
    status: Status,
) -> Result<(), stream_socket::PollError> {
    until(&format!("status {status:?}"), || {
        let outcome = connection.poll(Instant::now).map(drop);
        (connection.status() == status).then_some(outcome)
    })
}

/// Polls `connection` as a game does that was never busy: in frames of 50 ms from `start` to `end`,
/// both included. The clock is the caller's, so no time passes.
pub fn poll_in_frames(
    connection: &Connection,
    start: Instant,
    end: Instant,
) -> Result<(), stream_socket::PollError> {
    let mut now = start;
    loop {
        connection.poll(|| now)?;
        if now == end {
            return Ok(());
        }
        now = end.min(now + Duration::from_millis(50));
    }
}

/// Writes all of `data`, and does without the count of what was accepted on an error.
pub fn write(connection: &Connection, data: &[u8]) -> Result<(), WriteError> {
    connection
        .write_fully(data)
        .map_err(|stream_socket::WriteFailure { error, .. }| error)
}

/// Reads exactly `count` bytes, waiting for them.
pub fn read(connection: &Connection, count: usize) -> Result<Vec<u8>, ReadError> {
    let mut buffer = vec![MaybeUninit::uninit(); count];
    match connection.read_fully(&mut buffer) {
        Ok(()) => Ok(initialised(&buffer)),
        Err(stream_socket::ReadFailure { error, .. }) => Err(error),
    }
}

/// Reads what is there, at most `limit` bytes.
pub fn try_read(connection: &Connection, limit: usize) -> Result<Vec<u8>, ReadError> {
    let mut buffer = vec![MaybeUninit::uninit(); limit];
    let count = connection.try_read(&mut buffer)?;
    Ok(initialised(&buffer[..count]))
}

fn initialised(buffer: &[MaybeUninit<u8>]) -> Vec<u8> {
    // SAFETY: The callers pass what a read has filled.
    unsafe { buffer.assume_init_ref() }.to_vec()
}

pub fn until_available(connection: &Connection, count: usize) {
    until(&format!("{count} bytes"), || {
        (connection.available()? >= count).then_some(())
    });
}

/// An address of this machine that refuses connections: a port that this process keeps, and does
/// not listen at. The first call opens a socket.
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

/// What has happened to `connection` and was not told yet.
pub fn notices(connection: &Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.next_event()).collect()
}

/// A connection to a plain socket of std.
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

/// Whether the system tells a reset from an end. Wine does not: what it asks a socket for itself takes the error away, and
/// the next receive finds an end. There, a line says that `test` is skipped.
pub fn reports_resets(test: &str) -> bool {
    if is_wine() {
        skipped(test, "Wine does not tell a reset from an end");
    }
    !is_wine()
}

/// Whether the system lets the number of keep-alive questions be set. Wine does not; a line says that `test` is skipped.
pub fn counts_keep_alive(test: &str) -> bool {
    if is_wine() {
        skipped(test, "Wine has no TCP_KEEPCNT");
    }
    !is_wine()
}

/// Polls `connection`, to which nothing is sent, until it counts as idle.
pub fn make_idle(connection: &Connection) {
    for _ in 0..3 {
        assert!(!connection.poll(Instant::now).unwrap());
    }
}

/// Whether sockets are watched, and not asked one by one.
pub fn is_watching() -> bool {
    std::env::var_os("STREAM_SOCKET_DIRECT").is_none()
}

/// How many sockets are in the largest set that this process watches (proc_pid_fdinfo(5)).
#[cfg(target_os = "linux")]
pub fn watched_sockets() -> usize {
    let descriptors = fs::read_dir("/proc/self/fdinfo").unwrap();
    // One that was closed meanwhile cannot be read.
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

/// Waits for as long as a thread that was just started needs to fall asleep. What it does is not to be seen here.
#[cfg(not(target_os = "linux"))]
fn until_asleep(_id: i32) {
    std::thread::sleep(Duration::from_millis(100));
}

/// The number of this thread, where it has one that others can use.
fn thread_id() -> i32 {
    #[cfg(target_os = "linux")]
    // SAFETY: gettid has no preconditions.
    return unsafe { libc::gettid() };
    #[cfg(not(target_os = "linux"))]
    0
}

/// Runs `body` on a thread and returns once that sleeps.
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

/// A plain socket that blocks, as the peer of a connection: it does what a test says and nothing else. It gives up on
/// waits that no working machine needs, so that a test fails and does not hang.
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

/// How long a raw peer waits.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What comes until the end of the stream, and how that came: an error is a reset, or nothing for a long time.
pub fn read_to_end(mut peer: &socket2::Socket) -> (Vec<u8>, std::io::Result<()>) {
    let mut received = Vec::new();
    let outcome = std::io::Read::read_to_end(&mut peer, &mut received);
    (received, outcome.map(drop))
}

/// Asserts that `expected` has come, and after it the end of the stream.
pub fn assert_whole(came: (Vec<u8>, std::io::Result<()>), expected: &[u8]) {
    let (received, outcome) = came;
    let good = same_bytes(&received, expected);
    assert!(
        outcome.is_ok() && good == expected.len() && received.len() == good,
        "of {} bytes {} came, {good} of them right; the end: {outcome:?}",
        expected.len(),
        received.len(),
    );
}

/// How many bytes at the start of both are the same.
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

/// The descriptors of this process whose socket has the local TCP port `port` and does not listen, connected or not any more.
#[cfg(target_os = "linux")]
pub fn descriptors_of_port(port: u16) -> Vec<std::os::fd::RawFd> {
    let is_it = |descriptor: &std::os::fd::RawFd| {
        // SAFETY: It is only asked for its name, at once; if it was closed meanwhile the answer is an error.
        let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(*descriptor) };
        let socket = socket2::SockRef::from(&descriptor);
        let local = socket.local_addr().ok().and_then(|local| local.as_socket());
        local.is_some_and(|local| local.port() == port) && !socket.is_listener().unwrap_or(true)
    };
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = descriptors.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(is_it).collect()
}

/// A listener at `ip` and `port`, where nobody else is, and its port.
pub fn listening(ip: std::net::IpAddr, port: u16, backlog: i32) -> Option<(Listener, u16)> {
    let listener = Listener::new();
    let address = BindAddress::Inet((ip, port).into());
    listener
        .listen(&address, ListenOptions::new(backlog))
        .ok()?;
    let port = listener.local_port();
    Some((listener, port))
}

/// Whether this program can be started once more. In an emulator it cannot; there, a line says that `test` is skipped.
pub fn can_start_itself(test: &str) -> bool {
    let can = !is_emulated();
    if !can {
        skipped(test, "the emulator does not start programs");
    }
    can
}

/// Whether the system tells of TCP's round trips. An emulator does not; there, a line says that `test` is skipped.
pub fn tells_round_trips(test: &str) -> bool {
    let tells = cfg!(target_os = "linux") && !is_emulated();
    if !tells {
        skipped(test, "TCP's round trips are not told here");
    }
    tells
}

/// A program that an emulator runs through a loader sees the loader as itself.
fn is_emulated() -> bool {
    let program = std::env::current_exe().unwrap();
    let name = std::env::args_os().next().map(PathBuf::from);
    name.is_none_or(|name| name.file_name() != program.file_name())
}

/// Runs the test `name` of this program in a process of its own, with pipes for its standard input and its errors.
/// It finds out by [`argument`] what to do.
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

/// Runs the test `child` with `argument` in a process of its own, and asserts that it passes. `test`
/// is skipped where no process can be started, and for the reason `why` where the child ends with
/// [`NOT_PERMITTED`].
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

/// What [`spawn_test`] has asked this process to do.
pub fn argument() -> Option<String> {
    std::env::var(ARGUMENT).ok()
}

const ARGUMENT: &str = "STREAM_SOCKET_TEST_ARGUMENT";

/// While it lives no other test of this program that asks for it runs.
pub fn only_test() -> std::sync::MutexGuard<'static, ()> {
    static ONLY: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONLY.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
