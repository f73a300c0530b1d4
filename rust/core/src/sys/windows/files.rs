//! The files of Unix domain sockets: reparse points with a tag of their own.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;

use socket2::{Domain, Type};
use windows_sys::Win32::Foundation::{HANDLE, WAIT_ABANDONED, WAIT_OBJECT_0};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_TAG_INFO, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT, FileAttributeTagInfo, GetFileInformationByHandle,
    GetFileInformationByHandleEx,
};
use windows_sys::Win32::System::SystemServices::IO_REPARSE_TAG_AF_UNIX;
use windows_sys::Win32::System::Threading::{CreateMutexW, ReleaseMutex, WaitForSingleObject};

use super::socket::SocketAddress;
use super::wide;
use crate::sys::unsupported;

/// What tells the file at a path from another one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    volume: u32,
    index: u64,
    /// Whether the file is a socket.
    pub(crate) is_socket: bool,
}

/// The identity of the file at `path` itself, a link not followed.
pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    let file = OpenOptions::new()
        .access_mode(0)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?;
    // SAFETY: Both functions write a structure of the kind and size that they are given room for, and any bytes are valid in
    // both.
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

/// Windows has no permissions of that kind.
pub(crate) fn set_socket_mode(_path: &Path, _file: FileIdentity, _mode: u32) -> io::Result<()> {
    Err(unsupported("the mode of a socket file"))
}

/// Whether a socket listens at `address`. There are no datagram sockets to ask with, so a listener sees a connection that
/// ends at once.
pub(crate) fn is_served(address: &SocketAddress) -> bool {
    !socket2::Socket::new(Domain::UNIX, Type::STREAM, None)
        .and_then(|probe| probe.connect(&address.0))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The right to make and remove socket files in a folder, which one user of this library on the machine has at a time. The
/// thread that has got it gives it back.
#[derive(Debug)]
pub(crate) struct FolderLock(OwnedHandle);

/// So long a lock that somebody else has is waited for, in milliseconds. Its users have it for a few system calls.
const PATIENCE: u32 = 200;

/// Locks the folder of the file at `path`: a mutex with a name that follows from the folder's. Somebody who keeps the lock
/// costs some tenths of a second, and the error "would block".
pub(crate) fn lock_folder(path: &Path) -> io::Result<FolderLock> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut hasher = DefaultHasher::new();
    fs::canonicalize(folder)?
        .to_string_lossy()
        .to_lowercase()
        .hash(&mut hasher);
    let name = format!("Global\\stream-socket-{:016x}", hasher.finish());
    let name = wide(OsStr::new(&name));
    // SAFETY: The name is zero-terminated. The handle is this function's own.
    let mutex = unsafe {
        let mutex = CreateMutexW(std::ptr::null(), 0, name.as_ptr());
        if mutex.is_null() {
            return Err(io::Error::last_os_error());
        }
        OwnedHandle::from_raw_handle(mutex)
    };
    // SAFETY: The handle is open.
    match unsafe { WaitForSingleObject(mutex.as_raw_handle(), PATIENCE) } {
        // Who had it has ended without giving it back. Files are made and removed in one step each.
        WAIT_OBJECT_0 | WAIT_ABANDONED => Ok(FolderLock(mutex)),
        _ => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // SAFETY: The handle is open. This is the thread that has the mutex: the lock is not sent to another one.
        unsafe { ReleaseMutex(self.0.as_raw_handle()) };
    }
}
