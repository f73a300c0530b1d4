//! The system calls of one stream socket.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, SockAddr, TcpKeepalive, Type};

use super::interrupter::Interrupter;
use crate::sys::descriptors::obtain;
use crate::sys::portable::domain;
use crate::sys::types::{
    AddressFamily, Connect, Credentials, Interests, TcpInfo, check_unix_path, is_refused,
};

/// The longest path of a Unix domain socket in bytes: the size of `sun_path` less two, which is the
/// engine's limit (106 on Linux).
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNIX_PATH: usize = 108 - 2;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MAX_UNIX_PATH: usize = 104 - 2;

/// Whether the system supports TCP_USER_TIMEOUT (tcp(7)).
pub(crate) const HAS_USER_TIMEOUT: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Whether the system counts the end of the stream among the unacknowledged bytes: Linux subtracts
/// sequence numbers, and the end has one (RFC 9293, section 3.4).
pub(crate) const ENDS_COUNT: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// A stream socket, non-blocking and close-on-exec. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket(pub(super) socket2::Socket);

/// The address of a socket in the form of the system.
#[derive(Clone, Debug)]
pub(crate) struct SocketAddress(pub(super) SockAddr);

impl SocketAddress {
    /// The address of the Unix domain socket at `path`. Fails if no socket can have that path. On
    /// Linux `@name` is an abstract name, which has no file and disappears with its socket
    /// (unix(7)).
    pub(crate) fn unix(path: &Path) -> io::Result<SocketAddress> {
        let bytes = path.as_os_str().as_bytes();
        check_unix_path(bytes, MAX_UNIX_PATH)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if is_abstract(path) {
            let mut name = bytes.to_vec();
            name[0] = 0;
            return SockAddr::unix(std::ffi::OsStr::from_bytes(&name)).map(SocketAddress);
        }
        SockAddr::unix(path).map(SocketAddress)
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> SocketAddress {
        SocketAddress(address.into())
    }
}

/// Whether `path` is an abstract name, which has no file.
pub(crate) fn is_abstract(path: &Path) -> bool {
    cfg!(any(target_os = "linux", target_os = "android"))
        && path.as_os_str().as_bytes().starts_with(b"@")
}

impl Socket {
    pub(crate) fn new(family: AddressFamily) -> io::Result<Socket> {
        let domain = domain(family);
        // Linux takes the flag when it creates the socket, which saves a system call. socket2
        // always sets close-on-exec.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return obtain(|| socket2::Socket::new(domain, Type::STREAM.nonblocking(), None))
            .map(Socket);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let socket = obtain(|| socket2::Socket::new(domain, Type::STREAM, None))?;
            socket.set_nonblocking(true)?;
            Ok(Socket(socket))
        }
    }

    /// Two connected Unix domain sockets (socketpair(2)).
    pub(crate) fn pair() -> io::Result<(Socket, Socket)> {
        let (one, other) = obtain(|| socket2::Socket::pair(Domain::UNIX, Type::STREAM, None))?;
        one.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok((Socket(one), Socket(other)))
    }

    /// A connected pair for tests.
    #[cfg(test)]
    pub(crate) fn test_pair() -> (Socket, Socket) {
        Socket::pair().unwrap()
    }

    pub(crate) fn bind(&self, address: &SocketAddress) -> io::Result<()> {
        self.0.bind(&address.0)
    }

    pub(crate) fn listen(&self, backlog: i32) -> io::Result<()> {
        self.0.listen(backlog)
    }

