//! What happens without a call: bytes, ends, resets and connects arrive, and time passes.

use super::objects::{Id, Network, State};
use super::pipe::End;
use super::scheduler;
use super::world::{World, with};

/// The most bytes that arrive at once before their latest time.
const MAX_EARLY_PART: usize = 128 * 1024;

/// Advances the world step by step until the program has ended.
pub(super) fn run_world() {
    while !with(|world| world.is_over) {
        with(|world| world.step(scheduler::is_world_alone()));
        shuttle::thread::yield_now();
    }
}

/// Something in flight.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    /// The bytes, or the end, of the pipe that begins at this side of a connection.
    Stream(Id, usize),
    /// A reset at this side of a connection.
    Reset(Id, usize),
    /// The request of a connect.
    Connect(Id),
}

impl Network {
    /// All that is in flight, each with the time by which it arrives.
    fn arrivals(&self) -> impl Iterator<Item = (u64, Arrival)> + '_ {
        let of_connections = self.connections.iter().flat_map(|(id, connection)| {
            (0..2).flat_map(move |side| {
                let pipe = &connection.pipes[side];
                let stream = pipe
                    .can_deliver()
                    .then_some((pipe.due, Arrival::Stream(*id, side)));
                let reset = connection.sides[side].reset_due;
                let reset = reset.map(|due| (due, Arrival::Reset(*id, side)));
                stream.into_iter().chain(reset)
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

    /// The time by which the next arrival happens.
    fn next_arrival(&self) -> Option<u64> {
        self.arrivals().map(|(due, _)| due).min()
    }
}

impl World {
    /// Something arrives, or time passes. `is_alone` means that every thread of the program waits:
    /// then the clock jumps to the next thing that can end a wait.
    fn step(&mut self, is_alone: bool) {
        let early = if is_alone {
            2
        } else {
            self.parameters.early_arrival_once_in
        };
        if self.random.once_in(early) && self.deliver_early() {
            return;
        }
        let next_deadline = self.wait_queue.next_deadline();
        let next_arrival = self.network.next_arrival();
        let next = next_deadline.into_iter().chain(next_arrival).min();
        if !is_alone {
            let step = 1 + self.random.below(self.parameters.clock_step * 8);
            let end = next.map_or(u64::MAX, |next| next.max(self.time));
            self.advance_to((self.time + step).min(end));
        } else if let Some(next) = next {
            self.advance_to(next);
        } else if !self.deliver_early() {
            if self.wait_queue.has_woken() || self.is_over {
                return;
            }
            panic!(
                "deadlock: nothing is in flight, there is no deadline, and {}",
                self.wait_queue.describe()
            );
        }
        self.deliver_due();
    }

    /// Delivers something before its latest time, perhaps in part. Returns whether anything could
    /// be delivered.
    fn deliver_early(&mut self) -> bool {
        let can_be_early = |arrival: &Arrival| match arrival {
            // A host that does not answer yet, or never does, keeps its time.
            Arrival::Connect(id) => matches!(
                self.network.sockets[id].state,
                State::Connecting { due: Some(due), .. }
                    if due <= self.time + self.parameters.latency
            ),
            _ => true,
        };
        let arrivals: Vec<Arrival> = self
            .network
            .arrivals()
            .map(|(_, arrival)| arrival)
            .filter(can_be_early)
            .collect();
        if arrivals.is_empty() {
            return false;
        }
        let chosen = self.random.choose(&arrivals);
        let part = self.random.size(MAX_EARLY_PART);
        self.arrive(chosen, part);
        true
    }

    /// Delivers all that has to arrive by now.
    fn deliver_due(&mut self) {
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
            Arrival::Stream(connection, side) => self.stream_arrives(connection, side, part),
            Arrival::Reset(connection, side) => self.reset_arrives(connection, side),
            Arrival::Connect(socket) => self.connect_arrives(socket),
        }
    }

    fn stream_arrives(&mut self, id: Id, from: usize, part: usize) {
        let arrival = self.draw_arrival();
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        debug_assert!(!connection.is_local, "nothing is in flight within one host");
        let to = 1 - from;
        let pipe = &mut connection.pipes[from];
        pipe.due = arrival;
        let (sender, receiver) = (connection.sides[from].socket, connection.sides[to].socket);
        let is_receiver_gone = receiver.is_none() || connection.sides[to].is_dead;
        if !pipe.has_in_flight() {
            if pipe.end == End::InFlight {
                pipe.end = End::Arrived;
                self.summary.ends += 1;
                self.signal_edge(receiver);
            }
        } else if is_receiver_gone {
            // A closed socket answers bytes with a reset, and loses what it has not sent yet.
            self.reset(id, to);
        } else {
            let count = pipe.deliver(part);
            self.summary.bytes += count as u64;
            let notifies_sender = pipe.sender_wants_room && pipe.is_writable();
            if notifies_sender {
                pipe.sender_wants_room = false;
            }
            self.signal_edge(receiver);
            if notifies_sender {
                self.signal_edge(sender);
            }
        }
    }

    fn reset_arrives(&mut self, id: Id, to: usize) {
        let Some(connection) = self.network.connections.get_mut(&id) else {
            return;
        };
        connection.sides[to].reset_due = None;
        // After the peer's end it is a broken pipe (Linux, tcp_reset).
        let code = match connection.pipes[1 - to].end {
            End::Arrived => libc::EPIPE,
            _ => libc::ECONNRESET,
        };
        self.summary.resets += 1;
        self.fail_side(id, to, code);
    }
}
