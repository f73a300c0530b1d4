//! The Godot error code of each failure, all in one place.
//!
//! Some failures have two codes. A method returns the code that the method of the engine's class
//! returns. `get_last_error` and the signals report the most specific of Godot's codes. An error of
//! the core without a code here does not compile where a method returns it.

use std::error::Error as StdError;
use std::io::ErrorKind;

use godot::global::Error;
use stream_socket::{
    AcceptError, BindAddress, BindError, ConnectEnd, ConnectError, DisconnectCause, EndCause,
    EndError, ListenError, OptionError, PollError, ReadError, WriteError,
};

/// An error with a code to return and a more specific one.
pub(crate) trait Code: StdError + 'static {
    /// The code that the engine's method returns.
    fn returned(&self) -> Error;

    /// The most specific code.
    fn exact(&self) -> Error {
        self.returned()
    }

    /// Whether the end of the connection explains this error. The reason of that end then says
    /// more.
    fn follows_from_end(&self) -> bool {
        false
    }
}

impl Code for BindError {
    fn returned(&self) -> Error {
        match self {
            BindError::AlreadyOpen { .. } => Error::ERR_ALREADY_IN_USE,
            BindError::InvalidPath { .. } => Error::ERR_INVALID_PARAMETER,
            BindError::NotASocket { .. } => Error::ERR_ALREADY_EXISTS,
            BindError::Open { .. } => Error::FAILED,
            BindError::Os { address, source } => match (address, source.kind()) {
                (BindAddress::Unix(_), ErrorKind::PermissionDenied) => Error::ERR_UNAUTHORIZED,
                _ => Error::ERR_UNAVAILABLE,
            },
            _ => Error::FAILED,
        }
    }

    fn exact(&self) -> Error {
        match self {
            BindError::Os { source, .. } => os_kind(source.kind(), Error::ERR_UNAVAILABLE),
            BindError::Open { source, .. } => os_kind(source.kind(), Error::ERR_CANT_CREATE),
            _ => self.returned(),
        }
    }
}

impl Code for ListenError {
    fn returned(&self) -> Error {
        match self {
            ListenError::AlreadyListening { .. } => Error::ERR_ALREADY_IN_USE,
            ListenError::Bind(BindError::Open { .. }) => Error::ERR_CANT_CREATE,
            ListenError::Bind(_) => Error::ERR_ALREADY_IN_USE,
            _ => Error::FAILED,
        }
    }

    fn exact(&self) -> Error {
        match self {
            ListenError::AlreadyListening { .. } => Error::ERR_ALREADY_IN_USE,
            ListenError::Bind(error) => error.exact(),
            ListenError::Os { source, .. } => os_kind(source.kind(), Error::FAILED),
            _ => self.returned(),
        }
    }
}

impl Code for AcceptError {
    fn returned(&self) -> Error {
        os_kind(self.source.kind(), Error::ERR_CANT_CREATE)
    }
}

impl Code for ConnectError {
    fn returned(&self) -> Error {
        match self {
            ConnectError::AlreadyConnected { .. } => Error::ERR_ALREADY_IN_USE,
            ConnectError::Resolve { .. } => Error::ERR_CANT_RESOLVE,
            _ => Error::FAILED,
        }
    }

    fn exact(&self) -> Error {
        match self {
            ConnectError::Os { source, .. } => os_kind(source.kind(), Error::ERR_CONNECTION_ERROR),
            ConnectError::NoAddress { .. } => Error::ERR_UNAVAILABLE,
            ConnectError::TimedOut { .. } => Error::ERR_TIMEOUT,
            _ => self.returned(),
        }
    }
}

impl Code for PollError {
    fn returned(&self) -> Error {
        match self {
            PollError::Connect(_) => Error::ERR_CONNECTION_ERROR,
            _ => Error::FAILED,
        }
    }

    fn exact(&self) -> Error {
        match self {
            PollError::Connect(error) => error.exact(),
            _ => Error::ERR_CONNECTION_ERROR,
        }
    }

    fn follows_from_end(&self) -> bool {
        true
    }
}

impl Code for EndError {
    fn returned(&self) -> Error {
        self.exact()
    }