    /// Accepts the oldest connection in the queue. Returns the peer's internet address too, if it
    /// has one.
    pub(crate) fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        let accept = || {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            return accept_flagged(&self.0);
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            {
                let (socket, address) = self.0.accept()?;
                socket.set_nonblocking(true)?;
                Ok((Socket(socket), address.as_socket()))
            }
        };
        obtain(|| retry_interrupted(accept))
    }

    /// Starts to connect. After [`Connect::BacklogFull`] it tries again.
    pub(crate) fn connect(&self, address: &SocketAddress) -> io::Result<Connect> {
        let Err(error) = self.0.connect(&address.0) else {
            return Ok(Connect::Done);
        };
        match Errno::from_io_error(&error) {
            Some(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => Ok(Connect::InProgress),
            Some(Errno::AGAIN) if address.0.is_unix() => Ok(Connect::BacklogFull),
            _ => Err(error),
        }
    }

    /// Whether the connect in progress has succeeded. Returns its error if it has failed.
    pub(crate) fn is_connected(&self, address: &SocketAddress) -> io::Result<bool> {
        // On Linux a second connect returns the outcome of the first: success, EALREADY or its
        // error.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return Ok(self.connect(address)? == Connect::Done);
        // Elsewhere the socket becomes writable when the connect ends, and SO_ERROR is its outcome
        // (connect(2), EINPROGRESS).
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let _ = address;
            let mut descriptors = [PollFd::new(&self.0, PollFlags::OUT)];
            if poll(&mut descriptors, Some(Duration::ZERO))? == 0 {
                return Ok(false);
            }
            self.0.take_error()?.map_or(Ok(true), Err)
        }
    }

    /// Receives into `buffer`. Returns the part of it that was filled.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [MaybeUninit<u8>],
    ) -> io::Result<&'a mut [u8]> {
        let count = retry_interrupted(|| {
            let (received, _) = rustix::net::recv(&self.0, &mut *buffer, RecvFlags::empty())?;
            Ok(received.0.len())
        })?;
        // SAFETY: `rustix::net::recv` has returned the first `count` bytes of the buffer as
        // initialised.
        Ok(unsafe { buffer[..count].assume_init_mut() })
    }

    /// Sends as much of `data` as the kernel accepts. Raises no SIGPIPE.
    pub(crate) fn send(&self, data: &[u8]) -> io::Result<usize> {
        // Without this flag a send to a closed peer kills the process with SIGPIPE (send(2)).
        // Apple's systems have a socket option instead, which socket2 sets on each new socket.
        #[cfg(not(target_vendor = "apple"))]
        const FLAGS: SendFlags = SendFlags::NOSIGNAL;
        #[cfg(target_vendor = "apple")]
        const FLAGS: SendFlags = SendFlags::empty();
        retry_interrupted(|| Ok(rustix::net::send(&self.0, data, FLAGS)?))
    }

    /// How many received bytes the kernel holds before the next urgent mark (tcp(7), SIOCINQ).
    pub(crate) fn unread_bytes(&self) -> io::Result<usize> {
        Ok(usize::try_from(rustix::io::ioctl_fionread(&self.0)?).unwrap_or(usize::MAX))
    }

    /// How many sent bytes the peer's host has not acknowledged (tcp(7), SIOCOUTQ). `None` on
    /// systems that do not report it. For a Unix domain socket it is the memory of what the peer
    /// has not read.
    pub(crate) fn unacknowledged_bytes(&self) -> Option<usize> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let mut count: libc::c_int = 0;
            // SAFETY: The descriptor is open. TIOCOUTQ, the same number as SIOCOUTQ, writes one
            // int.
            let outcome =
                unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
            if outcome == 0 {
                return usize::try_from(count).ok();
            }
        }
        #[cfg(target_vendor = "apple")]
        {
            let mut count: libc::c_int = 0;
            let mut size = size_of::<libc::c_int>() as libc::socklen_t;
            // SAFETY: The descriptor is open. SO_NWRITE is an int, and the kernel writes at most
            // `size` bytes, which is the size of one.
            let outcome = unsafe {
                libc::getsockopt(
                    self.0.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_NWRITE,
                    (&raw mut count).cast(),
                    &mut size,
                )
            };
            if outcome == 0 {
                return usize::try_from(count).ok();
            }
        }
        None
    }

    /// Ends the sending direction (shutdown(2), SHUT_WR).
    pub(crate) fn shut_down_writing(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }

    /// Takes the pending error of the socket (socket(7), SO_ERROR).
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    /// Waits until the socket is ready for one of `interests` or has failed, until `interrupter` is
    /// set, until a signal arrives, or until `limit` is over. Without a limit the wait is
    /// unlimited.
    pub(crate) fn wait(
        &self,
        interests: Interests,
        limit: Option<Duration>,
        interrupter: Option<&Interrupter>,
    ) -> io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, interests.readable);
        flags.set(PollFlags::OUT, interests.writable);
        let socket = PollFd::new(&self.0, flags);
        let outcome = match interrupter {
            Some(interrupter) => poll(
                &mut [socket, PollFd::new(interrupter, PollFlags::IN)],
                limit,
            ),
            None => poll(&mut [socket], limit),
        };
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a receive would not wait: there is data, or the end, or a failure. Never waits.
    pub(crate) fn is_readable(&self) -> bool {
        let mut descriptors = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut descriptors, Some(Duration::ZERO)).map_or(true, |count| count > 0)
    }

    /// Sets the mode, less the umask, of the file that a bind will create: Linux gives the file the
    /// mode of the socket (fchmod(2)). So no other user can connect before `set_socket_mode` is
    /// called. Does nothing on other systems.
    pub(crate) fn set_mode_of_file(&self, mode: u32) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::fs::{Mode, RawMode, fchmod};
            // If this is refused, only `set_socket_mode` sets the mode.
            let _ = fchmod(&self.0, Mode::from_raw_mode(mode as RawMode));
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = mode;
    }

    /// The local internet address, if the socket has one.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()?.as_socket()
    }

    /// The process at the other end of a Unix domain socket (unix(7), SO_PEERCRED).
    pub(crate) fn peer_credentials(&self) -> io::Result<Credentials> {
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        return Err(crate::sys::types::unsupported("getting peer credentials"));
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let mut credentials = libc::ucred {
                pid: 0,
                uid: 0,
                gid: 0,
            };
            let mut size = size_of::<libc::ucred>() as libc::socklen_t;
            // SAFETY: The descriptor is open. The kernel writes at most `size` bytes, which is the
            // size of the structure, and every bit pattern is valid in its integers.
            let outcome = unsafe {
                libc::getsockopt(
                    self.0.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_PEERCRED,
                    (&raw mut credentials).cast(),
                    &mut size,
                )
            };
            if outcome != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Credentials {
                pid: credentials.pid.into(),
                uid: credentials.uid.into(),
                gid: credentials.gid.into(),
            })
        }
    }

    /// The system's measurements of a TCP connection (tcp(7), TCP_INFO).
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn tcp_info(&self) -> TcpInfo {
        /// The first fields of `tcp_info` in linux/tcp.h. Later kernels only append fields.
        #[repr(C)]
        #[derive(Default)]
        struct Beginning {
            states: [u8; 8],
            figures: [u32; 24],
        }
        /// The indices of `tcpi_last_ack_recv`, in milliseconds, of `tcpi_rtt`, in microseconds,
        /// and of `tcpi_total_retrans`.
        const SINCE_ACKNOWLEDGED: usize = 12;
        const ROUND_TRIP_TIME: usize = 15;
        const RETRANSMITS: usize = 23;
        let mut info = Beginning::default();
        let mut size = size_of::<Beginning>() as libc::socklen_t;
        // SAFETY: The descriptor is open. The kernel writes at most `size` bytes, which is the size
        // of the structure, and every bit pattern is valid in its integers.
        let outcome = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                (&raw mut info).cast(),
                &mut size,
            )
        };
        if outcome != 0 || (size as usize) < size_of::<Beginning>() {
            return TcpInfo::default();
        }
        let round_trip_time = info.figures[ROUND_TRIP_TIME];
        TcpInfo {
            // 0 until the first measurement.
            round_trip_time: (round_trip_time > 0)
                .then(|| Duration::from_micros(round_trip_time.into())),
            retransmits: Some(info.figures[RETRANSMITS].into()),
            since_acknowledged: Some(Duration::from_millis(
                info.figures[SINCE_ACKNOWLEDGED].into(),
            )),
        }
    }

    /// The system's measurements of a TCP connection (tcp(4), TCP_CONNECTION_INFO).
    #[cfg(target_vendor = "apple")]
    pub(crate) fn tcp_info(&self) -> TcpInfo {
        // SAFETY: All fields are integers, for which zero is valid.
        let mut info: libc::tcp_connection_info = unsafe { std::mem::zeroed() };
        let mut size = size_of::<libc::tcp_connection_info>() as libc::socklen_t;
        // SAFETY: The descriptor is open. The kernel writes at most `size` bytes, which is the size
        // of the structure, and every bit pattern is valid in its integers.
        let outcome = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_CONNECTION_INFO,
                (&raw mut info).cast(),
                &mut size,
            )
        };
        if outcome != 0 || (size as usize) < size_of::<libc::tcp_connection_info>() {
            return TcpInfo::default();
        }
        TcpInfo {
            // In whole milliseconds; 0 also stands for no measurement.
            round_trip_time: (info.tcpi_srtt > 0)
                .then(|| Duration::from_millis(info.tcpi_srtt.into())),
            // Apple's header names this field tcpi_txretransmitpackets.
            retransmits: Some(info.tcpi_rxretransmitpackets),
            since_acknowledged: None,
        }
    }

    /// Other systems are not queried.
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(crate) fn tcp_info(&self) -> TcpInfo {
        TcpInfo::default()
    }

    // Options, in alphabetical order.

    /// Lets a listener bind a port while connections of an earlier listener are in TIME_WAIT
    /// (socket(7), SO_REUSEADDR). Two listeners still cannot share a port. If a sandbox refuses the
    /// option, this succeeds: at worst the bind fails until those connections are gone.
    pub(crate) fn allow_address_reuse(&self) -> io::Result<()> {
        match self.0.set_reuse_address(true) {
            Err(error) if is_refused(&error) => Ok(()),
            outcome => outcome,
        }
    }

    /// The sizes in bytes of the kernel's send buffer and receive buffer.
    pub(crate) fn buffer_sizes(&self) -> io::Result<(usize, usize)> {
        Ok((self.0.send_buffer_size()?, self.0.recv_buffer_size()?))
    }

    /// Whether an IPv6 socket is for IPv6 only.
    pub(crate) fn is_only_v6(&self) -> io::Result<bool> {
        self.0.only_v6()
    }

    /// Makes closing the socket reset the connection and discard unsent data (socket(7), SO_LINGER
    /// with a time of zero). A Unix domain socket has no reset. If a sandbox refuses the option,
    /// the connection is reset at once by dissolving the association (connect(2), AF_UNSPEC).
    pub(crate) fn reset_when_closed(&self) -> io::Result<()> {
        match self.0.set_linger(Some(Duration::ZERO)) {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Err(error) if is_refused(&error) => Ok(rustix::net::connect_unspec(&self.0)?),
            outcome => outcome,
        }
    }

    /// Sets keep-alive: the idle time before the first probe, the interval between probes, and how
    /// many may stay unanswered (tcp(7)). `None` turns it off.
    pub(crate) fn set_keep_alive(
        &self,
        keep_alive: Option<(Duration, Duration, u32)>,
    ) -> io::Result<()> {
        match keep_alive {
            None => self.0.set_keepalive(false),
            Some((idle, interval, count)) => self.0.set_tcp_keepalive(
                &TcpKeepalive::new()
                    .with_time(idle)
                    .with_interval(interval)
                    .with_retries(count),
            ),
        }
    }

    /// Sets whether small writes are sent at once (tcp(7), TCP_NODELAY).
    pub(crate) fn set_no_delay(&self, enabled: bool) -> io::Result<()> {
        self.0.set_tcp_nodelay(enabled)
    }

    /// Sets whether an IPv6 socket is for IPv6 only (ipv6(7), IPV6_V6ONLY).
    pub(crate) fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.0.set_only_v6(only_v6)
    }

    /// Sets the size of the kernel's receive buffer (socket(7), SO_RCVBUF).
    pub(crate) fn set_receive_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.0.set_recv_buffer_size(bytes)
    }

    /// Sets the size of the kernel's send buffer (socket(7), SO_SNDBUF).
    pub(crate) fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.0.set_send_buffer_size(bytes)
    }

    /// Sets how long sent data may stay unacknowledged (tcp(7), TCP_USER_TIMEOUT). `None` is the
    /// system's default.
    pub(crate) fn set_user_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return self.0.set_tcp_user_timeout(limit);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let _ = limit;
            Err(crate::sys::types::unsupported("TCP user timeout"))
        }
    }
}

