//! Which of Godot's error codes stands for which failure: the engine's answers, in one place.

use std::io;

use godot::global::Error;
use stream_socket::{BindError, ConnectError, ListenError, PollError, ReadError, WriteError};

/// For the `bind` of a peer.
pub(crate) fn bind_code(error: &BindError) -> Error {
    match error {
        BindError::AlreadyOpen => Error::ERR_ALREADY_IN_USE,
        BindError::InvalidPath { .. } => Error::ERR_INVALID_PARAMETER,
        BindError::NotASocket { .. } => Error::ERR_ALREADY_EXISTS,
        BindError::Open { .. } => Error::FAILED,
        BindError::Os { address, source } => {
            let is_path = matches!(address, stream_socket::BindAddress::Unix(_));
            match source.kind() {
                io::ErrorKind::Unsupported => Error::ERR_UNAVAILABLE,
                io::ErrorKind::PermissionDenied if is_path => Error::ERR_UNAUTHORIZED,
                _ => Error::ERR_UNAVAILABLE,
            }
        }
    }
}

/// For the `listen` of a server.
pub(crate) fn listen_code(error: &ListenError) -> Error {
    match error {
        ListenError::AlreadyListening => Error::ERR_ALREADY_IN_USE,
        ListenError::Bind(BindError::Open { .. }) => Error::ERR_CANT_CREATE,
        ListenError::Bind(_) => Error::ERR_ALREADY_IN_USE,
        ListenError::Os { .. } => Error::FAILED,
    }
}

/// For `connect_to_host`.
pub(crate) fn connect_code(error: &ConnectError) -> Error {
    match error {
        ConnectError::AlreadyConnected => Error::ERR_ALREADY_IN_USE,
        ConnectError::Os { .. } | ConnectError::TimedOut { .. } => Error::FAILED,
    }
}

/// For `poll`.
pub(crate) fn poll_code(error: &PollError) -> Error {
    match error {
        PollError::Connect(_) => Error::ERR_CONNECTION_ERROR,
        PollError::Socket(_) => Error::FAILED,
    }
}

/// For everything that reads.
pub(crate) fn read_code(error: &ReadError) -> Error {
    match error {
        ReadError::EndOfStream => Error::ERR_FILE_EOF,
        ReadError::NotConnected | ReadError::Disconnected | ReadError::Socket(_) => Error::FAILED,
    }
}

/// For everything that writes.
pub(crate) fn write_code(error: &WriteError) -> Error {
    match error {
        WriteError::NotConnected | WriteError::Disconnected | WriteError::Socket(_) => {
            Error::FAILED
        }
    }
}
