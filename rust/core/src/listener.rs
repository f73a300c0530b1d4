//! A listening socket, and the connections that wait to be accepted.

use std::io;
use std::net::SocketAddr;

use crate::address::{Address, BindAddress, canonical};
use crate::connection::Connection;
use crate::error::{AcceptError, BindError, ListenError};
use crate::poll::group::{Pollable, PollableRef, Watched};
use crate::poll::readiness_slab::ReadinessRef;
use crate::poll::shared_poller;
use crate::poll::subscriptions::Subscriptions;
use crate::socket::socket_file::BoundName;
use crate::socket::stream_socket::StreamSocket;
use crate::sync::{Mutex, lock};
use crate::sys::Socket;

/// A listening socket, over TCP or a Unix domain socket.
///
/// Every method may be called from any thread, and none blocks. Dropping the listener stops it.
///
/// # Examples
///
/// ```
/// use stream_socket::{ListenOptions, Listener};
///
/// let listener = Listener::new();
/// listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
/// let client = std::net::TcpStream::connect(("127.0.0.1", listener.local_port()))?;
/// let server = loop {
///     if let Some(connection) = listener.accept()? {
///         break connection;
///     }
/// };
/// server.write_fully(b"hello")?;
/// # drop(client);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Listener {
    listening: Mutex<Option<Listening>>,
    subscriptions: Subscriptions,
}

/// How a [`Listener`] listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenOptions {
    /// The maximum number of connections that the kernel queues until they are accepted
    /// (listen(2)). The default is 128.
    pub backlog: i32,
    /// The permissions of a socket file (chmod(2)), set before a client can connect. With `None`,
    /// the default, the umask of the process applies.
    pub mode: Option<u32>,
}

impl ListenOptions {
    /// The default options with `backlog`.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::ListenOptions;
    ///
    /// let options = ListenOptions::new(16).with_mode(0o600);
    /// assert_eq!((options.backlog, options.mode), (16, Some(0o600)));
    /// ```
    pub fn new(backlog: i32) -> ListenOptions {
        ListenOptions {
            backlog,
            mode: None,
        }
    }

    /// These options with `mode` as the permissions of a socket file.
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
    /// A connection that was accepted to find out whether one was waiting.
    next: Option<(StreamSocket, Address)>,
}

impl Listener {
    /// Creates a listener that does not listen yet.
    pub fn new() -> Listener {
        Listener::default()
    }

    /// Starts to listen on `address`. A call that fails leaves neither a socket nor a file behind.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: it is listening already, the address cannot be bound, or the kernel refused
    /// to listen.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::{ListenError, ListenOptions, Listener};
    ///
    /// let listener = Listener::new();
    /// listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::new(16))?;
    /// assert_ne!(listener.local_port(), 0);
    ///
    /// let second = listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default());
    /// assert!(matches!(second, Err(ListenError::AlreadyListening { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen(&self, address: &BindAddress, options: ListenOptions) -> Result<(), ListenError> {
        let ListenOptions { backlog, mode } = options;
        let mut listening = lock(&self.listening);
        if let Some(listening) = &*listening {
            return Err(ListenError::AlreadyListening {
                address: address.clone(),
                current: listening.local_address(),
            });
        }
        let stream = StreamSocket::bind(address, |socket| match (address, mode) {
            (BindAddress::Unix(_), Some(mode)) => {
                socket.set_mode_of_file(mode);
                Ok(())
            }
            (BindAddress::Unix(_), None) => Ok(()),
            _ => socket.allow_address_reuse(),
        })?;
        if let (Some(mode), Some(BoundName::File(file))) = (mode, stream.name.as_deref()) {
            // Until it listens, the kernel refuses connects.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::{ListenOptions, Listener};
    ///
    /// let listener = Listener::new();
    /// assert!(!listener.is_listening());
    /// listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// assert!(listener.is_listening());
    /// listener.stop();
    /// assert!(!listener.is_listening());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_listening(&self) -> bool {
        lock(&self.listening).is_some()
    }