/// Accepts with one system call, accept4(2). If a sandbox withholds it, this uses accept(2).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn accept_flagged(listener: &socket2::Socket) -> io::Result<(Socket, Option<SocketAddr>)> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    use rustix::net::SocketFlags;
    /// Whether accept4 was found to be withheld.
    static IS_WITHHELD: AtomicBool = AtomicBool::new(false);
    let flagged = match IS_WITHHELD.load(Ordering::Relaxed) {
        true => Err(Errno::NOSYS),
        false => {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            rustix::net::acceptfrom_with(listener, flags)
        }
    };
    let (socket, address) = match flagged {
        Err(Errno::NOSYS | Errno::PERM) => {
            let (socket, address) = rustix::net::acceptfrom(listener)?;
            // EPERM may also come from a firewall (accept(2)). accept(2) works then too.
            IS_WITHHELD.store(true, Ordering::Relaxed);
            fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
            ioctl_fionbio(&socket, true)?;
            (socket, address)
        }
        outcome => outcome?,
    };
    let address = address.and_then(|address| address.try_into().ok());
    Ok((Socket(socket.into()), address))
}

/// Waits for `descriptors`, and returns how many are ready. On Linux this is ppoll(2), whose limit
/// is in nanoseconds. If a sandbox withholds it, this uses poll(2).
fn poll(descriptors: &mut [PollFd<'_>], limit: Option<Duration>) -> io::Result<usize> {
    /// Whether ppoll was found to be withheld.
    static IS_WITHHELD: AtomicBool = AtomicBool::new(false);
    if !IS_WITHHELD.load(Ordering::Relaxed) {
        let limit = limit.map(|limit| {
            Timespec::try_from(limit).unwrap_or(Timespec {
                tv_sec: i64::MAX,
                tv_nsec: 0,
            })
        });
        match rustix::event::poll(descriptors, limit.as_ref()) {
            Err(Errno::NOSYS | Errno::PERM) => IS_WITHHELD.store(true, Ordering::Relaxed),
            outcome => return Ok(outcome?),
        }
    }
    poll_in_milliseconds(descriptors, limit)
}

/// Does the same with the C library's poll(2).
fn poll_in_milliseconds(
    descriptors: &mut [PollFd<'_>],
    limit: Option<Duration>,
) -> io::Result<usize> {
    let (count, limit) = (descriptors.len() as libc::nfds_t, milliseconds(limit));
    // SAFETY: `PollFd` has the layout of pollfd (rustix::event::PollFd). The slice holds `count` of
    // them, and each borrows its descriptor, which is therefore open.
    let outcome = unsafe { libc::poll(descriptors.as_mut_ptr().cast(), count, limit) };
    usize::try_from(outcome).map_err(|_| io::Error::last_os_error())
}

/// `limit` in whole milliseconds for poll(2). It is rounded up, so that a caller that waits for the
/// rest does not spin. A limit of more than 24 days is cut.
fn milliseconds(limit: Option<Duration>) -> libc::c_int {
    limit.map_or(-1, |limit| {
        let count = limit.as_nanos().div_ceil(1_000_000);
        libc::c_int::try_from(count).unwrap_or(libc::c_int::MAX)
    })
}

/// Repeats `call` until no signal interrupts it.
fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_rounded_up_to_milliseconds() {
        let of = |nanoseconds| milliseconds(Some(Duration::from_nanos(nanoseconds)));
        assert_eq!(milliseconds(None), -1);
        assert_eq!(of(0), 0);
        assert_eq!(of(1), 1);
        assert_eq!(of(1_000_000), 1);
        assert_eq!(of(1_000_001), 2);
        assert_eq!(milliseconds(Some(Duration::MAX)), libc::c_int::MAX);
    }

    /// This replaces ppoll where that is withheld.
    #[test]
    fn poll_in_milliseconds_waits_and_reports_readiness() {
        let (socket, peer) = Socket::test_pair();
        let limit = Some(Duration::from_nanos(1));
        let readable = || [PollFd::new(&socket, PollFlags::IN)];
        assert_eq!(poll_in_milliseconds(&mut readable(), limit).unwrap(), 0);
        peer.send(b"a").unwrap();
        let mut descriptors = readable();
        assert_eq!(poll_in_milliseconds(&mut descriptors, None).unwrap(), 1);
        assert!(descriptors[0].revents().contains(PollFlags::IN));
    }
}
