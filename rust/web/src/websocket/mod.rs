//! WebSocket: handshake, frames, messages and compression (RFC 6455, RFC 7692).
//!
//! A [`session`] is a whole connection. Below it, a [`Receiver`] turns received bytes into
//! [`Event`]s, and a [`Sender`] turns messages into frames. What the RFC forbids is a
//! [`FrameError`], which names the close code that the connection ends with. [`compression`]
//! negotiates permessage-deflate.

pub mod close_code;
pub mod compression;
mod deflate;
mod error;
mod frame;
pub mod handshake;
mod mask;
mod pool;
mod receiver;
mod sender;
pub mod session;
mod url;
mod utf8;

pub use error::FrameError;
pub use receiver::{Close, Event, Message, Receiver};
pub use sender::{MAX_REASON_BYTES, Sender, SharedMessage};
pub use url::{Url, UrlError};

/// Which end of the connection this is. A client masks its frames, a server does not (RFC 6455,
/// section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that has asked for the connection.
    Client,
    /// The end that has accepted it.
    Server,
}
