//! Errors, one type for each operation. A message names the operation, its object, and the reason;
//! a system call's reason is in the system's words: `connect 127.0.0.1:1: connection refused`.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::address::{Address, BindAddress, Target};

/// An error of binding a socket.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// The connection already has a socket: it is bound, connecting or connected.
    #[error("bind {address}: socket is already open")]
    AlreadyOpen {
        /// The requested address.
        address: BindAddress,
    },
    /// The system cannot create a socket, or none of this address family.
    #[error("open socket for {address}: {}", words(source))]
    Open {
        /// The requested address.
        address: BindAddress,
        /// The system's error.
        source: io::Error,
    },
    /// The path is not valid for a Unix domain socket: it is empty, too long, or contains a zero
    /// byte.
    #[error("bind {address}: {}", words(source))]
    InvalidPath {
        /// The requested address.
        address: BindAddress,
        /// Why it cannot.
        source: io::Error,
    },
    /// A file with this path exists, and is not a socket.
    #[error("bind {address}: file exists and is not a socket")]
    NotASocket {
        /// The requested address.
        address: BindAddress,
    },
    /// The system refused.
    #[error("bind {address}: {}", words(source))]
    Os {
        /// The requested address.
        address: BindAddress,
        /// The system's error.
        source: io::Error,
    },
}

/// An error of starting to listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The listener is already listening.
    #[error("listen {address}: already listening on {current}")]
    AlreadyListening {
        /// The requested address.
        address: BindAddress,
        /// The address that it listens on, with the actual port.
        current: BindAddress,
    },
    /// The address could not be bound.
    #[error("listen: {0}")]
    Bind(#[from] BindError),
    /// The system refused to listen on the bound socket.
    #[error("listen {address}: {}", words(source))]
    Os {
        /// The requested address.
        address: BindAddress,
        /// The system's error.
        source: io::Error,
    },
}

/// An error of accepting a connection. The listener still listens.
#[derive(Debug, Error)]
#[non_exhaustive]
#[error("accept on {address}: {}", words(source))]
pub struct AcceptError {
    /// The address of the listener, with the actual port.
    pub address: BindAddress,
    /// The system's error.
    pub source: io::Error,
}

/// An error of a connect: it could not be started, or failed later.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection is already connecting or connected.
    #[error("connect {target}: already connecting or connected")]
    AlreadyConnected {
        /// The requested target.
        target: Target,
    },
    /// The name has no address, or the resolver could not find out.
    #[error("resolve {host}: {}", words(source))]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// No address accepted the connection. This is the error of the last attempt.
    #[error("connect {address}: {}", words(source))]
    Os {
        /// The address of the last attempt.
        address: Address,
        /// The system's error.
        source: io::Error,
    },
    /// The host has no address of a family that the bound socket can reach.
    #[error("connect {name}: host has no address that the bound socket can reach")]
    NoAddress {
        /// The host and port.
        name: String,
    },
    /// The time limit passed.
    #[error("{attempt}: timed out")]
    TimedOut {
        /// The operation and its object: `resolve` or `connect`, and the name or address.
        attempt: String,
    },
}

/// An error that a poll found: the connect failed, or the connection ended with a failure.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PollError {
    /// The connect failed.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    /// The socket failed, and everything received before was read.
    #[error("receive from {peer}: {}", words(source))]
    Receive {
        /// The address of the peer.
        peer: Address,
        /// The system's error.
        source: io::Error,
    },
    /// The socket failed while it sent queued data, and there is nothing left to read.
    #[error("send to {peer}: {}", words(source))]
    Send {
        /// The address of the peer.
        peer: Address,
        /// The system's error.
        source: io::Error,
    },
}

