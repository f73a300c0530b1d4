//! Programs in which two ends exchange bytes and close.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status, Target};

use super::library::LibraryEnd;
use super::raw::{Leaving, RawEnd};
use super::stream::Stream;
use super::system::{Random, System};
use super::trace::note;

/// One end of a connection.
pub enum End<S: System> {
    Library(LibraryEnd<S>),
    Raw(RawEnd<S>),
}

/// Two ends, and the streams between them.
pub struct Exchange<S: System> {
    pub ends: [End<S>; 2],
    pub streams: [Arc<Stream>; 2],
    pub is_unix: bool,
    /// The timeouts are long enough for everything in flight to arrive.
    pub is_patient: bool,
    /// No relay lies between the ends, so data that one end has handed to the system reaches the
    /// other end within `notify_delay`.
    pub is_direct: bool,
    pub random: Random,
}

impl<S: System> Exchange<S> {
    /// A connection of a random kind. If calls `may_block`, writes wait for room without a limit.
    pub fn new(mut random: Random, may_block: bool) -> Exchange<S> {
        let is_raw = random.once_in(3);
        let is_unix = random.once_in(2);
        let (first, second) = if !is_raw && is_unix && random.once_in(2) {
            let (one, other) = Connection::pair().expect("no fault is set yet");
            (Side::Library(one), Side::Library(other))
        } else {
            connect::<S>(is_unix, is_raw, &mut random)
        };
        let sides = if random.once_in(2) {
            [first, second]
        } else {
            [second, first]
        };
        Exchange::between(sides, is_unix, random, may_block)
    }

    /// An exchange between `sides`, which are connected.
    pub fn between(
        sides: [Side<S>; 2],
        is_unix: bool,
        mut random: Random,
        may_block: bool,
    ) -> Exchange<S> {
        let streams = [
            Arc::new(Stream::new("A to B", random.number())),
            Arc::new(Stream::new("B to A", random.number())),
        ];
        let is_patient = random.once_in(2);
        let budget = S::buffer_size() * 8;
        let budget = random.size(budget).max(random.size(2000).min(budget));
        let mut number = 0;
        let ends = sides.map(|side| {
            let name = ["A", "B"][number];
            let (outgoing, incoming) = (streams[number].clone(), streams[1 - number].clone());
            number += 1;
            match side {
                Side::Library(connection) => {
                    let mut end = LibraryEnd::new(name, connection, incoming, outgoing, budget);
                    end.may_block = may_block;
                    end.set_up(&mut random, is_patient);
                    if random.once_in(3) {
                        end.join_group();
                    }
                    End::Library(end)
                }
                Side::Raw(peer) => {
                    let random = Random::new(random.number());
                    End::Raw(RawEnd::new(name, peer, incoming, outgoing, random, budget))
                }
            }
        });
        note(|| format!("unix {is_unix}, patient {is_patient}, budget {budget}"));
        Exchange {
            ends,
            streams,
            is_unix,
            is_patient,
            is_direct: true,
            random,
        }
    }

    /// Chooses how the two ends leave.
    pub fn leavings(&mut self) -> [Leaving; 2] {
        let all = [
            Leaving::Drain,
            Leaving::Drain,
            Leaving::Drain,
            Leaving::AwaitEnd,
            Leaving::Close,
            Leaving::Close,
            Leaving::Abort,
        ];
        let mut leavings = [self.random.choose(&all), self.random.choose(&all)];
        if leavings == [Leaving::AwaitEnd; 2] {
            leavings[0] = Leaving::Drain;
        }
        leavings
    }

    /// One thread plays both ends.
    pub fn run_alone(mut self) {
        let count = self.random.size(200);
        for _ in 0..count {
            let index = self.random.below(2) as usize;
            match &mut self.ends[index] {
                End::Library(end) => end.act(&mut self.random),
                End::Raw(end) => end.act(),
            }
            if self.is_direct && self.random.once_in(4) {
                self.check_data(1 - index);
            }
        }
        let leavings = self.leavings();
        let mut goes_on = [false; 2];
        for index in if self.random.once_in(2) {
            [0, 1]
        } else {
            [1, 0]
        } {
            match &mut self.ends[index] {
                End::Library(end) => end.leave(leavings[index], &mut self.random),
                End::Raw(end) => end.leave(leavings[index]),
            }
            goes_on[index] = matches!(leavings[index], Leaving::Drain | Leaving::AwaitEnd);
        }
        let mut rounds = 0;
        while goes_on.contains(&true) {
            for (goes_on, end) in goes_on.iter_mut().zip(&mut self.ends) {
                *goes_on = *goes_on
                    && match end {
                        End::Library(end) => end.drain(&mut self.random),
                        End::Raw(end) => end.drain(false),
                    };
            }
            S::sleep(Duration::from_micros(self.random.choose(&[1, 100, 1000])));
            rounds += 1;
            assert!(rounds < 1_000_000, "the exchange does not end");
        }
        self.finish();
    }

