//! Sending, receiving and ending, as Linux answers.

use std::io;

use super::faults::{Fault, os_error};
use super::id::Id;
use super::network::{Connection, State};
use super::pipe::End;
use super::world::World;

impl World {
    /// The connection of a socket, its number, and which side it is.
    fn connection(&mut self, id: Id) -> io::Result<(Id, usize, &mut Connection)> {
        let Some(State::Connected {
            connection, side, ..
        }) = self.network.sockets.get(&id).map(|socket| &socket.state)
        else {
            return Err(os_error(libc::ENOTCONN));
        };
        let (number, side) = (*connection, *side);
        match self.network.connections.get_mut(&number) {
            Some(connection) => Ok((number, side, connection)),
            None => Err(os_error(libc::ENOTCONN)),
        }
    }

    pub(super) fn send(&mut self, id: Id, data: &[u8]) -> io::Result<usize> {
        let arrival = self.arrival();
        let fails = self.fails(Fault::NoBuffers);
        let is_short = self.fails(Fault::ShortSend);
        let is_silent = self.fails(Fault::Silence);
        let part = self.random.size(data.len().max(1));
        let (number, side, connection) = self.connection(id).map_err(|_| os_error(libc::EPIPE))?;
        let is_local = connection.is_local;
        if is_silent && !is_local {
            self.kill(number, side, libc::ETIMEDOUT);
            // The peer finds out too, in its time.
            self.reset(number, side);
        }
        let (_, _, connection) = self.connection(id)?;
        let error = &mut connection.sides[side].error;
        if !is_local && let Some(code) = error.take() {
            return Err(os_error(code));
        }
        let is_peer_gone = is_local && connection.sides[1 - side].socket.is_none();
        let is_dead = connection.sides[side].is_dead;
        let peer = connection.sides[1 - side].socket;
        let pipe = &mut connection.pipes[side];
        if is_dead || is_peer_gone || pipe.end != End::Open {
            return Err(os_error(libc::EPIPE));
        }
        if fails {
            return Err(os_error(libc::ENOBUFS));
        }
        let room = pipe.room();
        if room == 0 {
            pipe.wants_room = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut count = data.len().min(room);
        if is_short {
            count = count.min(part);
        }
        let was_moving = pipe.is_moving();
        pipe.take(&data[..count]);
        if is_local {
            self.figures.bytes += count as u64;
            self.edge(peer);
        } else if !was_moving {
            pipe.due = arrival;
        }
        Ok(count)
    }

    /// Reads on the other side stop behind what was sent so far.
    pub(super) fn mark(&mut self, id: Id) {
        if let Ok((_, side, connection)) = self.connection(id) {
            connection.pipes[side].mark();
        }
    }

    pub(super) fn receive(&mut self, id: Id, limit: usize) -> io::Result<Vec<u8>> {
        let arrival = self.arrival();
        let is_short = self.fails(Fault::ShortReceive);
        let part = self.random.size(limit.max(1));
        let (_, side, connection) = self.connection(id)?;
        let is_local = connection.is_local;
        let peer = connection.sides[1 - side].socket;
        let pipe = &mut connection.pipes[1 - side];
        if !pipe.arrived.is_empty() {
            if limit == 0 {
                return Ok(Vec::new());
            }
            let could_move = pipe.is_moving();
            let bytes = pipe.read(if is_short { limit.min(part) } else { limit });
            if !could_move && pipe.is_moving() {
                pipe.due = arrival;
            }
            let notifies_sender = is_local && pipe.wants_room && pipe.has_much_room();
            if notifies_sender {
                pipe.wants_room = false;
                self.edge(peer);
            }
            return Ok(bytes);
        }
        let is_ended = pipe.end == End::Arrived;
        let state = &mut connection.sides[side];
        // Over TCP the end comes before the error, in a Unix domain socket behind it.
        if is_ended && !is_local {
            return Ok(Vec::new());
        }
        if let Some(code) = state.error.take() {
            return Err(os_error(code));
        }
        if is_ended || state.is_dead {
            return Ok(Vec::new());
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    pub(super) fn unread(&mut self, id: Id) -> io::Result<usize> {
        let (_, side, connection) = self.connection(id).map_err(|_| os_error(libc::EINVAL))?;
        let pipe = &connection.pipes[1 - side];
        Ok(if connection.is_local {
            pipe.arrived.len()
        } else {
            pipe.readable()
        })
    }

    /// How much of what was sent has not arrived.
    pub(super) fn unacknowledged(&mut self, id: Id) -> usize {
        self.connection(id).map_or(0, |(_, side, connection)| {
            let pipe = &connection.pipes[side];
            if connection.is_local {
                pipe.arrived.len()
            } else {
                pipe.sent.len()
            }
        })
    }

    pub(super) fn shut_down(&mut self, id: Id) -> io::Result<()> {
        let arrival = self.arrival();
        let (_, side, connection) = self.connection(id)?;
        if connection.sides[side].is_dead {
            return Err(os_error(libc::ENOTCONN));
        }
        let is_local = connection.is_local;
        let peer = connection.sides[1 - side].socket;
        let pipe = &mut connection.pipes[side];
        if pipe.end == End::Open {
            if is_local {
                pipe.end = End::Arrived;
                self.figures.ends += 1;
                self.edge(peer);
            } else {
                let was_moving = pipe.is_moving();
                pipe.end = End::Sent;
                if !was_moving {
                    pipe.due = arrival;
                }
            }
            self.edge(Some(id));
        }
        Ok(())
    }

    /// The failure of a socket that was not told yet.
    pub(super) fn take_error(&mut self, id: Id) -> Option<i32> {
        if let State::Failed(code) = self.socket(id).state {
            self.socket(id).state = State::Unconnected;
            return Some(code);
        }
        let (_, side, connection) = self.connection(id).ok()?;
        connection.sides[side].error.take()
    }
}