/// Why the last connection or connect ended, unless this side disconnected it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndError {
    /// The connect failed.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    /// The peer ended the stream.
    #[error("receive from {peer}: end of stream")]
    EndOfStream {
        /// The address of the peer.
        peer: Address,
    },
    /// The socket failed while it received, or received a malformed packet.
    #[error(transparent)]
    Read(ReadError),
    /// The socket failed while it sent, or the time limit passed within a packet.
    #[error(transparent)]
    Write(WriteError),
    /// Nothing was received for too long.
    #[error("receive from {peer}: nothing received for {:.1} s", waited.as_secs_f64())]
    Silent {
        /// The address of the peer.
        peer: Address,
        /// For how long.
        waited: Duration,
    },
    /// Nothing of the queue was sent for too long.
    #[error("send to {peer}: nothing accepted for {:.1} s", waited.as_secs_f64())]
    Stalled {
        /// The address of the peer.
        peer: Address,
        /// For how long.
        waited: Duration,
    },
}

/// An error of reading. Those that a program may get in each frame, such as the end of the stream,
/// do not name the peer: its address would have to be copied each time, and the path of a Unix
/// domain socket is allocated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The connection is not connected.
    #[error("receive: not connected")]
    NotConnected,
    /// The connection is still connecting.
    #[error("receive: still connecting; poll until connected")]
    Connecting,
    /// The peer ended the stream, and everything that it sent was read.
    #[error("receive: end of stream")]
    EndOfStream,
    /// Another thread disconnected the connection while this one waited.
    #[error("receive: disconnected while waiting")]
    Disconnected,
    /// The read timeout passed. The connection is not affected.
    #[error("receive from {peer}: timed out")]
    TimedOut {
        /// The address of the peer.
        peer: Address,
    },
    /// The delimiter is not within the first `limit` bytes.
    #[error("receive from {peer}: delimiter \"{}\" is not in the first {limit} bytes", delimiter.escape_ascii())]
    TooLong {
        /// The address of the peer.
        peer: Address,
        /// The delimiter.
        delimiter: Box<[u8]>,
        /// The limit in bytes.
        limit: usize,
    },
    /// The received bytes are not a packet, so the packets after them cannot be found.
    #[error("receive from {peer}: malformed packet: {what}")]
    Malformed {
        /// The address of the peer.
        peer: Address,
        /// What is wrong.
        what: &'static str,
    },
    /// A packet is longer than the limit.
    #[error("receive from {peer}: {}", too_long(*bytes, *limit))]
    PacketTooLong {
        /// The address of the peer.
        peer: Address,
        /// The length in bytes. `None` for a packet that ends with a delimiter: its length is not
        /// known.
        bytes: Option<u64>,
        /// The limit in bytes.
        limit: usize,
    },
    /// The stream ended within a packet.
    #[error("receive from {peer}: end of stream within a packet")]
    Truncated {
        /// The address of the peer.
        peer: Address,
    },
    /// The socket failed, and everything received before was read.
    #[error("receive from {peer}: {}", words(source))]
    Socket {
        /// The address of the peer.
        peer: Address,
        /// The system's error.
        source: io::Error,
    },
}

/// Why received bytes are not the requested line or packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// `delimiter` is not in the first `limit` bytes.
    TooLong { delimiter: Box<[u8]>, limit: usize },
    /// See [`ReadError::Malformed`].
    Malformed(&'static str),
    /// See [`ReadError::PacketTooLong`].
    PacketTooLong { bytes: Option<u64>, limit: usize },
}

impl Unusable {
    /// The error of reading from `peer`.
    pub(crate) fn of(self, peer: Address) -> ReadError {
        match self {
            Unusable::TooLong { delimiter, limit } => ReadError::TooLong {
                peer,
                delimiter,
                limit,
            },
            Unusable::Malformed(what) => ReadError::Malformed { peer, what },
            Unusable::PacketTooLong { bytes, limit } => {
                ReadError::PacketTooLong { peer, bytes, limit }
            }
        }
    }
}

/// The words for a packet of `bytes`, which exceeds `limit`.
fn too_long(bytes: Option<u64>, limit: usize) -> String {
    match bytes {
        Some(bytes) => format!("packet of {bytes} bytes exceeds the limit of {limit}"),
        None => format!("packet exceeds the limit of {limit} bytes"),
    }
}

impl From<ConnectError> for PollError {
    fn from(error: ConnectError) -> PollError {
        PollError::Connect(Arc::new(error))
    }
}

