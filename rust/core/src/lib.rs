//! Stream sockets for a frame loop: TCP over IPv4 and IPv6, and Unix domain sockets.
//!
//! A [`Connection`] connects without blocking, is advanced by [`Connection::poll`], and exchanges data with
//! calls that either wait or do not. A [`Listener`] accepts connections. Both are used from any thread.
//!
//! The crate knows nothing of the engine it is made for, but its states and its rules are those of Godot's
//! `StreamPeerSocket` family, where these do not lose data or time.

mod address;
mod background;
mod closing;
mod connection;
mod error;
mod group;
mod happy_eyeballs;
mod in_use;
mod limit;
mod listener;
mod lock;
mod options;
mod race;
mod read_side;
mod readiness;
mod reading;
mod resolver;
mod session;
mod socket_file;
mod status;
mod stream_socket;
mod sweep;
mod sys;
mod write_side;
mod writing;

pub use address::{Address, BindAddress, Target, is_host_name, parse_ip};
pub use background::{shut_down, start_up};
pub use connection::Connection;
pub use error::{
    AcceptError, BindError, ConnectError, ListenError, OptionError, PollError, ReadError,
    WriteError, os_code,
};
pub use group::{Group, Visit};
pub use listener::Listener;
pub use options::{KeepAlive, Options};
pub use session::{ConnectEnd, DisconnectCause, Notice};
pub use status::Status;
pub use sys::Credentials;
