//! A listening socket and the connections that wait at it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::address::{Address, BindAddress, canonical};
use crate::connection::Connection;
use crate::error::{AcceptError, BindError, ListenError};
use crate::poll::group::{Pollable, PollableRef, Watched};
use crate::poll::readiness::Readiness;
use crate::poll::shared_poller;
use crate::poll::subscriptions::Subscriptions;
use crate::socket::socket_file::BoundName;
use crate::socket::stream_socket::StreamSocket;
use crate::sync::{Mutex, lock};
use crate::sys::Socket;

/// A server's listening socket, over TCP or a Unix domain socket.
///
/// Every method may be called from any thread, and none blocks.
#[derive(Debug, Default)]
pub struct Listener {
    listening: Mutex<Option<Listening>>,
    subscriptions: Subscriptions,
}

/// How a [`Listener`] listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenOptions {
    /// How many connections the system keeps until they are accepted (listen(2)). The default is 128.
    pub backlog: i32,
    /// The permissions of a socket file, set before a client can connect. `None`, the default: those
    /// that the process gives to new files.
    pub mode: Option<u32>,
}

impl ListenOptions {
    /// The default options with this `backlog`.
    pub fn new(backlog: i32) -> ListenOptions {
        ListenOptions {
            backlog,
            mode: None,
        }
    }

    /// These options with the permissions `mode` for a socket file.
    pub fn with_mode(self, mode: impl Into<Option<u32>>) -> ListenOptions {
        ListenOptions {
            mode: mode.into(),
            ..self
        }
    }
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions::new(128)
    }
}

#[derive(Debug)]
struct Listening {
    stream: StreamSocket,
    address: BindAddress,
    /// A connection that has been accepted to see whether one waits.
    next: Option<(StreamSocket, Address)>,
}

impl Listener {
    /// A listener that does not listen.
    pub fn new() -> Listener {
        Listener::default()
    }

    /// Starts to listen at `address`. A listen that fails leaves nothing behind.
    pub fn listen(&self, address: &BindAddress, options: ListenOptions) -> Result<(), ListenError> {
        let ListenOptions { backlog, mode } = options;
        let mut listening = lock(&self.listening);
        if listening.is_some() {
            return Err(ListenError::AlreadyListening);
        }
        let stream = StreamSocket::bind(address, |socket| match (address, mode) {
            (BindAddress::Unix(_), Some(mode)) => {
                socket.set_mode_of_file(mode);
                Ok(())
            }
            (BindAddress::Unix(_), None) => Ok(()),
            _ => socket.allow_address_reuse(),
        })?;
        if let (Some(mode), Some(BoundName::File(file))) = (mode, &stream.name) {
            // Until it listens, the system refuses whoever tries to connect.
            file.set_mode(mode).map_err(|source| BindError::Os {
                address: address.clone(),
                source,
            })?;
        }
        stream
            .socket
            .listen(backlog)
            .map_err(|source| ListenError::Os {
                address: address.clone(),
                source,
            })?;
        self.subscriptions.opened(&stream.socket);
        *listening = Some(Listening {
            stream,
            address: address.clone(),
            next: None,
        });
        Ok(())
    }

    /// Whether it is listening.
    pub fn is_listening(&self) -> bool {
        lock(&self.listening).is_some()
    }

    /// Whether a connection waits to be accepted and can be. An error, which is not that of a single connection, says
    /// why none can be accepted although one waits: without descriptors, say. It may pass.
    pub fn is_connection_available(&self) -> Result<bool, AcceptError> {
        let mut listening = lock(&self.listening);
        let Some(listening) = listening.as_mut() else {
            return Ok(false);
        };
        // Accepting is what shows whether a connection can be accepted: otherwise a server without descriptors would
        // be told of a connection again and again that it cannot take.
        if listening.next.is_none() {
            listening.next = listening.accept()?;
        }
        Ok(listening.next.is_some())
    }

    /// The oldest connection that waits, if there is one.
    pub fn accept(&self) -> Result<Option<Connection>, AcceptError> {
        let mut listening = lock(&self.listening);
        let Some(listening) = listening.as_mut() else {
            return Ok(None);
        };
        let accepted = match listening.next.take() {
            Some(next) => Some(next),
            None => listening.accept()?,
        };
        Ok(accepted.map(|(stream, peer)| Connection::accepted(stream, peer)))
    }

    /// Stops listening. Connections that wait are reset, accepted ones live on; the file of a Unix domain socket is
    /// removed if it is still this listener's.
    pub fn stop(&self) {
        let listening = lock(&self.listening).take();
        if let Some((stream, _)) = listening
            .as_ref()
            .and_then(|listening| listening.next.as_ref())
        {
            // If it fails the client sees an end.
            let _ = stream.socket.reset_when_closed();
        }
        drop(listening);
        shared_poller::record_activity();
    }

    /// The address listened at, if it is listening: a TCP address with the port that the system has chosen, or a path.
    pub fn local_address(&self) -> Option<Address> {
        let listening = lock(&self.listening);
        let Listening {
            stream, address, ..
        } = listening.as_ref()?;
        match address {
            BindAddress::Unix(path) => Some(Address::Unix(path.clone())),
            _ => stream
                .socket
                .local_address()
                .map(|address| Address::Inet(canonical(address))),
        }
    }

    /// The TCP port listened on, 0 if there is none.
    pub fn local_port(&self) -> u16 {
        let listening = lock(&self.listening);
        let address = listening
            .as_ref()
            .and_then(|listening| listening.stream.socket.local_address());
        address.map_or(0, |address| address.port())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Pollable for Listener {
    fn as_pollable(&self) -> PollableRef<'_> {
        PollableRef(self)
    }
}

impl Watched for Listener {
    fn readiness(&self) -> Option<Arc<Readiness>> {
        None
    }

    fn with_subscriptions(&self, change: &mut dyn FnMut(&Subscriptions, Option<&Socket>)) {
        let listening = lock(&self.listening);
        let socket = listening.as_ref().map(|listening| &listening.stream.socket);
        change(&self.subscriptions, socket);
    }
}

impl Listening {
    fn accept(&self) -> Result<Option<(StreamSocket, Address)>, AcceptError> {
        loop {
            match self.stream.socket.accept() {
                Ok((socket, address)) => {
                    shared_poller::record_activity();
                    let stream = StreamSocket::connected(socket, self.stream.family);
                    let peer = match &self.address {
                        BindAddress::Unix(path) => Address::Unix(path.clone()),
                        _ => {
                            let unknown = SocketAddr::from(([0; 4], 0));
                            Address::Inet(address.map_or(unknown, canonical))
                        }
                    };
                    return Ok(Some((stream, peer)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // It went away while it waited (accept(2), ECONNABORTED).
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(source) => return Err(AcceptError { source }),
            }
        }
    }
}
