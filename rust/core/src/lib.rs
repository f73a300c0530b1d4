//! Stream sockets for a frame loop: TCP over IPv4 and IPv6, and Unix domain sockets.
//!
//! A [`Connection`] connects without blocking, is advanced by [`Connection::poll`], and exchanges data with
//! calls that either wait or do not. A [`Listener`] accepts connections. Both are used from any thread.
//!
//! The crate knows nothing of the engine it is made for, but its states and its rules are those of Godot's
//! `StreamPeerSocket` family, where these do not lose data or time.

mod address;
mod connecting;
mod connection;
mod error;
mod listener;
mod options;
mod read_side;
mod socket_file;
mod status;
mod stream_socket;
mod sys;

pub use address::{Address, BindAddress, parse_ip, resolve};
pub use connection::Connection;
pub use error::{
    AcceptError, BindError, ConnectError, ListenError, OptionError, PollError, ReadError,
    ResolveError, WriteError,
};
pub use listener::Listener;
pub use status::Status;
