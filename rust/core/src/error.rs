//! What can go wrong, one type per operation. Each message names the operation, the address and, where the
//! system said no, its own words.

use std::io;

use thiserror::Error;

use crate::address::{Address, BindAddress};

/// A host name did not resolve.
#[derive(Debug, Error)]
#[error("resolve {host:?}: {source}")]
pub struct ResolveError {
    /// The name asked for.
    pub host: String,
    /// The resolver's answer.
    pub source: io::Error,
}

/// A socket could not be bound.
#[derive(Debug, Error)]
pub enum BindError {
    /// The connection has a socket already: bound, connecting or connected.
    #[error("bind: the socket is already open")]
    AlreadyOpen,
    /// The system has no socket left to give, or none of this kind.
    #[error("open a socket for {address}: {source}")]
    Open {
        /// The address asked for.
        address: BindAddress,
        /// The system's answer.
        source: io::Error,
    },
    /// The path cannot name a Unix domain socket: it is empty, too long or holds a zero byte.
    #[error("bind {address}: {source}")]
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
    #[error("bind {address}: {source}")]
    Os {
        /// The address asked for.
        address: BindAddress,
        /// The system's answer.
        source: io::Error,
    },
}

/// A listener could not be started.
#[derive(Debug, Error)]
pub enum ListenError {
    /// It is listening already.
    #[error("listen: already listening")]
    AlreadyListening,
    /// The address could not be bound.
    #[error("listen: {0}")]
    Bind(#[from] BindError),
    /// The system refused to listen on the bound socket.
    #[error("listen {address}: {source}")]
    Os {
        /// The address asked for.
        address: BindAddress,
        /// The system's answer.
        source: io::Error,
    },
}

/// A connection could not be accepted. The listener goes on listening.
#[derive(Debug, Error)]
#[error("accept: {source}")]
pub struct AcceptError {
    /// The system's answer.
    pub source: io::Error,
}

/// A connect could not be started, or failed later on.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The connection is connecting or connected.
    #[error("connect: already connecting or connected")]
    AlreadyConnected,
    /// No address accepted the connection; this is the answer of the last one.
    #[error("connect {address}: {source}")]
    Os {
        /// The address tried last.
        address: Address,
        /// The system's answer.
        source: io::Error,
    },
    /// The time limit passed.
    #[error("connect {address}: timed out")]
    TimedOut {
        /// The address that did not answer.
        address: Address,
    },
}

/// A poll found that the connection is gone.
#[derive(Debug, Error)]
pub enum PollError {
    /// The connect under way failed.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The socket has failed, and everything received before has been read.
    #[error("receive: {0}")]
    Socket(#[source] io::Error),
}

/// Data could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The connection is not connected.
    #[error("receive: not connected")]
    NotConnected,
    /// The peer has ended the stream, and everything it sent has been read.
    #[error("receive: end of stream")]
    EndOfStream,
    /// The connection was disconnected by another thread while this one waited.
    #[error("receive: disconnected meanwhile")]
    Disconnected,
    /// The socket has failed, and everything received before has been read.
    #[error("receive: {0}")]
    Socket(#[source] io::Error),
}

/// Data could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The connection is not connected.
    #[error("send: not connected")]
    NotConnected,
    /// The connection was disconnected by another thread while this one waited.
    #[error("send: disconnected meanwhile")]
    Disconnected,
    /// The socket has failed. Data received before can still be read.
    #[error("send: {0}")]
    Socket(#[source] io::Error),
}

/// A socket option could not be set.
#[derive(Debug, Error)]
#[error("set {option}: {source}")]
pub struct OptionError {
    /// The option's name.
    pub option: &'static str,
    /// The system's answer.
    pub source: io::Error,
}
