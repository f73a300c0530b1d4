//! What can be done with a socket now, and who is told when that changes.

use super::id::Id;
use super::network::{Side, State};
use super::pipe::End;
use super::world::World;

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

    /// Whether a socket has failed, which ends every wait for it (poll(2), POLLERR and POLLHUP).
    pub(super) fn is_broken(&mut self, id: Id) -> bool {
        let (is_readable, is_writable) = self.readiness(id);
        let Some(socket) = self.network.sockets.get(&id) else {
            return true;
        };
        match &socket.state {
            State::Connected {
                connection, side, ..
            } => {
                let connection = self.network.connections.get(connection);
                connection.is_none_or(|connection| {
                    let side = &connection.sides[*side];
                    side.is_dead || side.error.is_some()
                })
            }
            State::Listening { .. } => false,
            _ => is_readable && is_writable,
        }
    }
}
