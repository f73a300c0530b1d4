//! Sending, receiving and ending a stream, with the results and errors of Linux.

use std::io;

use super::faults::{Fault, os_error};
use super::objects::{Id, SocketPair, State};
use super::pipe::End;
use super::world::World;

/// The connection of a socket, as one of its two sides sees it.
struct Joined<'a> {
    id: Id,
    side: usize,
    connection: &'a mut SocketPair,
}

impl World {
    fn connection(&mut self, id: Id) -> io::Result<Joined<'_>> {
        let Some(State::Connected {
            connection, side, ..
        }) = self.network.sockets.get(&id).map(|socket| &socket.state)
        else {
            return Err(os_error(libc::ENOTCONN));
        };
        let (number, side) = (*connection, *side);
        let Some(connection) = self.network.connections.get_mut(&number) else {
            return Err(os_error(libc::ENOTCONN));
        };
        debug_assert_eq!(
            connection.sides[side].socket,
            Some(id),
            "a socket and its side of a connection name each other"
        );
        Ok(Joined {
            id: number,
            side,
            connection,
        })
    }

    pub(super) fn send(&mut self, id: Id, data: &[u8]) -> io::Result<usize> {
        let arrival = self.draw_arrival();
        let fails = self.fails(Fault::NoBuffers);
        let is_short = self.fails(Fault::ShortSend);
        let times_out = self.fails(Fault::PeerTimeout);
        let part = self.random.size(data.len().max(1));
        let joined = self.connection(id).map_err(|_| os_error(libc::EPIPE))?;
        let (number, side) = (joined.id, joined.side);
        let is_local = joined.connection.is_local;
        if times_out && !is_local {
            self.fail_side(number, side, libc::ETIMEDOUT);
            // The peer learns of it too, by a reset.
            self.reset(number, side);
        }
        let connection = self.connection(id)?.connection;
        let error = &mut connection.sides[side].error;
        if !is_local && let Some(code) = error.take() {
            return Err(os_error(code));
        }
        let is_dead = connection.sides[side].is_dead;
        let peer = connection.sides[1 - side].socket;
        let is_peer_closed = is_local && peer.is_none();
        let pipe = &mut connection.pipes[side];
        if is_dead || is_peer_closed || pipe.end != End::Open {
            return Err(os_error(libc::EPIPE));
        }
        if fails {
            return Err(os_error(libc::ENOBUFS));
        }
        let room = pipe.room();
        if room == 0 {
            pipe.sender_wants_room = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut count = data.len().min(room);
        if is_short {
            count = count.min(part);
        }
        let could_deliver = pipe.can_deliver();
        pipe.push(&data[..count]);
        if is_local {
            self.summary.bytes += count as u64;
            self.signal_edge(peer);
        } else if !could_deliver {
            pipe.due = arrival;
        }
        Ok(count)
    }

    /// Makes reads of the peer stop after the bytes that were sent so far.
    pub(super) fn mark(&mut self, id: Id) {
        if let Ok(joined) = self.connection(id) {
            joined.connection.pipes[joined.side].mark();
        }
    }

    pub(super) fn receive(&mut self, id: Id, limit: usize) -> io::Result<Vec<u8>> {
        let arrival = self.draw_arrival();
        let is_short = self.fails(Fault::ShortReceive);
        let part = self.random.size(limit.max(1));
        let Joined {
            side, connection, ..
        } = self.connection(id)?;
        let is_local = connection.is_local;
        let peer = connection.sides[1 - side].socket;
        let pipe = &mut connection.pipes[1 - side];
        if pipe.has_arrived() {
            if limit == 0 {
                return Ok(Vec::new());
            }
            let could_deliver = pipe.can_deliver();
            let bytes = pipe.read(if is_short { limit.min(part) } else { limit });
            if !could_deliver && pipe.can_deliver() {
                pipe.due = arrival;
            }
            let notifies_sender = is_local && pipe.sender_wants_room && pipe.is_writable();
            if notifies_sender {
                pipe.sender_wants_room = false;
                self.signal_edge(peer);
            }
            return Ok(bytes);
        }
        let is_ended = pipe.end == End::Arrived;
        let state = &mut connection.sides[side];
        // Over TCP the end comes before the error; in a Unix domain socket it comes after.
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

    pub(super) fn unread_bytes(&mut self, id: Id) -> io::Result<usize> {
        let joined = self.connection(id).map_err(|_| os_error(libc::EINVAL))?;
        Ok(joined.connection.pipes[1 - joined.side].unread())
    }

    pub(super) fn unacknowledged_bytes(&mut self, id: Id) -> usize {
        self.connection(id).map_or(0, |joined| {
            joined.connection.pipes[joined.side].unacknowledged()
        })
    }

    pub(super) fn shut_down_writing(&mut self, id: Id) -> io::Result<()> {
        let arrival = self.draw_arrival();
        let Joined {
            side, connection, ..
        } = self.connection(id)?;
        if connection.sides[side].is_dead {
            return Err(os_error(libc::ENOTCONN));
        }
        let is_local = connection.is_local;
        let peer = connection.sides[1 - side].socket;
        let pipe = &mut connection.pipes[side];
        if pipe.end == End::Open {
            if is_local {
                pipe.end = End::Arrived;
                self.summary.ends += 1;
                self.signal_edge(peer);
            } else {
                let could_deliver = pipe.can_deliver();
                pipe.end = End::InFlight;
                if !could_deliver {
                    pipe.due = arrival;
                }
            }
            self.signal_edge(Some(id));
        }
        Ok(())
    }

    /// The pending error of a socket, which is cleared (socket(7), SO_ERROR).
    pub(super) fn take_error(&mut self, id: Id) -> Option<i32> {
        if let State::Failed(code) = self.network.socket(id).state {
            self.network.socket(id).state = State::Unconnected;
            return Some(code);
        }
        let joined = self.connection(id).ok()?;
        joined.connection.sides[joined.side].error.take()
    }
}
