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
//! | `connection` | one connection, from connect to the end of its farewell |
//! | `connect` | names, addresses, attempts |
//! | `poll` | many sockets watched with one system call; groups |
//! | `net` | addresses, sockets, their options and files |
//! | `error`, `deadline`, `totals` | what can go wrong; time limits; what is counted for the process |
//! | `sync` | locks, atomics, threads |
//! | `sys` | the seam: the system |

mod connect;
mod connection;
mod deadline;
mod dispatch;
mod error;
mod event;
mod listener;
mod net;
mod packets;
mod poll;
mod relay;
mod runtime;
mod sync;
mod sys;
mod totals;

pub use connect::attempt_log::{AttemptOutcome, ConnectAttempt};
pub use connection::{Connection, Ended, Recording, SocketHandle, Statistics};
pub use dispatch::{
    AddError, EventLoop, Format, LoopEvent, LoopListener, LoopMember, Nesting, OwnEvent,
    PacketChannel, Peer, PeerEvent, PeerEvents, Refused, Source, Subject,
};
pub use error::{
    AcceptError, BindError, ConnectError, EndError, ListenError, OptionError, PollError, ReadError,
    WriteError, os_code,
};
pub use event::{ConnectEnd, Delivery, DisconnectCause, EndCause, Event, EventQueue, Status};
pub use listener::Listener;
pub use net::address::{Address, BindAddress, Target, is_host_name, parse_ip};
pub use net::options::{KeepAlive, Options};
pub use packets::framing::{Framing, LengthField, Width};
pub use packets::packet_reader::PacketReader;
pub use poll::group::{Group, Member, MemberRef, Visit};
pub use relay::{Conditions, LinkEnd, Relay, RelayEvent};
pub use runtime::{set_sharing, shut_down, start_up};
pub use sys::{Credentials, zero};
pub use totals::{Totals, count_traffic, totals};

/// The kernel in memory, for programs that simulate.
#[cfg(stream_socket_simulated)]
pub use sys::imp as simulated;
