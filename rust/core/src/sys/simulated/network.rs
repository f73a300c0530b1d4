//! The sockets of the world, their connections, and the rules by which these end.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;

use super::pipe::{End, Pipe};
use super::random::Random;
use super::world::{Id, World};
use crate::sys::Family;

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
    pub(super) family: Family,
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
        is_told: bool,
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

impl World {
    /// Something has happened to a socket: those who wait for it look, and pollers tell of it.
    pub(super) fn edge(&mut self, socket: Option<Id>) {
        let Some(socket) = socket else {
            return;
        };
        let pollers: Vec<Id> = self
            .pollers
            .iter_mut()
            .filter_map(|(id, poller)| poller.edge(socket).then_some(*id))
            .collect();
        for poller in pollers {
            self.wake(poller);
        }
        self.wake(socket);
    }

    /// Whether a read and whether a write would not block.
    pub(super) fn readiness(&mut self, id: Id) -> (bool, bool) {
        let Some(socket) = self.network.sockets.get(&id) else {
            return (true, true);
        };
        let (connection, side) = match &socket.state {
            State::Unconnected | State::Failed(_) => return (true, true),
            State::Listening { queue, .. } => return (!queue.is_empty(), false),
            State::Connecting { .. } => return (false, false),
            State::Connected {
                connection, side, ..
            } => (*connection, *side),
        };
        let Some(connection) = self.network.connections.get_mut(&connection) else {
            return (true, true);
        };
        let Side { is_dead, error, .. } = connection.sides[side];
        let is_broken = is_dead || error.is_some();
        let coming = &connection.pipes[1 - side];
        let is_readable = is_broken || !coming.arrived.is_empty() || coming.end == End::Arrived;
        let is_peer_gone = connection.is_local && connection.sides[1 - side].socket.is_none();
        let going = &mut connection.pipes[side];
        let is_writable =
            is_broken || is_peer_gone || going.end != End::Open || going.has_much_room();
        if !is_writable {
            going.wants_room = true;
        }
        (is_readable, is_writable)
    }

    /// Closes a socket, with what that means for its peer.
    pub(super) fn close(&mut self, id: Id) {
        let Some(socket) = self.network.sockets.remove(&id) else {
            return;
        };
        for poller in self.pollers.values_mut() {
            poller.forget(id);
        }
        match socket.state {
            State::Listening { queue, .. } => {
                for embryo in queue {
                    if let Some(socket) = self.network.sockets.get_mut(&embryo) {
                        socket.resets_when_closed = true;
                    }
                    self.close(embryo);
                }
            }
            State::Connected {
                connection, side, ..
            } => {
                let resets = socket.resets_when_closed;
                self.close_side(connection, side, resets, socket.is_embryo);
            }
            _ => {}
        }
    }

    fn close_side(&mut self, id: Id, side: usize, resets: bool, is_embryo: bool) {
        let arrival = self.arrival();
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        connection.sides[side].socket = None;
        let coming = &mut connection.pipes[1 - side];
        let has_unread = !coming.arrived.is_empty();
        coming.arrived.clear();
        let is_peer_gone = connection.sides[1 - side].socket.is_none();
        if connection.is_local {
            connection.pipes[side].end = End::Arrived;
            connection.sides[side].is_dead = true;
            let peer = &mut connection.sides[1 - side];
            // A connection that was never accepted ends like one with unread bytes (Linux, unix_release_sock).
            if has_unread || is_embryo {
                peer.error = Some(libc::ECONNRESET);
            }
            let peer = peer.socket;
            self.edge(peer);
        } else if !connection.sides[side].is_dead {
            if resets || has_unread {
                self.reset(id, side);
            } else if connection.pipes[side].end == End::Open {
                connection.pipes[side].end = End::Sent;
                connection.pipes[side].due = arrival;
            }
        }
        if is_peer_gone {
            self.network.connections.remove(&id);
        }
    }
}