    /// Whether a connection can be accepted.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]: connections are waiting, but none can be accepted, for example because the
    /// process has no free descriptor. This may be temporary.
    ///
    /// See the example of [`accept`](Self::accept).
    pub fn is_connection_available(&self) -> Result<bool, AcceptError> {
        let mut listening = lock(&self.listening);
        let Some(listening) = listening.as_mut() else {
            return Ok(false);
        };
        // Only accept(2) shows whether a connection can be accepted. Readiness alone would keep
        // reporting a connection that a server without free descriptors cannot accept.
        if listening.next.is_none() {
            listening.next = listening.accept()?;
        }
        Ok(listening.next.is_some())
    }

    /// Accepts the oldest waiting connection. `None` if there is none, or if it does not listen.
    ///
    /// # Errors
    ///
    /// As [`is_connection_available`](Self::is_connection_available).
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::{ListenOptions, Listener};
    ///
    /// let listener = Listener::new();
    /// listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// assert!(listener.accept()?.is_none());
    ///
    /// let client = std::net::TcpStream::connect(("127.0.0.1", listener.local_port()))?;
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while !listener.is_connection_available()? {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     std::thread::yield_now();
    /// }
    /// let server = listener.accept()?.expect("a connection is available");
    /// assert_eq!(server.peer_address(), Some(client.local_addr()?.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Stops listening. Waiting connections are reset, accepted ones are not affected. The file of
    /// a Unix domain socket is removed, unless another process has replaced it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use stream_socket::{ListenOptions, Listener};
    ///
    /// let listener = Listener::new();
    /// listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// let mut client = std::net::TcpStream::connect(("127.0.0.1", listener.local_port()))?;
    /// # client.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// # while !listener.is_connection_available()? {
    /// #     assert!(std::time::Instant::now() < deadline);
    /// #     std::thread::yield_now();
    /// # }
    /// let server = listener.accept()?.expect("the client has connected");
    ///
    /// listener.stop();
    /// assert!(!listener.is_listening());
    /// server.write_fully(b"hello")?;
    /// let mut hello = [0; 5];
    /// client.read_exact(&mut hello)?;
    /// assert_eq!(&hello, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop(&self) {
        let listening = lock(&self.listening).take();
        if let Some((stream, _)) = listening
            .as_ref()
            .and_then(|listening| listening.next.as_ref())
        {
            // On failure the client sees an end of stream instead.
            let _ = stream.socket.reset_when_closed();
        }
        drop(listening);
        shared_poller::record_activity();
    }

    /// The address that it listens on: a TCP address with the actual port, or a path. `None` if it
    /// does not listen.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::{ListenOptions, Listener};
    ///
    /// let listener = Listener::new();
    /// assert!(listener.local_address().is_none());
    /// listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// let address = listener.local_address().unwrap().to_string();
    /// assert!(address.starts_with("127.0.0.1:"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// The TCP port that it listens on, or 0. See the example of [`listen`](Self::listen).
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
    fn readiness(&self) -> Option<ReadinessRef> {
        None
    }

    fn with_subscriptions(&self, change: &mut dyn FnMut(&Subscriptions, Option<&Socket>)) {
        let listening = lock(&self.listening);
        let socket = listening.as_ref().map(|listening| &listening.stream.socket);
        change(&self.subscriptions, socket);
    }
}

impl Listening {
    /// The bound address, with the actual port.
    fn local_address(&self) -> BindAddress {
        let mut bound = self.address.clone();
        if let Some(actual) = self.stream.socket.local_address() {
            match &mut bound {
                BindAddress::Any { port } => *port = actual.port(),
                BindAddress::Inet(address) => address.set_port(actual.port()),
                BindAddress::Unix(_) => {}
            }
        }
        bound
    }

    fn accept(&self) -> Result<Option<(StreamSocket, Address)>, AcceptError> {
        loop {
            match self.stream.socket.accept() {
                Ok((socket, address)) => {
                    shared_poller::record_activity();
                    let stream = StreamSocket::from_socket(socket, self.stream.family);
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
                // The client closed the connection while it waited (accept(2), ECONNABORTED).
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(source) => {
                    let address = self.local_address();
                    return Err(AcceptError { address, source });
                }
            }
        }
    }
}
