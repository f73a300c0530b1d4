//! The sockets of the world and their connections.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;

use super::id::Id;
use super::pipe::Pipe;
use super::random::Random;
use crate::sys::AddressFamily;

/// All sockets and connections.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) sockets: BTreeMap<Id, SocketState>,
    pub(super) connections: BTreeMap<Id, Connection>,
    pub(super) next_port: u16,
}

/// What a socket is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Inet(SocketAddr),
    /// The number of the file.
    File(u64),
    Abstract(PathBuf),
}

/// An open socket.
#[derive(Debug)]
pub(super) struct SocketState {
    pub(super) family: AddressFamily,
    pub(super) name: Option<Name>,
    pub(super) state: State,
    pub(super) resets_when_closed: bool,
    pub(super) is_only_v6: bool,
    pub(super) send_room: usize,
    pub(super) receive_room: usize,
    /// Nobody has accepted it yet.
    pub(super) is_embryo: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Unconnected,
    Listening {
        backlog: usize,
        queue: VecDeque<Id>,
    },
    Connecting {
        to: SocketAddr,
        /// When the peer's system is asked, or asked again.
        due: Option<u64>,
        /// Until when the answer is waited for.
        end: u64,
    },
    /// A connect has failed, which nobody has been told.
    Failed(i32),
    Connected {
        connection: Id,
        side: usize,
        /// Who has connected was told so.
        is_notified: bool,
    },
}

/// Two sides with a pipe from each to the other: `pipes[side]` begins at that side.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) is_local: bool,
    pub(super) pipes: [Pipe; 2],
    pub(super) sides: [Side; 2],
}

#[derive(Debug, Default)]
pub(super) struct Side {
    /// `None` once it is closed.
    pub(super) socket: Option<Id>,
    /// It was reset or has reset: nothing comes in or goes out any more.
    pub(super) is_dead: bool,
    pub(super) error: Option<i32>,
    /// When the reset arrives that is on its way to it.
    pub(super) reset_due: Option<u64>,
}

impl Network {
    pub(super) fn new(random: &mut Random) -> Network {
        Network {
            sockets: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_port: 32_768 + random.below(20_000) as u16,
        }
    }
}
