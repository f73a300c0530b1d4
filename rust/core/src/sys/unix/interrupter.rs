//! Ending another thread's wait for a socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::descriptors::obtain;

/// A wake-up call for one thread that is in `Socket::wait`, or about to be. It lasts until the thread has cleared it.
#[derive(Debug)]
pub(crate) struct Interrupter {
    reader: OwnedFd,
    /// The other end of a pipe where there is no eventfd(2).
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

    /// Ends the wait.
    pub(crate) fn wake(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let writer = &self.reader;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let writer = &self.writer;
        // It fails only if it is full of wake-up calls already.
        let _ = rustix::io::write(writer, &1_u64.to_ne_bytes());
    }

    /// Forgets the calls so far.
    pub(crate) fn clear(&self) {
        let mut calls = [0; 8];
        while rustix::io::read(&self.reader, &mut calls).is_ok_and(|count| count == calls.len()) {}
    }
}

impl AsFd for Interrupter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
