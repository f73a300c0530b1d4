//! What can go wrong, one type per operation. Each message names the operation, the address and, where the system
//! said no, its own words: `connect 127.0.0.1:1: connection refused`.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::address::{Address, BindAddress};

/// A socket could not be bound.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// The connection has a socket already: bound, connecting or connected.
    #[error("bind: the socket is already open")]
    AlreadyOpen,
    /// The system has no socket left to give, or none of this kind.
    #[error("open a socket for {address}: {}", words(source))]
    Open {
        /// The address asked for.
        address: BindAddress,
        /// The system's answer.
        source: io::Error,
    },
    /// The path cannot name a Unix domain socket: it is empty, too long or holds a zero byte.
    #[error("bind {address}: {}", words(source))]
    InvalidPath {
        /// The address asked for.
        address: BindAddress,
        /// Why it cannot be one.
        source: io::Error,
    },
    /// There is a file of this name, and it is not a socket.
    #[error("bind {address}: a file that is not a socket is in the way")]
    NotASocket {
        /// The address asked for.
        address: BindAddress,
    },
    /// The system refused.
    #[error("bind {address}: {}", words(source))]
    Os {
        /// The address asked for.
        address: BindAddress,
        /// The system's answer.
        source: io::Error,
    },
}

/// A listener could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// It is listening already.
    #[error("listen: already listening")]
    AlreadyListening,
    /// The address could not be bound.
    #[error("listen: {0}")]
    Bind(#[from] BindError),
    /// The system refused to listen on the bound socket.
    #[error("listen {address}: {}", words(source))]
    Os {
        /// The address asked for.
        address: BindAddress,
        /// The system's answer.
        source: io::Error,
    },
}

/// A connection could not be accepted. The listener goes on listening.
#[derive(Debug, Error)]
#[error("accept: {}", words(source))]
pub struct AcceptError {
    /// The system's answer.
    pub source: io::Error,
}

/// A connect could not be started, or failed later on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection is connecting or connected.
    #[error("connect: already connecting or connected")]
    AlreadyConnected,
    /// The name has no address, or nobody could say.
    #[error("resolve {host}: {}", words(source))]
    Resolve {
        /// The name asked for.
        host: String,
        /// The resolver's answer.
        source: io::Error,
    },
    /// No address accepted the connection; this is the answer of the last one.
    #[error("connect {address}: {}", words(source))]
    Os {
        /// The address tried last.
        address: Address,
        /// The system's answer.
        source: io::Error,
    },
    /// The host has no address that the bound socket could reach.
    #[error("connect: no address of the host suits the bound socket")]
    NoAddress,
    /// The time limit passed.
    #[error("{attempt}: timed out")]
    TimedOut {
        /// What was being tried, with the name or the address.
        attempt: String,
    },
}

/// A poll found that the connection is gone.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PollError {
    /// The connect under way failed.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    /// The socket has failed, and everything received before has been read.
    #[error("receive from {peer}: {}", words(source))]
    Receive {
        /// The other end.
        peer: Address,
        /// The system's answer.
        source: io::Error,
    },
    /// The socket has failed while it was sending what was queued, and there is nothing left to read.
    #[error("send to {peer}: {}", words(source))]
    Send {
        /// The other end.
        peer: Address,
        /// The system's answer.
        source: io::Error,
    },
}

/// Why the last connection, or the last attempt, has ended, unless this side has disconnected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndError {
    /// The connect has failed.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    /// The peer has ended the stream.
    #[error("receive from {peer}: end of stream")]
    EndOfStream {
        /// The other end.
        peer: Address,
    },
    /// The socket has failed while it received, or what it has received is not a packet.
    #[error(transparent)]
    Read(ReadError),
    /// The socket has failed while it sent.
    #[error(transparent)]
    Write(WriteError),
}

/// Data could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The connection is not connected.
    #[error("receive: not connected")]
    NotConnected,
    /// The connection is still connecting.
    #[error("receive: still connecting; poll until it is connected")]
    Connecting,
    /// The peer has ended the stream, and everything it sent has been read.
    #[error("receive: end of stream")]
    EndOfStream,
    /// The connection was disconnected by another thread while this one waited.
    #[error("receive: disconnected meanwhile")]
    Disconnected,
    /// The read timeout passed. The connection is as it was.
    #[error("receive from {peer}: timed out")]
    TimedOut {
        /// The other end.
        peer: Address,
    },
    /// More bytes than allowed are there, and what was looked for is not among them.
    #[error("receive from {peer}: \"{}\" is not in the first {limit} bytes", delimiter.escape_ascii())]
    TooLong {
        /// The other end.
        peer: Address,
        /// What was looked for.
        delimiter: Box<[u8]>,
        /// How many bytes were allowed.
        limit: usize,
    },
    /// What has come is not a packet, so the packets behind it cannot be found.
    #[error("receive from {peer}: malformed packet: {what}")]
    Malformed {
        /// The other end.
        peer: Address,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A packet is longer than allowed.
    #[error("receive from {peer}: packet exceeds the limit of {limit} bytes")]
    PacketTooLong {
        /// The other end.
        peer: Address,
        /// How many bytes were allowed.
        limit: usize,
    },
    /// The stream has ended within a packet.
    #[error("receive from {peer}: end of stream within a packet")]
    Truncated {
        /// The other end.
        peer: Address,
    },
    /// The socket has failed, and everything received before has been read.
    #[error("receive from {peer}: {}", words(source))]
    Socket {
        /// The other end.
        peer: Address,
        /// The system's answer.
        source: io::Error,
    },
}

