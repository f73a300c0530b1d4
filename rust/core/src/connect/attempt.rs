//! One attempt to connect to one address.

use std::io;

use crate::address::Address;
use crate::socket::options::Options;
use crate::socket::stream_socket::StreamSocket;
use crate::sys::{Connect, SocketAddress};

/// An attempt that has begun. Dropping it closes its socket.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) stream: StreamSocket,
    pub(crate) address: Address,
    socket_address: SocketAddress,
    /// Whether the kernel continues by itself. A Unix domain connect that found the backlog full
    /// has to be called again (connect(2), EAGAIN).
    in_progress: bool,
}

impl Attempt {
    /// Starts to connect to `address`, from the `bound` socket if there is one. The flag is whether
    /// it succeeded at once. An error returns the address as well.
    pub(crate) fn start(
        address: Address,
        bound: Option<StreamSocket>,
        options: &Options,
    ) -> Result<(Attempt, bool), (Address, io::Error)> {
        let prepared = match bound {
            Some(bound) => Ok(bound),
            None => StreamSocket::open(address.family()),
        }
        .and_then(|stream| {
            options.apply(&stream)?;
            let socket_address = address.socket_address(stream.family)?;
            Ok((stream, socket_address))
        });
        let (stream, socket_address) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Err((address, error)),
        };
        let mut attempt = Attempt {
            stream,
            address,
            socket_address,
            in_progress: false,
        };
        match attempt.connect() {
            Ok(is_connected) => Ok((attempt, is_connected)),
            Err(error) => Err((attempt.address, error)),
        }
    }

    /// Advances the attempt, without waiting. Returns whether it has succeeded.
    pub(crate) fn advance(&mut self) -> io::Result<bool> {
        if self.in_progress {
            self.stream.socket.is_connected(&self.socket_address)
        } else {
            self.connect()
        }
    }

    fn connect(&mut self) -> io::Result<bool> {
        match self.stream.socket.connect(&self.socket_address)? {
            Connect::Done => return Ok(true),
            Connect::InProgress => self.in_progress = true,
            Connect::BacklogFull => {}
        }
        Ok(false)
    }
}