    fn exact(&self) -> Error {
        match self {
            EndError::Connect(error) => error.exact(),
            EndError::EndOfStream { .. } => Error::ERR_FILE_EOF,
            EndError::Read(error) => error.exact(),
            EndError::Write(error) => error.exact(),
            EndError::Stalled { .. } | EndError::Silent { .. } => Error::ERR_TIMEOUT,
            _ => Error::FAILED,
        }
    }
}

impl Code for ReadError {
    fn returned(&self) -> Error {
        match self {
            ReadError::EndOfStream | ReadError::Truncated { .. } => Error::ERR_FILE_EOF,
            ReadError::TimedOut { .. } => Error::ERR_TIMEOUT,
            ReadError::TooLong { .. }
            | ReadError::Malformed { .. }
            | ReadError::PacketTooLong { .. } => Error::ERR_INVALID_DATA,
            _ => Error::FAILED,
        }
    }

    fn exact(&self) -> Error {
        match self {
            ReadError::Socket { .. } => Error::ERR_CONNECTION_ERROR,
            _ => self.returned(),
        }
    }

    fn follows_from_end(&self) -> bool {
        true
    }
}

impl Code for WriteError {
    fn returned(&self) -> Error {
        match self {
            WriteError::Busy { .. } | WriteError::TooLarge { .. } => Error::ERR_BUSY,
            WriteError::TimedOut { .. } => Error::ERR_TIMEOUT,
            WriteError::PacketTooLong { .. } | WriteError::ContainsDelimiter { .. } => {
                Error::ERR_INVALID_PARAMETER
            }
            _ => Error::FAILED,
        }
    }

    fn exact(&self) -> Error {
        match self {
            WriteError::Socket { .. } => Error::ERR_CONNECTION_ERROR,
            WriteError::ShutDown => Error::ERR_UNAVAILABLE,
            _ => self.returned(),
        }
    }

    fn follows_from_end(&self) -> bool {
        // The caller's mistake, whatever the connection does.
        !matches!(
            self,
            WriteError::PacketTooLong { .. } | WriteError::ContainsDelimiter { .. }
        )
    }
}

impl Code for OptionError {
    fn returned(&self) -> Error {
        os_kind(self.source.kind(), Error::FAILED)
    }
}

/// The code that `connect_finished` reports.
pub(crate) fn connect_end_code(end: ConnectEnd) -> Error {
    match end {
        ConnectEnd::Connected => Error::OK,
        ConnectEnd::Unresolved => Error::ERR_CANT_RESOLVE,
        ConnectEnd::Refused => Error::ERR_CONNECTION_ERROR,
        ConnectEnd::TimedOut => Error::ERR_TIMEOUT,
        ConnectEnd::Cancelled => Error::ERR_SKIP,
        _ => Error::FAILED,
    }
}

/// The code that `disconnected` reports.
pub(crate) fn disconnect_code(cause: DisconnectCause) -> Error {
    match cause {
        DisconnectCause::Local => Error::OK,
        DisconnectCause::EndOfStream => Error::ERR_FILE_EOF,
        DisconnectCause::Failure => Error::ERR_CONNECTION_ERROR,
        DisconnectCause::InvalidData => Error::ERR_INVALID_DATA,
        DisconnectCause::Stalled | DisconnectCause::Silent => Error::ERR_TIMEOUT,
        _ => Error::FAILED,
    }
}

/// The code that `peer_disconnected` reports.
pub(crate) fn end_code(cause: EndCause) -> Error {
    match cause {
        EndCause::Connect(end) => connect_end_code(end),
        EndCause::Disconnect(cause) => disconnect_code(cause),
    }
}

fn os_kind(kind: ErrorKind, otherwise: Error) -> Error {
    match kind {
        ErrorKind::AddrInUse => Error::ERR_ALREADY_IN_USE,
        ErrorKind::PermissionDenied => Error::ERR_UNAUTHORIZED,
        ErrorKind::AddrNotAvailable | ErrorKind::Unsupported => Error::ERR_UNAVAILABLE,
        ErrorKind::InvalidInput => Error::ERR_INVALID_PARAMETER,
        ErrorKind::NotConnected => Error::ERR_UNCONFIGURED,
        ErrorKind::OutOfMemory => Error::ERR_OUT_OF_MEMORY,
        _ => otherwise,
    }
}
