//! `Read` and `Write` for `Connection` and, as for std's streams, for `&Connection`: through
//! references one thread can read while another writes.

use std::io::{self, Read, Write};
#[cfg(all(unix, not(stream_socket_simulated)))]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(all(windows, not(stream_socket_simulated)))]
use std::os::windows::io::{AsSocket, BorrowedSocket};
use std::sync::Arc;

use crate::connection::Connection;
use crate::error::ReadError;
use crate::sys::Socket;

impl Read for &Connection {
    /// Waits for at least one byte for at most the read timeout. Returns 0 at the end of the
    /// stream.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        match self.read_some(out) {
            Err(ReadError::EndOfStream) => Ok(0),
            outcome => Ok(outcome?),
        }
    }
}

impl Write for &Connection {
    /// Writes all of `data`, as [`Connection::write_fully`] does. After a failure or a timeout in
    /// between, it returns the number of accepted bytes, and the next write returns the error.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.write_fully(data) {
            Ok(()) => Ok(data.len()),
            Err(failure) if failure.accepted > 0 => Ok(failure.accepted),
            Err(failure) => Err(failure.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.flush_queue()?)
    }
}

impl Read for Connection {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        (&mut &*self).read(out)
    }
}

impl Write for Connection {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&mut &*self).write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&mut &*self).flush()
    }
}

/// Keeps the socket of a connection open. See [`Connection::socket_handle`].
#[derive(Clone, Debug)]
pub struct SocketHandle(
    #[cfg_attr(
        stream_socket_simulated,
        allow(dead_code, reason = "a simulated socket has no descriptor")
    )]
    Arc<Socket>,
);

#[cfg(all(unix, not(stream_socket_simulated)))]
impl AsFd for SocketHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(all(windows, not(stream_socket_simulated)))]
impl AsSocket for SocketHandle {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.0.as_socket()
    }
}

impl Connection {
    /// Returns the socket, for example to set an option that this crate does not have. `None`
    /// unless the status is [`Status::Connected`](crate::Status::Connected).
    ///
    /// A `Connection` does not implement `AsFd` itself, because another thread may close the socket
    /// at any time. The handle keeps the descriptor valid. It also keeps the socket open after a
    /// disconnect, so drop it soon.
    pub fn socket_handle(&self) -> Option<SocketHandle> {
        self.lock().transport.share_socket().map(SocketHandle)
    }
}
