//! What is on its way: when it arrives, and what that means.

use super::id::Id;
use super::network::{Network, State};
use super::pipe::End;
use super::world::World;

/// What can arrive.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    /// Bytes or the end of a pipe.
    Bytes(Id, usize),
    Reset(Id, usize),
    Connect(Id),
}

impl Network {
    /// What is on its way, and when it arrives at the latest.
    fn arrivals(&self) -> impl Iterator<Item = (u64, Arrival)> + '_ {
        let of_connections = self.connections.iter().flat_map(|(id, connection)| {
            (0..2).flat_map(move |side| {
                let pipe = &connection.pipes[side];
                let bytes = pipe
                    .is_moving()
                    .then_some((pipe.due, Arrival::Bytes(*id, side)));
                let reset = connection.sides[side].reset_due;
                let reset = reset.map(|due| (due, Arrival::Reset(*id, side)));
                bytes.into_iter().chain(reset)
            })
        });
        let of_sockets = self
            .sockets
            .iter()
            .filter_map(|(id, socket)| match socket.state {
                State::Connecting { due, end, .. } => {
                    Some((due.unwrap_or(end).min(end), Arrival::Connect(*id)))
                }
                _ => None,
            });
        of_connections.chain(of_sockets)
    }

    /// When the next thing arrives at the latest.
    pub(super) fn next_arrival(&self) -> Option<u64> {
        self.arrivals().map(|(due, _)| due).min()
    }
}

impl World {
    /// Something that is on its way arrives, a part of it perhaps. Whether there is anything.
    pub(super) fn deliver_something(&mut self) -> bool {
        let early = |arrival: &Arrival| match arrival {
            // A system that does not answer does not do so before its time.
            Arrival::Connect(id) => {
                matches!(self.network.sockets[id].state, State::Connecting { due: Some(due), .. } if due <= self.time + self.regime.latency)
            }
            _ => true,
        };
        let arrivals: Vec<Arrival> = self
            .network
            .arrivals()
            .map(|(_, arrival)| arrival)
            .filter(early)
            .collect();
        if arrivals.is_empty() {
            return false;
        }
        let chosen = self.random.choose(&arrivals);
        let part = self.random.size(128 * 1024);
        self.arrive(chosen, part);
        true
    }

    /// What has to arrive by now arrives.
    pub(super) fn deliver_due(&mut self) {
        let time = self.time;
        let due: Vec<Arrival> = self
            .network
            .arrivals()
            .filter(|(due, _)| *due <= time)
            .map(|(_, arrival)| arrival)
            .collect();
        for arrival in due {
            self.arrive(arrival, usize::MAX);
        }
    }

    fn arrive(&mut self, arrival: Arrival, part: usize) {
        match arrival {
            Arrival::Bytes(connection, side) => self.bytes_arrive(connection, side, part),
            Arrival::Reset(connection, side) => self.reset_arrives(connection, side),
            Arrival::Connect(socket) => self.connect_arrives(socket),
        }
    }

    fn bytes_arrive(&mut self, id: Id, from: usize, part: usize) {
        let arrival = self.arrival();
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        let to = 1 - from;
        let pipe = &mut connection.pipes[from];
        pipe.due = arrival;
        let (sender, receiver) = (connection.sides[from].socket, connection.sides[to].socket);
        let is_nobody_there = receiver.is_none() || connection.sides[to].is_dead;
        if pipe.sent.is_empty() {
            if pipe.end == End::Sent {
                pipe.end = End::Arrived;
                self.figures.ends += 1;
                self.edge(receiver);
            }
        } else if is_nobody_there {
            // Whoever sends to a closed socket is answered with a reset, and what that one had not sent yet is lost.
            self.reset(id, to);
        } else {
            let count = pipe.deliver(part);
            self.figures.bytes += count as u64;
            let notifies_sender = pipe.wants_room && pipe.has_much_room();
            if notifies_sender {
                pipe.wants_room = false;
            }
            self.edge(receiver);
            if notifies_sender {
                self.edge(sender);
            }
        }
    }

    fn reset_arrives(&mut self, id: Id, to: usize) {
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        connection.sides[to].reset_due = None;
        // Behind the peer's end it is a broken pipe (Linux, tcp_reset).
        let code = match connection.pipes[1 - to].end {
            End::Arrived => libc::EPIPE,
            _ => libc::ECONNRESET,
        };
        self.figures.resets += 1;
        self.kill(id, to, code);
    }
}
