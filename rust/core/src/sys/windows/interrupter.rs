//! Ending another thread's wait for a socket.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::windows::io::{AsRawSocket, RawSocket};

use crate::sys::descriptors::obtain;

/// Ends the `Socket::wait` of another thread. Once set, it ends every wait until it is cleared, so
/// a wait that has not begun yet is ended too.
///
/// One call of Windows cannot wait for sockets and for other objects, so this is a socket as well:
/// a datagram socket on the loopback interface. It is connected to itself, so it receives from no
/// other socket.
#[derive(Debug)]
pub(crate) struct Interrupter(UdpSocket);

impl Interrupter {
    pub(crate) fn new() -> io::Result<Interrupter> {
        let socket = obtain(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
        socket.connect(socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        Ok(Interrupter(socket))
    }

    /// Sets the interrupter.
    pub(crate) fn wake(&self) {
        // Fails only when full, and then the interrupter is set already.
        let _ = self.0.send(&[1]);
    }

    /// Clears the interrupter.
    pub(crate) fn clear(&self) {
        while self.0.recv(&mut [0]).is_ok() {}
    }
}

impl AsRawSocket for Interrupter {
    fn as_raw_socket(&self) -> RawSocket {
        self.0.as_raw_socket()
    }
}
