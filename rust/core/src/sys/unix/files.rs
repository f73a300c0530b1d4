//! The files of Unix domain sockets.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use socket2::{Domain, Type};

use super::socket::SocketAddress;
use crate::sys::descriptors::obtain;
use crate::sys::types::replaced_file;

/// Distinguishes the file at a path from any other file that replaces it.
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

/// The identity of the file at `path`. A symbolic link is not followed.
pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    Ok(fs::symlink_metadata(path)?.into())
}

pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Sets the mode of the socket file at `path`: connecting takes write permission (unix(7)). Fails
/// if `file` was replaced. A link in its place is not followed.
pub(crate) fn set_socket_mode(path: &Path, file: FileIdentity, mode: u32) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // A descriptor of the file itself (open(2), O_PATH).
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || Ok(rustix::fs::open(path, flags, Mode::empty())?);
        let opened = fs::File::from(obtain(open)?);
        let metadata = opened.metadata()?;
        let present = metadata.mode() & 0o7777;
        if FileIdentity::from(metadata) != file {
            return Err(replaced_file());
        }
        // `Socket::set_mode_of_file` has set the mode already.
        if present == mode {
            return Ok(());
        }
        change_mode(&opened, mode)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        use rustix::fs::{AtFlags, CWD, chmodat};
        if file_identity(path)? != file {
            return Err(replaced_file());
        }
        let permissions = Mode::from_raw_mode(mode as rustix::fs::RawMode);
        Ok(chmodat(CWD, path, permissions, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

/// Changes the mode of a file that was opened with O_PATH, which fchmod(2) refuses. This uses the
/// name of the descriptor in /proc (proc_pid_fd(5)). Without /proc it uses fchmodat2 of Linux 6.6
/// (fchmodat(2), AT_EMPTY_PATH). That call comes second because a system call filter may kill the
/// process for it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn change_mode(file: &fs::File, mode: u32) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    /// The number of fchmodat2, the same on every architecture that this library is built for.
    const FCHMODAT2: libc::c_long = 452;
    let number = file.as_raw_fd();
    let permissions = Mode::from_raw_mode(mode as rustix::fs::RawMode);
    match rustix::fs::chmod(format!("/proc/self/fd/{number}"), permissions) {
        Err(Errno::NOENT) => {}
        outcome => return Ok(outcome?),
    }
    let (path, flags) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
    // SAFETY: The call reads the path, which is zero-terminated, and writes no memory of this
    // process. The descriptor is open.
    if unsafe { libc::syscall(FCHMODAT2, number, path, mode, flags) } == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "setting the mode of a socket file requires /proc or Linux 6.6",
    ))
}

/// Whether a socket is bound to `address`, listening or not. A datagram socket probes it: if a
/// stream socket is bound, the connect fails with EPROTOTYPE and the listener does not notice. Only
/// a path without a socket refuses the connect (unix(7), ECONNREFUSED).
pub(crate) fn is_served(address: &SocketAddress) -> bool {
    !obtain(|| socket2::Socket::new(Domain::UNIX, Type::DGRAM, None))
        .and_then(|probe| probe.connect(&address.0))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The exclusive right to make or replace the socket file at a path. Dropping it releases the lock,
/// and leaves no file.
///
/// It is a lock (flock(2)) on a file beside the path. Other users cannot open that file, so they
/// cannot hold the lock.
#[derive(Debug)]
pub(crate) struct PathLock {
    path: PathBuf,
    /// Closing this file releases the lock.
    file: fs::File,
}

/// The maximum number of attempts. An attempt fails if the previous holder has just removed the
/// lock file, which is rare.
const LOCK_ATTEMPTS: u32 = 100;

/// Locks `path` without waiting. The error `AddrInUse` means that another caller is making or
/// replacing the file at the moment. Any other error means that locking is impossible here, for
/// example because another user's file is in the place of the lock file.
pub(crate) fn lock_path(path: &Path) -> io::Result<PathLock> {
    let lock_path = beside(path, ".stream-socket-lock");
    let flags =
        OFlags::RDONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    for _ in 0..LOCK_ATTEMPTS {
        let open = || {
            Ok(rustix::fs::open(
                &lock_path,
                flags,
                Mode::RUSR | Mode::WUSR,
            )?)
        };
        let file = fs::File::from(obtain(open)?);
        let opened = file.metadata()?;
        if !is_lock_file(&opened) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let path = lock_path.clone();
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(Errno::ADDRINUSE.into()),
            Err(Errno::INTR) => continue,
            Err(error) => {
                // This file system has no locks, so the lock file is useless.
                drop(PathLock { path, file });
                return Err(error.into());
            }
        }
        // The previous holder may have removed the file that was opened here.
        if file_identity(&path).is_ok_and(|file| file == opened.into()) {
            return Ok(PathLock { path, file });
        }
    }
    Err(Errno::ADDRINUSE.into())
}

/// Whether a file is one that [`lock_path`] makes.
fn is_lock_file(file: &fs::Metadata) -> bool {
    // SAFETY: geteuid changes nothing and always succeeds (geteuid(2)).
    let user = unsafe { libc::geteuid() };
    let others = 0o077;
    file.is_file() && file.uid() == user && file.mode() & others == 0 && file.len() == 0
}

impl Drop for PathLock {
    fn drop(&mut self) {
        let locked = self.file.metadata().map(FileIdentity::from);
        if file_identity(&self.path).ok() == locked.ok() {
            let _ = remove_file(&self.path);
        }
    }
}

/// The path of a hidden file beside `path`: its name is that of `path` with `suffix`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(suffix);
    path.with_file_name(name)
}

/// How old a file has to be to be replaced without a lock. A socket's file looks stale from the
/// moment when the kernel creates it until the socket can be found by it. No bind takes that long.
const SETTLED: Duration = Duration::from_secs(1);

/// Whether the file at `path` is old enough to be replaced without a lock.
pub(crate) fn has_settled(path: &Path) -> bool {
    let made = fs::symlink_metadata(path).and_then(|file| file.modified());
    let age = made.map(|made| SystemTime::now().duration_since(made));
    matches!(age, Ok(Ok(age)) if age >= SETTLED)
}

/// Removes the file at `path` if it is still `file`. Returns whether it was. The file is moved
/// aside first, which only one process can do; if it turns out to be another file, it is put back.
pub(crate) fn remove_unless_replaced(path: &Path, file: FileIdentity) -> io::Result<bool> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if file_identity(path)? != file {
        return Ok(false);
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let aside = beside(path, &format!(".stale-{}-{number}", std::process::id()));
    fs::rename(path, &aside)?;
    let is_same = file_identity(&aside).is_ok_and(|moved| moved == file);
    if !is_same {
        fs::hard_link(&aside, path)?;
    }
    remove_file(&aside)?;
    Ok(is_same)
}
