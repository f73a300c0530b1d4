//! How sockets are closed.

use super::id::Id;
use super::network::State;
use super::pipe::End;
use super::world::World;

impl World {
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
