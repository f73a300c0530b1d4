//! Stream sockets for a frame loop: TCP over IPv4 and IPv6, and Unix domain sockets.
//!
//! A [`Connection`] connects without blocking, is advanced by [`Connection::poll`], and has calls
//! that block and calls that do not. A [`Listener`] accepts connections. A [`Group`] polls many of
//! both, at a cost that depends only on the ready ones. A [`dispatch::EventLoop`] also delivers
//! their events. All types can be used from any thread. There is no async runtime: a game has a
//! frame loop, and blocking calls are for threads that may wait.
//!
//! # Glossary
//!
//! One concept has one name, in code, tests and docs.
//!
//! | word | meaning |
//! | --- | --- |
//! | connection | one stream between two sockets; also the object that holds one after another |
//! | peer | the other end of a connection |
//! | generation | of a [`Connection`] object: increases when a connection begins or ends |
//! | version | changes with the generation and with the status; see [`Connection::version`] |
//! | direction | receiving or sending, one half of a connection |
//! | owner | the blocking call that uses a direction; other calls wait or return at once |
//! | guard | holds a direction for its owner, and releases it when dropped |
//! | end of stream | the peer has sent all it will send; what was received before can be read |
//! | half-open | one direction has ended, and the other is still used |
//! | accepted | bytes that a write call has taken: they are sent unless the connection fails |
//! | queued | accepted bytes that the kernel has not taken yet |
//! | coalesce | to keep small writes back, and to send them together |
//! | enqueue, flush | to queue bytes without sending; to send what is queued |
//! | lingering close | sends the queue and reads until the peer's end after a disconnect |
//! | closer | the thread that runs lingering closes |
//! | reset | an abortive close: unsent data is discarded, and the peer sees an error |
//! | poll | to advance a connection without blocking |
//! | probe | to ask the kernel what has arrived |
//! | readiness | what is known of a socket without asking the kernel |
//! | quiet | known to have nothing to read until the kernel reports otherwise |
//! | shared poll | one system call that reports on all idle connections of the process |
//! | ready list | the members of a group that are due for a visit |
//! | member, visit | a connection or listener of a group; what a poll of the group does with it |
//! | event | something that happened to a connection; each is delivered once, in order |
//! | queued event | an event in the ready list of a group |
//! | handler | code that is notified of events |
//! | endpoint | a connection with its own handlers |
//! | report, notify | to announce a change to groups; to call a handler |
//! | packet, frame | a message of the user; the same with its length or delimiter |
//! | platform layer | the module `sys`, through which all system calls go |
//!
//! # Layers
//!
//! Each module uses only those below it. `cargo xtask layers` checks that.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`process`] | background work of the process, sharing, totals |
//! | [`dispatch`] | events: which handler is notified of what, and when |
//! | `listener` | accepting connections |
//! | [`packets`] | packets in the stream of a connection |
//! | `connection` | one connection, from connect to the end of its lingering close |
//! | `connect` | names, addresses, attempts |
//! | `poll` | many sockets watched with one system call; groups |
//! | `socket` | open sockets, their options, their files |
//! | `error`, `event`, `deadline`, `totals` | errors; events; limits; counters |
//! | `address` | addresses and their texts |
//! | `sync`, `sys` | locks, atomics, threads; the platform layer |

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

pub use address::{Address, BindAddress, InvalidHost, ParseAddressError, Target};
pub use connect::attempt_log::{AttemptOutcome, ConnectAttempt};
pub use connection::{Connection, Ended, Recording, SocketHandle, Statistics};
pub use error::{
    AcceptError, BindError, ConnectError, EndError, ListenError, OptionError, PollError, ReadError,
    ReadFailure, WriteError, WriteFailure, os_code,
};
pub use event::{ConnectEnd, DisconnectCause, EndCause, Event, Status};
pub use listener::{ListenOptions, Listener};
pub use poll::group::{Group, Pollable, PollableRef, Visit};
pub use socket::options::{BufferSizes, KeepAlive, Options};
pub use sys::Credentials;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Memory of large buffers.
pub mod memory {
    pub use crate::sys::zero;
}

/// The kernel in memory, for programs that simulate.
#[cfg(stream_socket_simulated)]
pub use sys::imp as simulated;
