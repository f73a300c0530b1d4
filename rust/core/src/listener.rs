//! A listening socket and the connections that wait at it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::address::{Address, BindAddress, inet_address};
use crate::connection::Connection;
use crate::error::{AcceptError, ListenError};
use crate::stream_socket::StreamSocket;
use crate::sys::{self, Interest};

/// A server's listening socket, over TCP or a Unix domain socket.
///
/// Every method may be called from any thread, and none blocks.
#[derive(Debug, Default)]
pub struct Listener {
    listening: Mutex<Option<Listening>>,
}

#[derive(Debug)]
struct Listening {
    stream: StreamSocket,
    address: BindAddress,
}

impl Listener {
    /// A listener that does not listen.
    pub fn new() -> Listener {
        Listener::default()
    }

    /// Starts to listen at `address`. The system keeps up to `backlog` connections waiting to be accepted
    /// (listen(2)). A listen that fails leaves nothing behind.
    pub fn listen(&self, address: &BindAddress, backlog: i32) -> Result<(), ListenError> {
        let mut listening = self.lock();
        if listening.is_some() {
            return Err(ListenError::AlreadyListening);
        }
        let stream = StreamSocket::bind(address, sys::allow_address_reuse)?;
        stream
            .socket
            .listen(backlog)
            .map_err(|source| ListenError::Os {
                address: address.clone(),
                source,
            })?;
        *listening = Some(Listening {
            stream,
            address: address.clone(),
        });
        Ok(())
    }

    /// Whether it is listening.
    pub fn is_listening(&self) -> bool {
        self.lock().is_some()
    }

    /// Whether a connection waits to be accepted.
    pub fn is_connection_available(&self) -> bool {
        self.lock().as_ref().is_some_and(|listening| {
            sys::wait(
                &listening.stream.socket,
                Interest::Readable,
                Some(Duration::ZERO),
            )
            .unwrap_or(false)
        })
    }

    /// The oldest connection that waits, if there is one.
    pub fn accept(&self) -> Result<Option<Connection>, AcceptError> {
        let listening = self.lock();
        let Some(listening) = listening.as_ref() else {
            return Ok(None);
        };
        loop {
            match sys::accept(&listening.stream.socket) {
                Ok((socket, address)) => {
                    let stream = StreamSocket {
                        socket,
                        domain: listening.stream.domain,
                        file: None,
                    };
                    let peer = match &listening.address {
                        BindAddress::Unix(path) => Address::Unix(path.clone()),
                        _ => Address::Inet(
                            inet_address(&address).unwrap_or(SocketAddr::from(([0; 4], 0))),
                        ),
                    };
                    return Ok(Some(Connection::accepted(stream, peer)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // It went away while it waited (accept(2), ECONNABORTED).
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(source) => return Err(AcceptError { source }),
            }
        }
    }

    /// Stops listening. Connections that wait are reset, accepted ones live on; the file of a Unix domain
    /// socket is removed if it is still this listener's.
    pub fn stop(&self) {
        self.lock().take();
    }

    /// The TCP port listened on, 0 if there is none.
    pub fn local_port(&self) -> u16 {
        let listening = self.lock();
        let address = listening
            .as_ref()
            .and_then(|listening| listening.stream.socket.local_addr().ok());
        address
            .and_then(|address| inet_address(&address))
            .map_or(0, |address| address.port())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
