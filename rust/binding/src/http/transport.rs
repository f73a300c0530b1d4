//! The stream between a server and a client: a socket, or TLS over one.

use std::time::Instant;

use stream_socket::{Connection, ReadError, Status};

use super::received::Received;
use super::tls::{HandshakeBudget, Tls};
use crate::bridge::ObjectRef;

/// The stream of a client.
pub(super) enum Transport {
    Plain(Box<Connection>),
    Tls(Box<Tls>),
    /// Another protocol has it.
    Gone,
}

impl Transport {
    /// The stream of a client that was just accepted, with TLS if there are `options` of a server.
    pub(super) fn new(connection: Connection, options: Option<ObjectRef>) -> Transport {
        match options {
            Some(options) => Transport::Tls(Box::new(Tls::new(connection, options))),
            None => Transport::Plain(Box::new(connection)),
        }
    }

    /// The socket, unless another protocol has it.
    pub(super) fn connection(&self) -> Option<&Connection> {
        match self {
            Transport::Plain(connection) => Some(connection),
            Transport::Tls(tls) => Some(tls.connection()),
            Transport::Gone => None,
        }
    }

    /// Polls the stream. Returns whether there may be input.
    pub(super) fn poll(&mut self, now: Instant, handshakes: &mut HandshakeBudget) -> bool {
        match self {
            Transport::Plain(connection) => {
                let has_data = connection.poll(|| now);
                !matches!(has_data, Ok(false)) || connection.is_read_closed()
            }
            Transport::Tls(tls) => tls.poll(now, handshakes),
            Transport::Gone => false,
        }
    }

    /// Whether bytes can be moved now.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Transport::Plain(connection) => connection.status() == Status::Connected,
            Transport::Tls(tls) => tls.is_open(),
            Transport::Gone => false,
        }
    }

    /// Whether the stream has ended for good. During a handshake, neither this nor
    /// [`is_open`](Self::is_open) is true.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Transport::Plain(connection) => connection.status() != Status::Connected,
            Transport::Tls(tls) => tls.has_ended(),
            Transport::Gone => true,
        }
    }

    /// Whether a handshake has begun and is not complete.
    pub(super) fn is_in_handshake(&self) -> bool {
        match self {
            Transport::Tls(tls) => tls.is_in_handshake(),
            Transport::Plain(_) | Transport::Gone => false,
        }
    }

    /// Receives at most `limit` bytes, and passes them to `take`.
    pub(super) fn receive(&mut self, limit: usize, take: impl FnOnce(&[u8])) -> Received {
        match self {
            Transport::Plain(connection) => {
                let received = connection.try_read_with(limit, |bytes| {
                    if !bytes.is_empty() {
                        take(bytes);
                    }
                    bytes.len()
                });
                match received {
                    Ok(0) => Received::Nothing,
                    Ok(count) => Received::Bytes(count),
                    Err(ReadError::EndOfStream) => Received::End,
                    Err(_) => Received::Failed,
                }
            }
            Transport::Tls(tls) => tls.receive(limit, take),
            Transport::Gone => Received::Failed,
        }
    }

    /// Sends as much of `bytes` as possible now. Returns how many were sent. After a failure,
    /// [`has_ended`](Self::has_ended) is true.
    pub(super) fn send(&mut self, bytes: &[u8]) -> usize {
        match self {
            Transport::Plain(connection) => connection.try_write(bytes).unwrap_or(0),
            Transport::Tls(tls) => tls.send(bytes),
            Transport::Gone => 0,
        }
    }

    /// Ends the stream. Sent bytes are still delivered.
    pub(super) fn disconnect(&mut self) {
        match self {
            Transport::Plain(connection) => connection.disconnect(),
            Transport::Tls(tls) => tls.disconnect(),
            Transport::Gone => {}
        }
    }

    /// Ends the stream after `rest`, which is sent in the background. TLS cannot do that, and sends
    /// what it can now.
    pub(super) fn disconnect_after(&mut self, rest: &[u8]) {
        match self {
            Transport::Plain(connection) if !rest.is_empty() => {
                // A failure would be one of the connection, which ends anyway.
                let _ = connection.enqueue(rest, usize::MAX);
            }
            _ if !rest.is_empty() => return self.abort(),
            _ => {}
        }
        self.disconnect();
    }

    /// Ends the stream at once, so that the client sees that something is missing.
    pub(super) fn abort(&mut self) {
        if let Some(connection) = self.connection() {
            connection.abort();
        }
    }

    /// How many bytes wait in the socket's queue.
    pub(super) fn pending_bytes(&self) -> usize {
        self.connection().map_or(0, Connection::pending_bytes)
    }
}
