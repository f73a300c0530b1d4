//! Ending another thread's wait for a socket.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::windows::io::{AsRawSocket, RawSocket};

use crate::sys::descriptors::obtain;

/// A wake-up call for one thread that is in `Socket::wait`, or about to be. It lasts until the thread has cleared it.
///
/// Windows waits for sockets and for other things by different calls, so this is a socket too: a datagram socket on the
/// loopback interface that is connected to itself, and so receives from nobody else.
#[derive(Debug)]
pub(crate) struct Interrupter(UdpSocket);

impl Interrupter {
    pub(crate) fn new() -> io::Result<Interrupter> {
        let socket = obtain(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
        socket.connect(socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        Ok(Interrupter(socket))
    }

    /// Ends the wait.
    pub(crate) fn wake(&self) {
        // It fails only if it is full of wake-up calls already.
        let _ = self.0.send(&[1]);
    }

    /// Forgets the calls so far.
    pub(crate) fn clear(&self) {
        while self.0.recv(&mut [0]).is_ok() {}
    }
}

impl AsRawSocket for Interrupter {
    fn as_raw_socket(&self) -> RawSocket {
        self.0.as_raw_socket()
    }
}
