//! How connections break.

use super::id::Id;
use super::world::World;

impl World {
    /// The side `from` of a connection resets it. Of what it had sent a part may have been on its way.
    pub(super) fn reset(&mut self, id: Id, from: usize) {
        let arrival = self.arrival();
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
            self.figures.bytes += connection.pipes[from].deliver(part) as u64;
        }
        connection.pipes[from].lose();
        connection.sides[from].is_dead = true;
        if !connection.sides[to].is_dead {
            connection.sides[to].reset_due.get_or_insert(arrival);
        }
        let receiver = connection.sides[to].socket;
        self.edge(receiver);
    }

    /// The side `side` is dead, with an error that is told once. What it has received can still be read.
    pub(super) fn kill(&mut self, id: Id, side: usize, code: i32) {
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        if connection.sides[side].is_dead {
            return;
        }
        connection.sides[side].is_dead = true;
        connection.sides[side].error = Some(code);
        connection.pipes[side].lose();
        let socket = connection.sides[side].socket;
        self.edge(socket);
    }
}
