//! Unix: Linux, macOS, the BSDs, Android and iOS.

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Credentials, Interest};

/// The longest path of a Unix domain socket in bytes: what fits `sun_path` with two bytes to spare, the
/// engine's limit (106 on Linux).
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNIX_PATH: usize = 108 - 2;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MAX_UNIX_PATH: usize = 104 - 2;

pub(crate) fn stream_socket(domain: Domain) -> io::Result<Socket> {
    // One system call where the kernel takes the flags at creation; socket2 always sets close-on-exec.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return Socket::new(domain, Type::STREAM.nonblocking(), None);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

pub(crate) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
    retry_interrupted(|| {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::net::SocketFlags;
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let (socket, address) = rustix::net::acceptfrom_with(listener, flags)?;
            let address = address.and_then(|address| address.try_into().ok());
            Ok((socket.into(), socket_address(address)))
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let (socket, address) = listener.accept()?;
            socket.set_nonblocking(true)?;
            Ok((socket, address))
        }
    })
}

/// The internet address, or that of an unnamed Unix domain socket where there is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn socket_address(address: Option<std::net::SocketAddr>) -> SockAddr {
    match address {
        Some(address) => address.into(),
        None => SockAddr::unix("").expect("an unnamed address fits"),
    }
}

/// Receives into `buffer`; what has been received is the slice returned.
pub(crate) fn receive<'a>(
    socket: &Socket,
    buffer: &'a mut [MaybeUninit<u8>],
) -> io::Result<&'a mut [u8]> {
    let count = retry_interrupted(|| {
        let (received, _) = rustix::net::recv(socket, &mut *buffer, RecvFlags::empty())?;
        Ok(received.0.len())
    })?;
    // SAFETY: recv(2) has written the first `count` bytes: they are what `rustix::net::recv` gave back as
    // initialised.
    Ok(unsafe { buffer[..count].assume_init_mut() })
}

pub(crate) fn send(socket: &Socket, data: &[u8]) -> io::Result<usize> {
    // Without this flag a write to a peer that is gone would kill the process with SIGPIPE (send(2)). Apple's
    // systems have a socket option instead, which socket2 sets on each new socket.
    #[cfg(not(target_vendor = "apple"))]
    const FLAGS: SendFlags = SendFlags::NOSIGNAL;
    #[cfg(target_vendor = "apple")]
    const FLAGS: SendFlags = SendFlags::empty();
    retry_interrupted(|| Ok(rustix::net::send(socket, data, FLAGS)?))
}

pub(crate) fn unread_bytes(socket: &Socket) -> io::Result<usize> {
    Ok(usize::try_from(rustix::io::ioctl_fionread(socket)?).unwrap_or(usize::MAX))
}

/// Waits at most `limit`, without limit if that is `None`. True if the socket is ready, which includes that it failed or
/// was shut down: the next transfer tells. False if the time is over, or a signal has ended the wait.
pub(crate) fn wait(
    socket: &Socket,
    interest: Interest,
    limit: Option<Duration>,
) -> io::Result<bool> {
    let flags = match interest {
        Interest::Readable => PollFlags::IN,
        Interest::Writable => PollFlags::OUT,
    };
    let limit = limit.map(|limit| {
        Timespec::try_from(limit).unwrap_or(Timespec {
            tv_sec: i64::MAX,
            tv_nsec: 0,
        })
    });
    let mut descriptors = [PollFd::new(socket, flags)];
    match rustix::event::poll(&mut descriptors, limit.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        // The caller has a clock to look at, and waits again.
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether a `connect` goes on in the background (connect(2), EINPROGRESS).
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR)
    )
}

/// Whether a Unix domain `connect` found the listener's backlog full and has to be called again (connect(2),
/// EAGAIN). Nothing goes on in the background then.
pub(crate) fn is_backlog_full(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::AGAIN)
}

/// Lets a listener bind a port of which connections of an earlier listener linger in TIME_WAIT (socket(7),
/// SO_REUSEADDR). It does not let two listeners share a port.
pub(crate) fn allow_address_reuse(listener: &Socket) -> io::Result<()> {
    listener.set_reuse_address(true)
}

