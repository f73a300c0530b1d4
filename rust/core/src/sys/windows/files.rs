//! The files of Unix domain sockets. On Windows these are reparse points with a tag of their own.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use socket2::{Domain, Type};
use windows_sys::Win32::Foundation::{ERROR_SHARING_VIOLATION, HANDLE};
use windows_sys::Win32::Networking::WinSock::WSAEADDRINUSE;
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_TAG_INFO, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_DELETE_ON_CLOSE, FILE_FLAG_OPEN_REPARSE_POINT, FileAttributeTagInfo,
    GetFileInformationByHandle, GetFileInformationByHandleEx,
};
use windows_sys::Win32::System::SystemServices::IO_REPARSE_TAG_AF_UNIX;

use super::socket::SocketAddress;
use crate::sys::types::unsupported;

/// Distinguishes the file at a path from any other file that replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    volume: u32,
    index: u64,
    /// Whether the file is a socket.
    pub(crate) is_socket: bool,
}

/// The identity of the file at `path`. A link is not followed.
pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    let file = OpenOptions::new()
        .access_mode(0)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?;
    // SAFETY: The handle is open. Each function writes one structure, of the type that it is given
    // here, and every bit pattern is valid in both.
    unsafe {
        let mut information: BY_HANDLE_FILE_INFORMATION = std::mem::zeroed();
        let mut tag: FILE_ATTRIBUTE_TAG_INFO = std::mem::zeroed();
        let size = size_of::<FILE_ATTRIBUTE_TAG_INFO>() as u32;
        if GetFileInformationByHandle(handle(&file), &mut information) == 0
            || GetFileInformationByHandleEx(
                handle(&file),
                FileAttributeTagInfo,
                (&raw mut tag).cast(),
                size,
            ) == 0
        {
            return Err(io::Error::last_os_error());
        }
        let index = u64::from(information.nFileIndexHigh) << 32;
        Ok(FileIdentity {
            volume: information.dwVolumeSerialNumber,
            index: index | u64::from(information.nFileIndexLow),
            is_socket: tag.ReparseTag == IO_REPARSE_TAG_AF_UNIX,
        })
    }
}

fn handle(file: &File) -> HANDLE {
    file.as_raw_handle()
}

pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Not supported: Windows files have no mode.
pub(crate) fn set_socket_mode(_path: &Path, _file: FileIdentity, _mode: u32) -> io::Result<()> {
    Err(unsupported("mode of a socket file"))
}

/// Whether a socket listens at `address`. Windows has no datagram sockets for Unix domain
/// addresses, so the probe is a stream socket: the listener sees a connection that ends at once.
pub(crate) fn is_served(address: &SocketAddress) -> bool {
    !socket2::Socket::new(Domain::UNIX, Type::STREAM, None)
        .and_then(|probe| probe.connect(&address.0))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The exclusive right to make or replace the socket file at a path. Dropping it releases the lock,
/// and so does the end of the process.
#[derive(Debug)]
pub(crate) struct PathLock {
    _file: File,
}

/// Locks `path` without waiting. The lock is a file beside it that is opened for this handle alone
/// and deleted when it is closed. WSAEADDRINUSE means that another caller is making or replacing
/// the file at the moment. Any other error means that locking is impossible here.
pub(crate) fn lock_path(path: &Path) -> io::Result<PathLock> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".stream-socket-lock");
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .share_mode(0)
        .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
        .open(path.with_file_name(name));
    match opened {
        Ok(file) => Ok(PathLock { _file: file }),
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION as i32) => {
            Err(io::Error::from_raw_os_error(WSAEADDRINUSE))
        }
        Err(error) => Err(error),
    }
}

/// Whether the file at `path` is old enough to be replaced without a lock. On Windows no file is.
pub(crate) fn has_settled(_path: &Path) -> bool {
    false
}

/// Removes the file at `path` if it is still `file`. Returns whether it was.
pub(crate) fn remove_unless_replaced(path: &Path, file: FileIdentity) -> io::Result<bool> {
    if file_identity(path)? != file {
        return Ok(false);
    }
    remove_file(path)?;
    Ok(true)
}