/// An error of writing. Those that a program may get in each frame do not name the peer, as with
/// [`ReadError`], and those of a packet do not either, because they are found before a connection
/// is known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The connection is not connected.
    #[error("send: not connected")]
    NotConnected,
    /// The connection is still connecting, and has no write buffer.
    #[error("send: still connecting; poll until connected, or set a write buffer limit first")]
    Connecting,
    /// Another thread disconnected the connection while this one waited.
    #[error("send: disconnected while waiting")]
    Disconnected,
    /// This side ended its direction of the stream (shutdown(2), SHUT_WR).
    #[error("send: stream is shut down for writing")]
    ShutDown,
    /// The write buffer has no room for the data now, or a blocking write of another thread is in
    /// progress. None of it was sent or queued.
    #[error("send to {peer}: write buffer of {limit} bytes is full")]
    Busy {
        /// The address of the peer.
        peer: Address,
        /// The size of the write buffer in bytes.
        limit: usize,
    },
    /// The data is larger than the write buffer. None of it was sent or queued.
    #[error("send to {peer}: {bytes} bytes exceed the write buffer of {limit}")]
    TooLarge {
        /// The address of the peer.
        peer: Address,
        /// The length in bytes.
        bytes: usize,
        /// The size of the write buffer in bytes.
        limit: usize,
    },
    /// The packet is longer than the limit, or than its length field can express. None of it was
    /// sent.
    #[error("send: packet of {bytes} bytes exceeds the limit of {limit}")]
    PacketTooLong {
        /// The length in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The packet contains its delimiter. None of it was sent.
    #[error("send: packet contains the delimiter \"{}\"", delimiter.escape_ascii())]
    ContainsDelimiter {
        /// The delimiter.
        delimiter: Box<[u8]>,
    },
    /// The write timeout passed. The connection is not affected. The first `sent` bytes were
    /// accepted, and will be sent.
    #[error("send to {peer}: timed out after {sent} bytes")]
    TimedOut {
        /// The address of the peer.
        peer: Address,
        /// How many bytes were accepted.
        sent: usize,
    },
    /// The socket failed. Data received before can still be read.
    #[error("send to {peer}: {}", words(source))]
    Socket {
        /// The address of the peer.
        peer: Address,
        /// The system's error.
        source: io::Error,
    },
}

/// An error of reading or setting a socket option.
#[derive(Debug, Error)]
#[non_exhaustive]
#[error("{operation}: {}", words(source))]
pub struct OptionError {
    /// What was read or set.
    pub operation: &'static str,
    /// The system's error.
    pub source: io::Error,
}

/// A read failed after some of its bytes.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadFailure {
    /// Why it failed.
    pub error: ReadError,
    /// How many bytes at the start of the buffer were received before.
    pub received: usize,
}

/// A write failed after some of its bytes.
#[derive(Debug)]
#[non_exhaustive]
pub struct WriteFailure {
    /// Why it failed.
    pub error: WriteError,
    /// How many bytes at the start of the data were accepted. They are sent; the others are not.
    pub accepted: usize,
}

impl ReadFailure {
    pub(crate) fn after(received: usize, error: ReadError) -> ReadFailure {
        ReadFailure { error, received }
    }
}

impl WriteFailure {
    pub(crate) fn after(accepted: usize, error: WriteError) -> WriteFailure {
        WriteFailure { error, accepted }
    }
}

/// Implements `Error` for a failure, with the message and the source of the error in it.
macro_rules! display_error_of {
    ($failure:ty, $error:ty) => {
        impl fmt::Display for $failure {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.error.fmt(f)
            }
        }

        impl Error for $failure {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                self.error.source()
            }
        }

        impl From<$failure> for $error {
            fn from(failure: $failure) -> $error {
                failure.error
            }
        }

        impl From<$failure> for io::Error {
            fn from(failure: $failure) -> io::Error {
                failure.error.into()
            }
        }
    };
}

