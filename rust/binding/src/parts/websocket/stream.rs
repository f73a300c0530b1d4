//! The stream of a WebSocket: a peer of ours, or a stream of the engine, such as TLS.

use godot::builtin::PackedByteArray;
use godot::global::Error;

use crate::parts::peer_object::PeerObject;
use stream_socket::Status;

/// A stream of the engine, which is used through its methods. Nothing is locked while they run.
pub(crate) trait EngineStream: Clone + Send + Sync + 'static {
    fn poll(&self);

    fn status(&self) -> Status;

    /// Why the stream has ended.
    fn problem(&self) -> &'static str;

    /// Whether it has received bytes that were not read. There may be more that it has not
    /// processed.
    fn has_input(&self) -> bool;

    /// Reads at most `limit` bytes. Does not wait.
    fn read(&self, limit: usize) -> Result<PackedByteArray, Error>;

    /// Returns how many bytes were written. Does not wait.
    fn write(&self, bytes: &[u8]) -> Result<usize, Error>;

    /// Ends the stream, and the socket below it.
    fn disconnect(&self);

    /// Starts the TLS of a server over the object of a socket, with the options of a server. `None`
    /// if that is impossible, or the first bytes are wrong.
    fn accept(socket: &Self, options: &Self) -> Option<Self>;

    /// Starts the TLS of a client over the object of a socket. The error says why that is
    /// impossible.
    fn encrypt(socket: &Self, host: &str, options: Option<&Self>) -> Result<Self, &'static str>;
}

/// Writes to a stream of the engine. TLS that has refused bytes has encrypted them already, and
/// wants the same ones the next time, and no more (mbedtls_ssl_write in ssl.h).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EngineOutput {
    /// How many bytes were refused.
    refused: usize,
}

/// How many bytes are written at once.
const AT_ONCE: usize = 64 << 10;

impl EngineOutput {
    /// Writes the first of `bytes`, which begin with those that were refused. Returns how many were
    /// written. Does not wait.
    pub(crate) fn write(
        &mut self,
        stream: &impl EngineStream,
        bytes: &[u8],
    ) -> Result<usize, Error> {
        let length = match self.refused {
            0 => bytes.len().min(AT_ONCE),
            refused => refused.min(bytes.len()),
        };
        let written = stream.write(&bytes[..length])?;
        self.refused = if written == 0 { length } else { 0 };
        Ok(written)
    }
}

impl<O: Clone> WebSocketStream<O> {
    /// The socket that carries it, if that is one of ours.
    pub(crate) fn socket(&self) -> Option<&PeerObject<O>> {
        match self {
            WebSocketStream::Socket(socket) | WebSocketStream::TlsLater { socket, .. } => {
                Some(socket)
            }
            WebSocketStream::Engine { socket, .. } => socket.as_ref(),
        }
    }
}

/// The stream of a WebSocket. `O` is the type of its object.
#[derive(Clone, Debug)]
pub(crate) enum WebSocketStream<O> {
    /// Of our classes.
    Socket(PeerObject<O>),
    /// Of the engine's class.
    Engine {
        stream: O,
        /// The socket below it, if that is one of ours.
        socket: Option<PeerObject<O>>,
    },
    /// TLS over a socket that is not connected yet.
    TlsLater {
        socket: PeerObject<O>,
        host: String,
        /// Null, or the options of a TLS client.
        options: Option<O>,
    },
}
