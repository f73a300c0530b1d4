//! Whether a socket is readable and writable, and which threads wake when that changes.

use super::objects::{Id, State};
use super::pipe::End;
use super::world::World;

/// What poll(2) reports of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PollResult {
    /// A read would not block.
    pub(super) is_readable: bool,
    /// A write would not block.
    pub(super) is_writable: bool,
}

impl World {
    /// Something has happened to a socket: wakes the threads that wait for it, and makes its
    /// pollers report it. `None` is a closed socket.
    pub(super) fn signal_edge(&mut self, socket: Option<Id>) {
        let Some(socket) = socket else {
            return;
        };
        for (poller, state) in &mut self.pollers {
            if state.note_edge(socket) {
                self.wait_queue.wake_all(*poller);
            }
        }
        self.wait_queue.wake_all(socket);
    }

    /// Whether a read and a write of the socket `id` would not block. A sender that finds no room
    /// is notified once there is some.
    pub(super) fn readiness(&mut self, id: Id) -> PollResult {
        let both = |is_ready| PollResult {
            is_readable: is_ready,
            is_writable: is_ready,
        };
        let Some(socket) = self.network.sockets.get(&id) else {
            return both(true);
        };
        let (connection, side) = match &socket.state {
            State::Unconnected | State::Failed(_) => return both(true),
            State::Listening { queue, .. } => {
                return PollResult {
                    is_readable: !queue.is_empty(),
                    is_writable: false,
                };
            }
            State::Connecting { .. } => return both(false),
            State::Connected {
                connection, side, ..
            } => (*connection, *side),
        };
        let Some(connection) = self.network.connections.get_mut(&connection) else {
            return both(true);
        };
        let is_broken = connection.sides[side].is_broken();
        let incoming = &connection.pipes[1 - side];
        let is_readable = is_broken || incoming.has_arrived() || incoming.end == End::Arrived;
        let is_peer_closed = connection.is_local && connection.sides[1 - side].socket.is_none();
        let outgoing = &mut connection.pipes[side];
        let is_writable =
            is_broken || is_peer_closed || outgoing.end != End::Open || outgoing.is_writable();
        if !is_writable {
            outgoing.sender_wants_room = true;
        }
        PollResult {
            is_readable,
            is_writable,
        }
    }

    /// Whether a socket has failed, which ends every wait for it (poll(2), POLLERR and POLLHUP).
    pub(super) fn is_broken(&mut self, id: Id) -> bool {
        let Some(socket) = self.network.sockets.get(&id) else {
            return true;
        };
        match &socket.state {
            State::Unconnected | State::Failed(_) => true,
            State::Listening { .. } | State::Connecting { .. } => false,
            State::Connected {
                connection, side, ..
            } => {
                let connection = self.network.connections.get(connection);
                connection.is_none_or(|connection| connection.sides[*side].is_broken())
            }
        }
    }
}