/// The address of a Unix domain socket, if `path` can name one. On Linux `@name` is an abstract name: no file, gone
/// with its socket (unix(7)).
pub(crate) fn unix_address(path: &Path) -> io::Result<SockAddr> {
    let bytes = path.as_os_str().as_bytes();
    let invalid = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if bytes.is_empty() {
        return invalid("the path is empty");
    }
    if bytes.contains(&0) {
        return invalid("the path holds a zero byte");
    }
    if bytes.len() > MAX_UNIX_PATH {
        return invalid("the path is too long for a socket");
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if is_abstract(path) {
        let mut name = bytes.to_vec();
        name[0] = 0;
        return SockAddr::unix(std::ffi::OsStr::from_bytes(&name));
    }
    SockAddr::unix(path)
}

/// Whether `path` is a name without a file.
pub(crate) fn is_abstract(path: &Path) -> bool {
    cfg!(any(target_os = "linux", target_os = "android"))
        && path.as_os_str().as_bytes().starts_with(b"@")
}

/// Sets who may connect to the socket file at `path`: to connect takes the permission to write (unix(7)).
pub(crate) fn set_file_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Two connected Unix domain sockets.
pub(crate) fn socket_pair() -> io::Result<(Socket, Socket)> {
    let (one, other) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((one, other))
}

/// Who is at the other end of a Unix domain socket (unix(7), SO_PEERCRED).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer_credentials(socket: &Socket) -> io::Result<Credentials> {
    use std::os::fd::AsRawFd;
    let mut credentials = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: The kernel writes at most `size` bytes, the size of the structure, and any values are valid in it.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
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

/// See above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer_credentials(_: &Socket) -> io::Result<Credentials> {
    Err(super::unsupported("asking for the peer's credentials"))
}

/// How long sent data may stay unacknowledged; `None` leaves it to the system.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set_user_timeout(socket: &Socket, limit: Option<Duration>) -> io::Result<()> {
    socket.set_tcp_user_timeout(limit)
}

/// See above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn set_user_timeout(_: &Socket, _: Option<Duration>) -> io::Result<()> {
    Err(super::unsupported("the TCP user timeout"))
}

/// The number of the network interface `name`, which may already be a number (if_nametoindex(3)).
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = name.parse() {
        return Some(index);
    }
    let name = CString::new(name).ok()?;
    // SAFETY: The name is zero-terminated.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Loads this library once more, never to be unloaded (dlopen(3), RTLD_NODELETE). In a program that it is linked
/// into there is nothing to keep.
pub(crate) fn keep_library_mapped() {
    // SAFETY: dladdr writes to `info` only; the address is that of a function of this library. The name it finds is
    // zero-terminated and lives as long as the library, and opening a library again runs none of its code.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let here = keep_library_mapped as *const ();
        if libc::dladdr(here.cast(), &mut info) != 0 && !info.dli_fname.is_null() {
            let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
            libc::dlopen(info.dli_fname, flags);
        }
    }
}

/// How many forks this process is away from the first one that asked. What a child has of an epoll set is its parent's
/// (epoll(7), question 2 and below).
pub(crate) fn forks() -> u64 {
    static FORKS: AtomicU64 = AtomicU64::new(0);
    static COUNTING: Once = Once::new();
    extern "C" fn count() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    COUNTING.call_once(|| {
        // SAFETY: `count` may be called in a child of whatever process: it changes one atomic number. It is forgotten when
        // the library is unloaded (pthread_atfork(3), and the C library's own bookkeeping).
        unsafe { libc::pthread_atfork(None, None, Some(count)) };
    });
    FORKS.load(Ordering::Relaxed)
}

/// What tells the file at a path from another one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    /// Whether the file is a socket.
    pub(crate) is_socket: bool,
}

/// The identity of the file at `path` itself, a symbolic link not followed.
pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(FileIdentity {
        device: metadata.dev(),
        inode: metadata.ino(),
        is_socket: metadata.file_type().is_socket(),
    })
}

fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
