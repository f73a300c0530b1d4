//! Ending another thread's wait for a socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::descriptors::obtain;

/// Ends the `Socket::wait` of another thread. Once set, it ends every wait until it is cleared, so
/// a wait that has not begun yet is ended too.
#[derive(Debug)]
pub(crate) struct Interrupter {
    reader: OwnedFd,
    /// The writing end of the pipe, on systems without eventfd(2).
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    writer: OwnedFd,
}

impl Interrupter {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> io::Result<Interrupter> {
        use rustix::event::EventfdFlags;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let reader = obtain(|| Ok(rustix::event::eventfd(0, flags)?))?;
        Ok(Interrupter { reader })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn new() -> io::Result<Interrupter> {
        use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
        let (reader, writer) = obtain(|| Ok(rustix::pipe::pipe()?))?;
        for end in [&reader, &writer] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            ioctl_fionbio(end, true)?;
        }
        Ok(Interrupter { reader, writer })
    }

    /// Sets the interrupter.
    pub(crate) fn wake(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let writer = &self.reader;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let writer = &self.writer;
        // Fails only when full, and then the interrupter is set already.
        let _ = rustix::io::write(writer, &1_u64.to_ne_bytes());
    }

    /// Clears the interrupter.
    pub(crate) fn clear(&self) {
        let mut buffer = [0; 8];
        while rustix::io::read(&self.reader, &mut buffer).is_ok_and(|count| count == buffer.len()) {
        }
    }
}

impl AsFd for Interrupter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
