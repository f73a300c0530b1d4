//! The system calls of one stream socket.

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
use super::watches::Watches;
use crate::sys::descriptors::obtain;
use crate::sys::portable::domain;
use crate::sys::types::{
    AddressFamily, Connect, Credentials, Interests, TcpInfo, check_unix_path, invalid_path,
    unsupported,
};

/// The longest path of a Unix domain socket in bytes of UTF-8: the size of `sun_path` less two, as
/// on Linux.
const MAX_UNIX_PATH: usize = 108 - 2;

/// Windows has no equivalent of TCP_USER_TIMEOUT.
pub(crate) const HAS_USER_TIMEOUT: bool = false;

/// Windows does not report unacknowledged bytes.
pub(crate) const ENDS_COUNT: bool = false;

/// A stream socket, non-blocking and not inherited by child processes. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Comes first, so that it is dropped before the socket is closed.
    pub(super) watches: Watches,
    socket: socket2::Socket,
}

/// The address of a socket in the form of the system.
#[derive(Clone, Debug)]
pub(crate) struct SocketAddress(pub(super) SockAddr);

impl SocketAddress {
    /// The address of the Unix domain socket at `path`. Fails if no socket can have that path.
    pub(crate) fn unix(path: &Path) -> io::Result<SocketAddress> {
        let text = path.to_str();
        let text = text.ok_or_else(|| invalid_path("path is not Unicode"))?;
        if is_named_pipe(text) {
            let why = "path is that of a named pipe, which is not a socket";
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

/// Always false: Windows has no abstract names.
pub(crate) fn is_abstract(_path: &Path) -> bool {
    false
}

/// Whether `path` is that of a named pipe: it begins with `\\.\pipe\`, with either kind of slash.
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
                // Windows has Unix domain sockets since version 1803 of Windows 10.
                (AddressFamily::Unix, Some(WSAEAFNOSUPPORT)) => unsupported("Unix domain socket"),
                _ => error,
            }
        })?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    /// Not supported: Windows has no socketpair.
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

    /// Accepts the oldest connection in the queue. Returns the peer's internet address too, if it
    /// has one.
    pub(crate) fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        let (socket, address) =
            self.arming(Interests::READABLE, obtain(|| self.socket.accept()))?;
        socket.set_nonblocking(true)?;
        Ok((socket.into(), address.as_socket()))
    }

    /// Starts to connect.
    pub(crate) fn connect(&self, address: &SocketAddress) -> io::Result<Connect> {
        let Err(error) = self.socket.connect(&address.0) else {
            return Ok(Connect::Done);
        };
        match error.raw_os_error() {
            Some(WSAEWOULDBLOCK | WSAEINPROGRESS | WSAEALREADY) => Ok(Connect::InProgress),
            _ => Err(error),
        }
    }

    /// Whether the connect in progress has succeeded. Returns its error if it has failed.
    pub(crate) fn is_connected(&self, _address: &SocketAddress) -> io::Result<bool> {
        // This uses select because WSAPoll does not report failed connects before version 2004 of
        // Windows 10.
        let set = || FD_SET {
            fd_count: 1,
            fd_array: [self.raw(); 64],
        };
        let (mut writable, mut failed) = (set(), set());
        let at_once = TIMEVAL {
            tv_sec: 0,
            tv_usec: 0,
        };
        // SAFETY: Each set holds one socket, which is open, and its count says so. select writes to
        // the sets only. Windows ignores the first argument.
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

    /// Receives into `buffer`. Returns the part of it that was filled.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [MaybeUninit<u8>],
    ) -> io::Result<&'a mut [u8]> {
        let received = self.socket.recv(&mut *buffer);
        let count = self.arming(Interests::READABLE, received)?;
        // SAFETY: recv has written the first `count` bytes of the buffer.
        Ok(unsafe { buffer[..count].assume_init_mut() })
    }

    /// Sends as much of `data` as the system accepts.
    pub(crate) fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.arming(Interests::WRITABLE, self.socket.send(data))
    }

    /// Returns `outcome`. If the call failed because the socket is not ready for `interests`, this
    /// makes the pollers report the socket once it is ready.
    fn arming<T>(&self, interests: Interests, outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.watches.arm(interests);
        }
        outcome
    }

    /// How many received bytes the system holds (ioctlsocket, FIONREAD).
    pub(crate) fn unread_bytes(&self) -> io::Result<usize> {
        let mut count = 0;
        // SAFETY: The socket is open. FIONREAD writes one number, to `count`.
        let outcome = unsafe { ioctlsocket(self.raw(), FIONREAD, &mut count) };
        if outcome != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// `None`: Windows does not report how many sent bytes the peer's host has not acknowledged.
    pub(crate) fn unacknowledged_bytes(&self) -> Option<usize> {
        None
    }

    /// Ends the sending direction (shutdown, SD_SEND).
    pub(crate) fn shut_down_writing(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// Takes the pending error of the socket (SO_ERROR).
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Waits until the socket is ready for one of `interests` or has failed, until `interrupter` is
    /// set, or until `limit` is over. Without a limit the wait is unlimited.
    pub(crate) fn wait(
        &self,
        interests: Interests,
        limit: Option<Duration>,
        interrupter: Option<&Interrupter>,
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
            entry(
                interrupter.map_or(0, AsRawSocket::as_raw_socket),
                POLLRDNORM,
            ),
        ];
        let count = if interrupter.is_some() { 2 } else { 1 };
        // Rounded up, so that a caller that waits for the rest does not spin. A limit of more than
        // 24 days is cut.
        let limit = limit.map_or(-1, |limit| {
            i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
        });
        // SAFETY: The array holds at least `count` entries, of sockets that are borrowed and
        // therefore open during the call.
        let outcome = unsafe { WSAPoll(sockets.as_mut_ptr(), count, limit) };
        if outcome == SOCKET_ERROR {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Whether a receive would not wait: there is data, or the end, or a failure. Never waits.
    pub(crate) fn is_readable(&self) -> bool {
        let mut socket = WSAPOLLFD {
            fd: self.as_raw_socket() as usize,
            events: POLLRDNORM,
            revents: 0,
        };
        // SAFETY: It is one entry, of a socket that is borrowed and therefore open during the call.
        unsafe { WSAPoll(&mut socket, 1, 0) != 0 }
    }

    /// Does nothing: Windows files have no mode.
    pub(crate) fn set_mode_of_file(&self, _mode: u32) {}

    /// The local internet address, if the socket has one.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    /// The process at the other end of a Unix domain socket (SIO_AF_UNIX_GETPEERPID). Windows does
    /// not report its user and group: -1.
    pub(crate) fn peer_credentials(&self) -> io::Result<Credentials> {
        let mut pid: u32 = 0;
        let mut written = 0;
        // SAFETY: The request writes one number, to `pid`. The call is not overlapped, so nothing
        // is written after it returns.
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

    /// The system's measurements of a TCP connection (SIO_TCP_INFO). Windows counts retransmitted
    /// bytes, not segments.
    pub(crate) fn tcp_info(&self) -> TcpInfo {
        let version: u32 = 0;
        let mut info = TCP_INFO_v0::default();
        let mut written = 0;
        // SAFETY: The request reads the version, and writes that version of the structure, which
        // has the size that is given. The call is not overlapped, so nothing is written after it
        // returns.
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
            since_acknowledged: None,
        }
    }

    fn raw(&self) -> usize {
        self.as_raw_socket() as usize
    }

    // Options, in alphabetical order.

    /// Lets a listener bind a port while connections of an earlier listener are in TIME_WAIT, and
    /// keeps others from the port. Windows allows the first by default. With its SO_REUSEADDR
    /// another process could take over the port; SO_EXCLUSIVEADDRUSE prevents that, so its failure
    /// is an error.
    pub(crate) fn allow_address_reuse(&self) -> io::Result<()> {
        let yes: u32 = 1;
        // SAFETY: The socket is open. The option reads a flag of 4 bytes, the size of `yes`.
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

    /// The sizes in bytes of the system's send buffer and receive buffer.
    pub(crate) fn buffer_sizes(&self) -> io::Result<(usize, usize)> {
        Ok((
            self.socket.send_buffer_size()?,
            self.socket.recv_buffer_size()?,
        ))
    }

    /// Whether an IPv6 socket is for IPv6 only.
    pub(crate) fn is_only_v6(&self) -> io::Result<bool> {
        self.socket.only_v6()
    }

    /// Makes closing the socket reset the connection and discard unsent data (SO_LINGER with a time
    /// of zero). A Unix domain socket has no reset.
    pub(crate) fn reset_when_closed(&self) -> io::Result<()> {
        self.socket.set_linger(Some(Duration::ZERO))
    }

    /// Sets keep-alive: the idle time before the first probe, the interval between probes, and how
    /// many may stay unanswered (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT). `None` turns it off.
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

    /// Sets whether small writes are sent at once (TCP_NODELAY).
    pub(crate) fn set_no_delay(&self, enabled: bool) -> io::Result<()> {
        self.socket.set_tcp_nodelay(enabled)
    }

    /// Sets whether an IPv6 socket is for IPv6 only (IPV6_V6ONLY).
    pub(crate) fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.socket.set_only_v6(only_v6)
    }

    /// Sets the size of the system's receive buffer (SO_RCVBUF).
    pub(crate) fn set_receive_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_recv_buffer_size(bytes)
    }

    /// Sets the size of the system's send buffer (SO_SNDBUF).
    pub(crate) fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_send_buffer_size(bytes)
    }

    /// Not supported; see [`HAS_USER_TIMEOUT`].
    pub(crate) fn set_user_timeout(&self, _limit: Option<Duration>) -> io::Result<()> {
        Err(unsupported("TCP user timeout"))
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
    fn a_system_without_unix_domain_sockets_reports_them_as_unsupported() {
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
