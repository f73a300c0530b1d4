//! How connections end: resets, failures, and the closing of sockets, as Linux does it.

use super::objects::{Id, State};
use super::pipe::End;
use super::world::World;

impl World {
    /// The side `from` of a connection resets it. A part of the bytes in flight from that side may
    /// arrive before the reset. The rest is lost.
    pub(super) fn reset(&mut self, id: Id, from: usize) {
        let arrival = self.draw_arrival();
        let part = if self.random.once_in(2) {
            self.random.size(64 * 1024)
        } else {
            0
        };
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        let to = 1 - from;
        if !connection.sides[from].is_dead
            && !connection.sides[to].is_dead
            && connection.sides[to].socket.is_some()
        {
            self.summary.bytes += connection.pipes[from].deliver(part) as u64;
        }
        connection.pipes[from].lose_in_flight();
        connection.sides[from].is_dead = true;
        if !connection.sides[to].is_dead {
            connection.sides[to].reset_due.get_or_insert(arrival);
        }
        let receiver = connection.sides[to].socket;
        self.signal_edge(receiver);
    }

    /// The side `side` of a connection fails with the error `code`. The next call that checks for
    /// an error returns it, once. Bytes that have arrived can still be read.
    pub(super) fn fail_side(&mut self, id: Id, side: usize, code: i32) {
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        if connection.sides[side].is_dead {
            return;
        }
        connection.sides[side].is_dead = true;
        connection.sides[side].error = Some(code);
        connection.pipes[side].lose_in_flight();
        let socket = connection.sides[side].socket;
        self.signal_edge(socket);
    }

    /// Closes a socket.
    pub(super) fn close(&mut self, id: Id) {
        let Some(socket) = self.network.sockets.remove(&id) else {
            return;
        };
        for poller in self.pollers.values_mut() {
            poller.registrations.remove(&id);
        }
        match socket.state {
            State::Listening { queue, .. } => {
                for embryo in queue {
                    self.network.socket(embryo).resets_when_closed = true;
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
        let arrival = self.draw_arrival();
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        let socket = connection.sides[side].socket.take();
        debug_assert!(socket.is_some(), "a side closes twice: {connection:?}");
        let had_unread = connection.pipes[1 - side].discard_arrived();
        let is_peer_closed = connection.sides[1 - side].socket.is_none();
        if connection.is_local {
            connection.pipes[side].end = End::Arrived;
            connection.sides[side].is_dead = true;
            let peer = &mut connection.sides[1 - side];
            // Linux, unix_release_sock: a socket that was never accepted, or with unread bytes,
            // leaves its peer an error.
            if had_unread || is_embryo {
                peer.error = Some(libc::ECONNRESET);
            }
            let peer = peer.socket;
            self.signal_edge(peer);
        } else if !connection.sides[side].is_dead {
            if resets || had_unread {
                self.reset(id, side);
            } else if connection.pipes[side].end == End::Open {
                connection.pipes[side].end = End::InFlight;
                connection.pipes[side].due = arrival;
            }
        }
        if is_peer_closed {
            self.network.connections.remove(&id);
        }
    }
}
