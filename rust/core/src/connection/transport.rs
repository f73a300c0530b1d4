//! The socket of a connection, in each status.

use std::ops::Deref;
use std::sync::Arc;

use crate::connect::connecting::Connecting;
use crate::socket::socket_file::BoundName;
use crate::socket::stream_socket::StreamSocket;
use crate::sys::Socket;

/// The socket, and its use at the moment.
#[derive(Debug, Default)]
pub(crate) enum Transport {
    #[default]
    Closed,
    Bound(StreamSocket),
    /// Boxed because it is large and short-lived.
    Connecting(Box<Connecting>),
    Connected {
        /// The name that a Unix domain socket is bound to. Dropped before the socket; a socket file
        /// is removed with it.
        name: Option<Box<BoundName>>,
        socket: ConnectedSocket,
    },
}

/// The socket of an established connection.
#[derive(Debug)]
pub(crate) enum ConnectedSocket {
    /// It has been used with the lock held only, as in a game that never blocks.
    Own(Socket),
    /// A call may use it without the lock, so its descriptor must not be reused under that call.
    Shared(Arc<Socket>),
}

impl Deref for ConnectedSocket {
    type Target = Socket;

    #[inline]
    fn deref(&self) -> &Socket {
        match self {
            ConnectedSocket::Own(socket) => socket,
            ConnectedSocket::Shared(socket) => socket,
        }
    }
}

impl Transport {
    #[inline]
    pub(super) fn connected_socket(&self) -> Option<&Socket> {
        match self {
            Transport::Connected { socket, .. } => Some(socket),
            _ => None,
        }
    }

    /// Returns the connected socket for use without the lock.
    pub(super) fn share_socket(&mut self) -> Option<Arc<Socket>> {
        match std::mem::take(self) {
            Transport::Connected { name, socket } => {
                let socket = match socket {
                    ConnectedSocket::Own(socket) => Arc::new(socket),
                    ConnectedSocket::Shared(socket) => socket,
                };
                *self = Transport::Connected {
                    name,
                    socket: ConnectedSocket::Shared(socket.clone()),
                };
                Some(socket)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// Returns the open socket in any status.
    pub(super) fn socket(&self) -> Option<&Socket> {
        match self {
            Transport::Closed => None,
            Transport::Bound(stream) => Some(&stream.socket),
            Transport::Connecting(connecting) => connecting.socket(),
            Transport::Connected { socket, .. } => Some(socket),
        }
    }
}