/// Why what has been received is not what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// `delimiter` is not in the first `limit` bytes.
    TooLong { delimiter: Box<[u8]>, limit: usize },
    /// See [`ReadError::Malformed`].
    Malformed(&'static str),
    /// See [`ReadError::PacketTooLong`].
    PacketTooLong { limit: usize },
}

impl Unusable {
    /// The error, in what `peer` has sent.
    pub(crate) fn of(self, peer: Address) -> ReadError {
        match self {
            Unusable::TooLong { delimiter, limit } => ReadError::TooLong {
                peer,
                delimiter,
                limit,
            },
            Unusable::Malformed(what) => ReadError::Malformed { peer, what },
            Unusable::PacketTooLong { limit } => ReadError::PacketTooLong { peer, limit },
        }
    }
}

impl From<ConnectError> for PollError {
    fn from(error: ConnectError) -> PollError {
        PollError::Connect(Arc::new(error))
    }
}

/// Data could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The connection is not connected.
    #[error("send: not connected")]
    NotConnected,
    /// The connection is still connecting, and has no queue.
    #[error(
        "send: still connecting; poll until it is connected, or set a write buffer limit before"
    )]
    Connecting,
    /// The connection was disconnected by another thread while this one waited.
    #[error("send: disconnected meanwhile")]
    Disconnected,
    /// The stream has been ended from this side.
    #[error("send: the stream has been shut down for writing")]
    ShutDown,
    /// The queue has no room for it. Nothing of it was sent or queued.
    #[error("send to {peer}: write buffer of {limit} bytes is full")]
    Busy {
        /// The other end.
        peer: Address,
        /// The size of the queue.
        limit: usize,
    },
    /// The queue never has room for it, however much the peer reads. Nothing of it was sent or queued.
    #[error("send to {peer}: {bytes} bytes exceed the write buffer of {limit}")]
    TooLarge {
        /// The other end.
        peer: Address,
        /// How many bytes it has.
        bytes: usize,
        /// The size of the queue.
        limit: usize,
    },
    /// The packet is longer than allowed, or than its framing can say. Nothing of it was sent.
    #[error("send: packet of {bytes} bytes exceeds the limit of {limit}")]
    PacketTooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many were allowed.
        limit: usize,
    },
    /// The packet holds the delimiter that is to end it. Nothing of it was sent.
    #[error("send: packet contains the delimiter")]
    HoldsDelimiter,
    /// The write timeout passed. The connection is as it was, and `sent` bytes are on their way.
    #[error("send to {peer}: timed out after {sent} bytes")]
    TimedOut {
        /// The other end.
        peer: Address,
        /// How many bytes were accepted before.
        sent: usize,
    },
    /// The socket has failed. Data received before can still be read.
    #[error("send to {peer}: {}", words(source))]
    Socket {
        /// The other end.
        peer: Address,
        /// The system's answer.
        source: io::Error,
    },
}

/// Something about a socket could not be asked or set.
#[derive(Debug, Error)]
#[error("{operation}: {}", words(source))]
pub struct OptionError {
    /// What was asked or set.
    pub operation: &'static str,
    /// The system's answer.
    pub source: io::Error,
}

/// A read has failed after a part of what it wanted.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadFailure {
    /// Why it has failed.
    pub error: ReadError,
    /// The number of bytes at the start of the buffer that were received before.
    pub received: usize,
}

/// A write has failed after a part of its data.
#[derive(Debug)]
#[non_exhaustive]
pub struct WriteFailure {
    /// Why it has failed.
    pub error: WriteError,
    /// The number of bytes at the start of the data that were accepted. These are sent, the others
    /// never are.
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

/// Makes a failure an error with the message and the source of the error in it.
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
            | WriteError::HoldsDelimiter => io::ErrorKind::InvalidInput,
            WriteError::Socket { source, .. } => source.kind(),
        };
        io::Error::new(kind, error)
    }
}

/// The system's own words for `error`, as part of a sentence.
fn words(error: &io::Error) -> String {
    as_part_of_a_sentence(&error.to_string())
}

/// `text` without the number that std adds, which users get separately, without a full stop, and without the capital of a
/// sentence.
fn as_part_of_a_sentence(text: &str) -> String {
    let text = text
        .find(" (os error ")
        .map_or(text, |number| &text[..number]);
    let text = text.trim_end().trim_end_matches('.');
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let rest = letters.as_str();
    // An abbreviation keeps its capitals.
    if rest.starts_with(char::is_uppercase) {
        return text.to_owned();
    }
    first.to_lowercase().chain(rest.chars()).collect()
}

/// The same error once more, as far as the system's number or its kind tells.
pub(crate) fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

/// The system's number for what `error` was caused by, if a system call was.
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
    fn the_system_s_words_become_part_of_a_sentence() {
        let words = as_part_of_a_sentence;
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
        assert_eq!(words(""), "");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn messages_are_sentences_with_the_system_s_words() {
        let error = PollError::from(ConnectError::Os {
            address: Address::Inet(([127, 0, 0, 1], 1).into()),
            source: io::Error::from_raw_os_error(111),
        });
        assert_eq!(error.to_string(), "connect 127.0.0.1:1: connection refused");
        assert_eq!(os_code(&error), Some(111));
        assert_eq!(os_code(&ListenError::AlreadyListening), None);
        let error = ListenError::from(BindError::Os {
            address: BindAddress::Any { port: 80 },
            source: io::Error::from_raw_os_error(13),
        });
        assert_eq!(error.to_string(), "listen: bind *:80: permission denied");
        assert_eq!(os_code(&error), Some(13));
    }
}
