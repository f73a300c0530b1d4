//! One stream socket.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};
use std::path::Path;
use std::time::Duration;

use socket2::{SockAddr, TcpKeepalive, Type};
use windows_sys::Win32::Networking::WinSock::{
    FD_SET, FIONREAD, POLLRDNORM, POLLWRNORM, SIO_AF_UNIX_GETPEERPID, SIO_TCP_INFO,
    SO_EXCLUSIVEADDRUSE, SOCKET_ERROR, SOL_SOCKET, TCP_INFO_v0, TIMEVAL, WSAEAFNOSUPPORT,
    WSAEALREADY, WSAEINPROGRESS, WSAEWOULDBLOCK, WSAIoctl, WSAPOLLFD, WSAPoll, ioctlsocket, select,
    setsockopt,
};

use super::interrupter::Interrupter;
use super::poller::Watches;
use crate::sys::descriptors::obtain;
use crate::sys::portable::domain;
use crate::sys::types::{
    AddressFamily, Connect, Credentials, Interests, TcpInfo, check_unix_path, invalid_path,
    unsupported,
};

/// The longest path of a Unix domain socket in bytes of UTF-8: what fits `sun_path` with two bytes to spare, as on Linux.
const MAX_UNIX_PATH: usize = 108 - 2;

/// Windows has no such limit in milliseconds.
pub(crate) const HAS_USER_TIMEOUT: bool = false;

/// A stream socket, non-blocking and not inherited from its creation on. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket {
    // Dropped before the socket.
    pub(super) watches: Watches,
    socket: socket2::Socket,
}

/// An address as the system takes it.
#[derive(Clone, Debug)]
pub(crate) struct SocketAddress(pub(super) SockAddr);

