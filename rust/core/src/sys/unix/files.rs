//! The files of Unix domain sockets.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use socket2::{Domain, Type};

use super::socket::SocketAddress;

/// What tells the file at a path from another one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    /// Whether the file is a socket.
    pub(crate) is_socket: bool,
}

impl From<fs::Metadata> for FileIdentity {
    fn from(metadata: fs::Metadata) -> FileIdentity {
        FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
            is_socket: metadata.file_type().is_socket(),
        }
    }
}

/// The identity of the file at `path` itself, a symbolic link not followed.
pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    Ok(fs::symlink_metadata(path)?.into())
}

pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Sets who may connect to the socket file at `path`: to connect takes the permission to write (unix(7)). A link that has
/// been put in the place of the file is not followed.
pub(crate) fn set_socket_mode(path: &Path, file: FileIdentity, mode: u32) -> io::Result<()> {
    let permissions = Mode::from_raw_mode(mode as rustix::fs::RawMode);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use std::os::fd::AsRawFd;
        // A descriptor of the file itself, which is changed through it (open(2), O_PATH; proc_pid_fd(5)): Linux has no
        // fchmod for such a descriptor, and before 6.6 no chmod that follows no link.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
        if FileIdentity::from(opened.metadata()?) != file {
            return Err(io::Error::other(
                "another file has taken the place of the socket's",
            ));
        }
        let itself = format!("/proc/self/fd/{}", opened.as_raw_fd());
        Ok(rustix::fs::chmod(itself, permissions)?)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        use rustix::fs::{AtFlags, CWD, chmodat};
        if file_identity(path)? != file {
            return Err(io::Error::other(
                "another file has taken the place of the socket's",
            ));
        }
        Ok(chmodat(CWD, path, permissions, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

/// Whether a socket is bound to `address`, listening or not. A datagram socket asks: a stream socket answers it with "wrong
/// type" and does not notice, only a path without a socket refuses (unix(7), ECONNREFUSED).
pub(crate) fn is_served(address: &SocketAddress) -> bool {
    !socket2::Socket::new(Domain::UNIX, Type::DGRAM, None)
        .and_then(|probe| probe.connect(&address.0))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The right to make and remove socket files in a folder, which one user of this library on the machine has at a time.
#[derive(Debug)]
pub(crate) struct FolderLock {
    /// Closing it gives the lock back (flock(2)).
    _folder: OwnedFd,
}

/// So often, and so long apart, a lock that somebody else has is tried. Its users have it for a few system calls.
const LOCK_ATTEMPTS: u32 = 1000;
const LOCK_PAUSE: Duration = Duration::from_micros(100);

/// Locks the folder of the file at `path`, which takes the permission to read it. A process that keeps the lock costs some
/// tenths of a second, and the error "would block".
pub(crate) fn lock_folder(path: &Path) -> io::Result<FolderLock> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    for _ in 0..LOCK_ATTEMPTS {
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(FolderLock { _folder: folder }),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::WOULDBLOCK.into())
}