display_error_of!(ReadFailure, ReadError);
display_error_of!(WriteFailure, WriteError);

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        let kind = match &error {
            ReadError::NotConnected | ReadError::Connecting | ReadError::Disconnected => {
                io::ErrorKind::NotConnected
            }
            ReadError::EndOfStream | ReadError::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            ReadError::TimedOut { .. } => io::ErrorKind::TimedOut,
            ReadError::TooLong { .. }
            | ReadError::Malformed { .. }
            | ReadError::PacketTooLong { .. } => io::ErrorKind::InvalidData,
            ReadError::Socket { source, .. } => source.kind(),
        };
        io::Error::new(kind, error)
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> io::Error {
        let kind = match &error {
            WriteError::NotConnected | WriteError::Connecting | WriteError::Disconnected => {
                io::ErrorKind::NotConnected
            }
            WriteError::ShutDown => io::ErrorKind::BrokenPipe,
            WriteError::Busy { .. } => io::ErrorKind::WouldBlock,
            WriteError::TimedOut { .. } => io::ErrorKind::TimedOut,
            WriteError::TooLarge { .. }
            | WriteError::PacketTooLong { .. }
            | WriteError::ContainsDelimiter { .. } => io::ErrorKind::InvalidInput,
            WriteError::Socket { source, .. } => source.kind(),
        };
        io::Error::new(kind, error)
    }
}

/// What std puts before the words of getaddrinfo(3).
const LOOKUP_FAILED: &str = "failed to lookup address information: ";

/// The reason of `error` in the system's words, as part of a message.
fn words(error: &io::Error) -> String {
    as_part_of_message(&error.to_string())
}

/// `text` without what std adds to the system's words (the error number, which users get
/// separately, and the words of a failed lookup), without a full stop, and in lower case.
fn as_part_of_message(text: &str) -> String {
    let text = text.strip_prefix(LOOKUP_FAILED).unwrap_or(text);
    let text = text
        .find(" (os error ")
        .map_or(text, |number| &text[..number]);
    let text = text.trim_end().trim_end_matches('.');
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let rest = letters.as_str();
    // An abbreviation keeps its capitals: two of them follow each other.
    if rest.starts_with(char::is_uppercase) {
        return text.to_owned();
    }
    first.to_lowercase().chain(rest.chars()).collect()
}

/// A copy of `error`, with its error number or else its kind.
pub(crate) fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

/// The system's error number (errno(3)) of the failed system call that caused `error`. `None` if
/// none did.
///
/// # Examples
///
/// ```
/// use std::io;
/// use stream_socket::{ReadError, os_code};
///
/// assert_eq!(os_code(&ReadError::EndOfStream), None);
/// assert_eq!(os_code(&io::Error::from_raw_os_error(2)), Some(2));
/// ```
pub fn os_code(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.raw_os_error();
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_system_become_part_of_a_message() {
        let words = as_part_of_message;
        assert_eq!(
            words("Connection refused (os error 111)"),
            "connection refused"
        );
        assert_eq!(
            words("Only one usage of each socket address is permitted. (os error 10048)"),
            "only one usage of each socket address is permitted"
        );
        assert_eq!(
            words("OS Error 10048 (FormatMessageW() returned error 317) (os error 10048)"),
            "OS Error 10048 (FormatMessageW() returned error 317)"
        );
        assert_eq!(
            words("failed to lookup address information: Name or service not known"),
            "name or service not known"
        );
        assert_eq!(words(""), "");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn messages_contain_the_words_of_the_system() {
        let error = PollError::from(ConnectError::Os {
            address: Address::Inet(([127, 0, 0, 1], 1).into()),
            source: io::Error::from_raw_os_error(111),
        });
        assert_eq!(error.to_string(), "connect 127.0.0.1:1: connection refused");
        assert_eq!(os_code(&error), Some(111));
        assert_eq!(os_code(&ReadError::EndOfStream), None);
        let error = ListenError::from(BindError::Os {
            address: BindAddress::Any { port: 80 },
            source: io::Error::from_raw_os_error(13),
        });
        assert_eq!(error.to_string(), "listen: bind *:80: permission denied");
        assert_eq!(os_code(&error), Some(13));
    }
}
