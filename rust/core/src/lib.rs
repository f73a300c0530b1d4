//! Stream sockets for a frame loop: TCP over IPv4 and IPv6, and Unix domain sockets.
//!
//! A [`Connection`] connects without blocking, is advanced by [`Connection::poll`], and exchanges data with
//! calls that either wait or do not. A [`Listener`] accepts connections. A [`Group`] looks after many of both. All are used
//! from any thread. A [`Relay`] is a bad network at will, for tests.
//!
//! The modules are layers: each uses only those below it.
//!
//! | layer | what it is |
//! | --- | --- |
//! | `relay` | a bad network between a client and a target |
//! | `runtime` | starting and shutting down what belongs to the process |
//! | `dispatch` | events: which listener is notified of what, and when |
//! | `listener` | accepting connections |
//! | `packets` | packets in the stream of a connection |
//! | `connection` | one connection, from connect to the end of its lingering close |
//! | `connect` | names, addresses, attempts |
//! | `poll` | many sockets watched with one system call; groups |
//! | `net` | addresses, sockets, their options and files |
//! | `error`, `deadline`, `totals` | what can go wrong; time limits; what is counted for the process |
//! | `sync` | locks, atomics, threads |
//! | `sys` | the platform layer: the system |

mod address;
mod connect;
mod connection;
mod deadline;
pub mod dispatch;
mod error;
mod event;
mod listener;
pub mod packets;
mod poll;
pub mod process;
mod socket;
mod sync;
mod sys;
mod totals;

pub use address::{Address, BindAddress, ParseAddressError, Target, is_host_name, parse_ip};
pub use connect::attempt_log::{AttemptOutcome, ConnectAttempt};
pub use connection::{Connection, Ended, Recording, SocketHandle, Statistics};
pub use error::{
    AcceptError, BindError, ConnectError, EndError, ListenError, OptionError, PollError, ReadError,
    ReadFailure, WriteError, WriteFailure, os_code,
};
pub use event::{ConnectEnd, DisconnectCause, EndCause, Event, Status};
pub use listener::{ListenOptions, Listener};
pub use poll::group::{Group, Pollable, PollableRef, Visit};
pub use socket::options::{KeepAlive, Options};
pub use sys::Credentials;

/// Memory of large buffers.
pub mod memory {
    pub use crate::sys::zero;
}

/// The kernel in memory, for programs that simulate.
#[cfg(stream_socket_simulated)]
pub use sys::imp as simulated;