    /// Checks that the end `index` sees in a poll what the other end has handed to the system.
    fn check_data(&mut self, index: usize) {
        let other = match &self.ends[1 - index] {
            // A connection that has ended has dropped what it had accepted and not sent.
            End::Library(end) if end.connection.status() != Status::Connected => return,
            End::Library(end) => end.connection.pending_bytes() as u64,
            End::Raw(_) => 0,
        };
        let handed_over = {
            let state = self.streams[1 - index].state();
            state.accepted - other - state.received
        };
        let End::Library(end) = &self.ends[index] else {
            return;
        };
        let is_by_library = matches!(&self.ends[1 - index], End::Library(_));
        let stream = self.streams[1 - index].state().clone();
        if handed_over == 0 || stream.outcome.is_some() || stream.does_kernel_fail {
            return;
        }
        if !self.is_unix || !is_by_library {
            S::sleep(super::notify_delay::<S>());
        }
        if end.connection.status() != Status::Connected {
            return;
        }
        if let Some((group, key)) = end.group()
            && self.random.once_in(2)
        {
            let mut visited = false;
            group.poll(Some(Duration::ZERO), |visited_key| {
                visited |= visited_key == *key;
                if end.poll() {
                    stream_socket::Visit::Ready
                } else {
                    stream_socket::Visit::Idle
                }
            });
            assert!(
                visited,
                "{}: the group has not noticed {handed_over} bytes",
                end.name
            );
            return;
        }
        let has_data = end.poll();
        if end.connection.status() == Status::Connected {
            assert!(
                has_data,
                "{}: a poll has not noticed {handed_over} bytes",
                end.name
            );
        }
    }

    /// Closes both ends, and checks the streams.
    pub fn finish(self) {
        for end in &self.ends {
            if let End::Library(end) = end {
                end.finish();
            }
        }
        for stream in &self.streams {
            stream.check(self.is_unix);
        }
    }
}

/// One side of a connection, before a program uses it.
#[allow(clippy::large_enum_variant, reason = "there are two")]
pub enum Side<S: System> {
    Library(Connection),
    Raw(S::Peer),
}

/// A listener and its address.
pub fn listen<S: System>(is_unix: bool, random: &mut Random) -> (Listener, Address) {
    let listener = Listener::new();
    let bind = if is_unix {
        BindAddress::Unix(S::fresh_path())
    } else {
        loopback(random)
    };
    listener
        .listen(&bind, ListenOptions::new(5))
        .expect("the address is free");
    let address = match bind {
        BindAddress::Unix(path) => Address::Unix(path),
        BindAddress::Inet(address) => Address::Inet((address.ip(), listener.local_port()).into()),
        BindAddress::Any { .. } => unreachable!(),
    };
    (listener, address)
}

/// A free port of a loopback address.
pub fn loopback(random: &mut Random) -> BindAddress {
    let ip = random.choose(&[
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        Ipv4Addr::LOCALHOST.into(),
        Ipv6Addr::LOCALHOST.into(),
    ]);
    BindAddress::Inet((ip, 0).into())
}

/// Two sides that are connected through a listener.
pub fn connect<S: System>(is_unix: bool, is_raw: bool, random: &mut Random) -> (Side<S>, Side<S>) {
    let (listener, address) = listen::<S>(is_unix, random);
    meet(&listener, address, is_raw)
}

/// The side that connects to `address`, and the side that `listener` accepts.
pub fn meet<S: System>(listener: &Listener, address: Address, is_raw: bool) -> (Side<S>, Side<S>) {
    let client = if is_raw {
        Side::Raw(S::connect(&address).expect("the listener listens"))
    } else {
        let client = Connection::new();
        client
            .connect(
                Target::Address(address),
                Some(Duration::from_secs(10)),
                S::now(),
            )
            .expect("the listener listens");
        while client.status() == Status::Connecting {
            client.poll(S::now).expect("the listener listens");
            S::sleep(Duration::from_micros(100));
        }
        Side::Library(client)
    };
    let server = loop {
        if let Some(server) = listener.accept().expect("no fault is set yet") {
            break server;
        }
        S::sleep(Duration::from_micros(100));
    };
    (client, Side::Library(server))
}