impl SocketAddress {
    /// The address of a Unix domain socket, if `path` can name one.
    pub(crate) fn unix(path: &Path) -> io::Result<SocketAddress> {
        let text = path.to_str();
        let text = text.ok_or_else(|| invalid_path("the path is not Unicode"))?;
        if is_named_pipe(text) {
            let why = "the path is that of a named pipe, which is not a socket";
            return Err(invalid_path(why));
        }
        check_unix_path(text.as_bytes(), MAX_UNIX_PATH)?;
        SockAddr::unix(path).map(SocketAddress)
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> SocketAddress {
        SocketAddress(address.into())
    }
}

/// Windows has no names without a file.
pub(crate) fn is_abstract(_path: &Path) -> bool {
    false
}

/// Whether `path` begins like those of named pipes, `\\.\pipe\`, with either kind of slash.
fn is_named_pipe(path: &str) -> bool {
    let begin = path.get(..9).unwrap_or_default();
    begin.replace('/', "\\").eq_ignore_ascii_case(r"\\.\pipe\")
}

impl From<socket2::Socket> for Socket {
    fn from(socket: socket2::Socket) -> Socket {
        Socket {
            watches: Watches::default(),
            socket,
        }
    }
}

impl Socket {
    pub(crate) fn new(family: AddressFamily) -> io::Result<Socket> {
        let make = || socket2::Socket::new(domain(family), Type::STREAM, None);
        let socket = obtain(make).map_err(|error| {
            match (family, error.raw_os_error()) {
                // Windows has them since version 1803 of Windows 10.
                (AddressFamily::Unix, Some(WSAEAFNOSUPPORT)) => unsupported("a Unix domain socket"),
                _ => error,
            }
        })?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    /// Windows has no socketpair.
    pub(crate) fn pair() -> io::Result<(Socket, Socket)> {
        Err(unsupported("making a connected pair of sockets"))
    }

    /// A connected pair for tests, over TCP.
    #[cfg(test)]
    pub(crate) fn test_pair() -> (Socket, Socket) {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let one = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other, _) = listener.accept().unwrap();
        let end = |stream| {
            let socket = socket2::Socket::from(stream);
            socket.set_nonblocking(true).unwrap();
            socket.into()
        };
        (end(one), end(other))
    }

    pub(crate) fn bind(&self, address: &SocketAddress) -> io::Result<()> {
        self.socket.bind(&address.0)
    }

    pub(crate) fn listen(&self, backlog: i32) -> io::Result<()> {
        self.socket.listen(backlog)
    }

    /// A connection that waits, and its internet address, if it has one.
    pub(crate) fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        let (socket, address) =
            self.asking(Interests::READABLE, obtain(|| self.socket.accept()))?;
        socket.set_nonblocking(true)?;
        Ok((socket.into(), address.as_socket()))
    }

    /// Begins to connect.
    pub(crate) fn connect(&self, address: &SocketAddress) -> io::Result<Connect> {
        let Err(error) = self.socket.connect(&address.0) else {
            return Ok(Connect::Done);
        };
        match error.raw_os_error() {
            Some(WSAEWOULDBLOCK | WSAEINPROGRESS | WSAEALREADY) => Ok(Connect::InProgress),
            _ => Err(error),
        }
    }

    /// Whether the connect that is in progress has succeeded by now.
    pub(crate) fn is_connected(&self, _address: &SocketAddress) -> io::Result<bool> {
        // Before Windows 10 version 2004, WSAPoll did not tell of connects that have failed.
        let set = || FD_SET {
            fd_count: 1,
            fd_array: [self.raw(); 64],
        };
        let (mut writable, mut failed) = (set(), set());
        let at_once = TIMEVAL {
            tv_sec: 0,
            tv_usec: 0,
        };
        // SAFETY: The sets hold the one open socket that their counts say; select writes to them only. Windows ignores the
        // first argument.
        let count = unsafe {
            select(
                0,
                std::ptr::null_mut(),
                &mut writable,
                &mut failed,
                &at_once,
            )
        };
        if count == SOCKET_ERROR {
            return Err(io::Error::last_os_error());
        }
        if failed.fd_count > 0 {
            let error = self.socket.take_error()?;
            return Err(error.unwrap_or_else(|| io::ErrorKind::ConnectionRefused.into()));
        }
        Ok(writable.fd_count > 0)
    }

    /// Receives into `buffer`; what has been received is the slice returned.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [MaybeUninit<u8>],
    ) -> io::Result<&'a mut [u8]> {
        let received = self.socket.recv(&mut *buffer);
        let count = self.asking(Interests::READABLE, received)?;
        // SAFETY: The system has written the first `count` bytes.
        Ok(unsafe { buffer[..count].assume_init_mut() })
    }

    /// Sends of `data` what the system takes now.
    pub(crate) fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.asking(Interests::WRITABLE, self.socket.send(data))
    }

    /// `outcome`, after having the sets that the socket is in ask for `interests` if it shows that those are not met.
    fn asking<T>(&self, interests: Interests, outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.watches.ask(interests);
        }
        outcome
    }

    /// How many received bytes the system holds (ioctlsocket, FIONREAD).
    pub(crate) fn unread_bytes(&self) -> io::Result<usize> {
        let mut count = 0;
        // SAFETY: The request writes one number.
        let outcome = unsafe { ioctlsocket(self.raw(), FIONREAD, &mut count) };
        if outcome != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// How many sent bytes the peer's system has not acknowledged yet. Windows does not say: 0.
    pub(crate) fn unacknowledged_bytes(&self) -> usize {
        0
    }

    /// Ends the stream from this side.
    pub(crate) fn shut_down_writing(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// The failure of the socket that no call has told yet.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Waits until `interests` are met, the socket has failed, `wake` is called, or `limit` is over. Without a limit it waits
    /// for as long as it takes.
    pub(crate) fn wait(
        &self,
        interests: Interests,
        limit: Option<Duration>,
        wake: Option<&Interrupter>,
    ) -> io::Result<()> {
        let mut events = 0;
        if interests.readable {
            events |= POLLRDNORM;
        }
        if interests.writable {
            events |= POLLWRNORM;
        }
        let entry = |socket: RawSocket, events| WSAPOLLFD {
            fd: socket as usize,
            events,
            revents: 0,
        };
        let mut sockets = [
            entry(self.as_raw_socket(), events),
            entry(wake.map_or(0, AsRawSocket::as_raw_socket), POLLRDNORM),
        ];
        let count = if wake.is_some() { 2 } else { 1 };
        // Rounded up, so that a wait that ends early is no busy one. A very long one may end early.
        let limit = limit.map_or(-1, |limit| {
            i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
        });
        // SAFETY: As many entries are there as the count says, of sockets that are open during the call.
        let outcome = unsafe { WSAPoll(sockets.as_mut_ptr(), count, limit) };
        if outcome == SOCKET_ERROR {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The number of its descriptor. Here it says nothing about how many there are.
    pub(crate) fn number(&self) -> Option<usize> {
        None
    }

    /// Windows has no permissions of that kind.
    pub(crate) fn set_mode_of_file(&self, _mode: u32) {}

    /// The local internet address, if it has one.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    /// The process at the other end of a Unix domain socket (SIO_AF_UNIX_GETPEERPID). Windows does not tell its user: -1.
    pub(crate) fn peer_credentials(&self) -> io::Result<Credentials> {
        let mut pid: u32 = 0;
        let mut written = 0;
        // SAFETY: The request writes one number, for which there is room; the call is not overlapped.
        let outcome = unsafe {
            WSAIoctl(
                self.raw(),
                SIO_AF_UNIX_GETPEERPID,
                std::ptr::null(),
                0,
                (&raw mut pid).cast(),
                size_of::<u32>() as u32,
                &mut written,
                std::ptr::null_mut(),
                None,
            )
        };
        if outcome != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Credentials {
            pid: pid.into(),
            uid: -1,
            gid: -1,
        })
    }

    /// What the system has measured of a TCP connection (SIO_TCP_INFO). It counts bytes that were sent again, not segments.
    pub(crate) fn tcp_info(&self) -> TcpInfo {
        let version: u32 = 0;
        let mut info = TCP_INFO_v0::default();
        let mut written = 0;
        // SAFETY: The request reads the version, and writes that version of the structure, for which there is room; the call
        // is not overlapped.
        let outcome = unsafe {
            WSAIoctl(
                self.raw(),
                SIO_TCP_INFO,
                (&raw const version).cast(),
                size_of::<u32>() as u32,
                (&raw mut info).cast(),
                size_of::<TCP_INFO_v0>() as u32,
                &mut written,
                std::ptr::null_mut(),
                None,
            )
        };
        if outcome != 0 {
            return TcpInfo::default();
        }
        TcpInfo {
            round_trip_time: (info.RttUs > 0).then(|| Duration::from_micros(info.RttUs.into())),
            retransmits: None,
        }
    }

    fn raw(&self) -> usize {
        self.as_raw_socket() as usize
    }

    // Options, in alphabetical order.

    /// Lets a listener bind a port of which connections of an earlier listener linger in TIME_WAIT, and keeps the port from
    /// everybody else. Windows does the first by itself; its SO_REUSEADDR would let anybody take the port over, which
    /// SO_EXCLUSIVEADDRUSE forbids. A refusal is an error: without the option anybody could take
    /// the port over.
    pub(crate) fn allow_address_reuse(&self) -> io::Result<()> {
        let yes: u32 = 1;
        // SAFETY: The option is a 4-byte flag.
        let outcome = unsafe {
            setsockopt(
                self.raw(),
                SOL_SOCKET,
                SO_EXCLUSIVEADDRUSE,
                (&raw const yes).cast(),
                size_of::<u32>() as i32,
            )
        };
        if outcome != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The sizes in bytes of the system's buffers for sending and receiving.
    pub(crate) fn buffer_sizes(&self) -> io::Result<(usize, usize)> {
        Ok((
            self.socket.send_buffer_size()?,
            self.socket.recv_buffer_size()?,
        ))
    }

    /// Whether an IPv6 socket leaves IPv4 alone.
    pub(crate) fn is_only_v6(&self) -> io::Result<bool> {
        self.socket.only_v6()
    }

    /// Has closing the socket reset the connection and discard what is unsent (SO_LINGER with a time of zero). A Unix domain
    /// socket has no reset.
    pub(crate) fn reset_when_closed(&self) -> io::Result<()> {
        self.socket.set_linger(Some(Duration::ZERO))
    }

    /// Whether and how a silent peer is asked whether it is there: the silence before the first question, the time between
    /// questions, how many may stay unanswered (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
    pub(crate) fn set_keep_alive(
        &self,
        keep_alive: Option<(Duration, Duration, u32)>,
    ) -> io::Result<()> {
        match keep_alive {
            None => self.socket.set_keepalive(false),
            Some((idle, interval, count)) => self.socket.set_tcp_keepalive(
                &TcpKeepalive::new()
                    .with_time(idle)
                    .with_interval(interval)
                    .with_retries(count),
            ),
        }
    }

    /// Small writes go out at once (TCP_NODELAY).
    pub(crate) fn set_no_delay(&self, enabled: bool) -> io::Result<()> {
        self.socket.set_tcp_nodelay(enabled)
    }

    /// Whether an IPv6 socket leaves IPv4 alone (IPV6_V6ONLY).
    pub(crate) fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.socket.set_only_v6(only_v6)
    }

    /// The size of the system's receive buffer (SO_RCVBUF).
    pub(crate) fn set_receive_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_recv_buffer_size(bytes)
    }

    /// The size of the system's send buffer (SO_SNDBUF).
    pub(crate) fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_send_buffer_size(bytes)
    }

    /// See [`HAS_USER_TIMEOUT`].
    pub(crate) fn set_user_timeout(&self, _limit: Option<Duration>) -> io::Result<()> {
        Err(unsupported("the TCP user timeout"))
    }
}

impl AsRawSocket for Socket {
    fn as_raw_socket(&self) -> RawSocket {
        self.socket.as_raw_socket()
    }
}

impl AsSocket for Socket {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.socket.as_socket()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_unix_domain_sockets_says_that_they_are_unsupported() {
        if let Err(error) = Socket::new(AddressFamily::Unix) {
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
        }
    }

    #[test]
    fn paths_of_named_pipes_are_refused() {
        for path in [
            r"\\.\pipe\mpv",
            "//./pipe/docker_engine",
            r"\\.\PIPE\discord-ipc-0",
        ] {
            let error = SocketAddress::unix(Path::new(path)).unwrap_err();
            assert!(error.to_string().contains("named pipe"), "{error}");
        }
        assert!(SocketAddress::unix(Path::new(r"C:\pipe\a")).is_ok());
    }
}
