//! The remotes: the other ends of the peers. Some use the library, and some do what the library
//! never does.

use std::io;
use std::sync::Arc;

use stream_socket::{Connection, ReadError, Status, Target};

use super::content::{LIMIT, RemoteId, byte, messages, packet};
use super::world::World;
use crate::model::system::{Peer, Random, System};
use crate::model::trace::{note, step};

#[allow(clippy::large_enum_variant, reason = "there are few")]
enum End<S: System> {
    Raw(S::Peer),
    Library(Connection),
}

/// One remote.
pub struct Remote<S: System> {
    world: Arc<World<S>>,
    end: Option<End<S>>,
    kind: usize,
    id: RemoteId,
    /// What is to be sent next, and how many bytes or packets of the stream were made.
    pending: Vec<u8>,
    made: u64,
    /// The offsets in the stream at which unsent packets end.
    packet_ends: Vec<u64>,
    sent: u64,
    received: Vec<u8>,
    is_shut: bool,
}

impl<S: System> Remote<S> {
    /// A remote that connects to the server of `kind`.
    pub fn connect(world: &Arc<World<S>>, kind: usize, random: &mut Random) -> Option<Remote<S>> {
        let address = &world.kinds[kind].server;
        let end = if random.once_in(2) {
            End::Raw(S::connect(address).ok()?)
        } else {
            let connection = Connection::new();
            let target = Target::Address(address.clone());
            connection.connect(target, None, S::now()).ok()?;
            End::Library(connection)
        };
        Some(Remote::new(world, kind, end))
    }

    /// A remote to which a peer has connected.
    pub fn accept(world: &Arc<World<S>>, kind: usize) -> Option<Remote<S>> {
        let connection = world.kinds[kind].remote.accept().ok()??;
        Some(Remote::new(world, kind, End::Library(connection)))
    }

    /// A remote that is `connection`.
    pub fn of(world: &Arc<World<S>>, kind: usize, connection: Connection) -> Remote<S> {
        Remote::new(world, kind, End::Library(connection))
    }

    fn new(world: &Arc<World<S>>, kind: usize, end: End<S>) -> Remote<S> {
        let id = world.model().begin_remote();
        note(|| format!("remote {id} of kind {kind} begins"));
        Remote {
            world: world.clone(),
            end: Some(end),
            kind,
            id,
            pending: Vec::new(),
            made: 0,
            packet_ends: Vec::new(),
            sent: 0,
            received: Vec::new(),
            is_shut: false,
        }
    }

    pub fn is_gone(&self) -> bool {
        self.end.is_none()
    }

    /// Performs one random operation.
    pub fn act(&mut self, random: &mut Random) {
        step();
        match random.below(24) {
            0..=13 => self.send(random),
            14..=20 => {
                self.receive();
            }
            21 if random.once_in(3) => self.shut_down(),
            22 if random.once_in(3) => self.leave(random.once_in(2)),
            23 => {
                if let Some(End::Raw(peer)) = &self.end {
                    peer.mark();
                }
            }
            _ => {}
        }
    }

    /// Makes more of the stream.
    fn make(&mut self, random: &mut Random) {
        let content = &self.world.kinds[self.kind].content;
        match content.format() {
            None => {
                let count = random.size(600) as u64;
                let bytes = (self.made..self.made + count).map(|place| byte(self.id, place));
                self.pending.extend(bytes);
                self.made += count;
            }
            Some(_) => {
                for _ in 0..random.size(80) {
                    let size = random.size(LIMIT - 20);
                    let frame = content.frame(&packet(self.id, self.made, size));
                    let before = self.sent + self.pending.len() as u64;
                    self.packet_ends.push(before + frame.len() as u64);
                    self.pending.extend(frame);
                    self.made += 1;
                }
                if random.once_in(60) {
                    self.world.model().remote(self.id).is_spoiled = true;
                    let frame = content.frame(&packet(self.id, self.made, 2 * LIMIT));
                    self.packet_ends.push(u64::MAX);
                    self.pending.extend(frame);
                }
            }
        }
    }

    fn send(&mut self, random: &mut Random) {
        if self.is_shut || self.end.is_none() {
            return;
        }
        if self.pending.is_empty() {
            self.make(random);
        }
        let size = random.size(self.pending.len());
        let sent = match &self.end {
            Some(End::Raw(peer)) => peer
                .send(&self.pending[..size])
                .map_err(|error| error.kind()),
            Some(End::Library(connection)) => {
                let _ = connection.poll(S::now);
                match connection.status() {
                    Status::Connecting => Err(io::ErrorKind::WouldBlock),
                    _ => {
                        let sent = connection.try_write(&self.pending[..size]);
                        sent.map_err(|_| io::ErrorKind::BrokenPipe)
                    }
                }
            }
            None => return,
        };
        note(|| format!("remote {} sends {size}: {sent:?}", self.id));
        match sent {
            Ok(count) => self.has_sent(count),
            Err(io::ErrorKind::WouldBlock) => {}
            Err(_) => self.fail(),
        }
    }

    fn has_sent(&mut self, count: usize) {
        self.pending.drain(..count);
        self.sent += count as u64;
        let mut model = self.world.model();
        let remote = model.remote(self.id);
        if self.world.kinds[self.kind].content.format().is_none() {
            remote.sent = self.sent;
            return;
        }
        let whole = self.packet_ends.iter().take_while(|end| **end <= self.sent);
        let whole = whole.count();
        self.packet_ends.drain(..whole);
        remote.sent += whole as u64;
    }

    /// The connection has failed.
    fn fail(&mut self) {
        self.world.model().remote(self.id).is_excused = true;
        self.end = None;
    }

    /// Receives. Returns whether more may come.
    fn receive(&mut self) -> bool {
        let received = match &self.end {
            Some(End::Raw(peer)) => match peer.receive(4000) {
                Ok(bytes) => Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => Err(()),
            },
            Some(End::Library(connection)) => {
                let _ = connection.poll(S::now);
                match connection.try_read_with(4000, <[u8]>::to_vec) {
                    Ok(bytes) if bytes.is_empty() => return true,
                    Ok(bytes) => Ok(bytes),
                    Err(ReadError::Connecting) => return true,
                    Err(ReadError::EndOfStream) => Ok(Vec::new()),
                    Err(_) => Err(()),
                }
            }
            None => return false,
        };
        note(|| {
            let count = received.as_ref().map(Vec::len);
            format!("remote {} receives: {count:?}", self.id)
        });
        match received {
            Ok(bytes) if bytes.is_empty() => {
                self.check(true);
                if !self.is_shut {
                    // What is pending is never sent.
                    self.shut_down();
                }
                self.end = None;
                false
            }
            Ok(bytes) => {
                self.received.extend(bytes);
                self.check(false);
                true
            }
            Err(()) => {
                self.fail();
                false
            }
        }
    }

    /// Checks that whole broadcasts have arrived, in order.
    fn check(&self, is_end: bool) {
        let content = &self.world.kinds[self.kind].content;
        let (numbers, has_more) = messages(content, &self.received);
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        // The broadcasts of two threads may come in any order.
        let is_any_order = self.world.is_threaded && sorted.len() == numbers.len();
        assert!(is_any_order || numbers == sorted, "{numbers:?}");
        if is_end {
            let mut model = self.world.model();
            let can_be_cut = model.does_kernel_fail;
            let remote = model.remote(self.id);
            let can_be_cut = can_be_cut || remote.is_excused || remote.peer.is_none();
            assert!(
                !has_more || can_be_cut,
                "a broadcast is incomplete: {remote:?}"
            );
            remote.arrived = Some(numbers);
        }
    }

    /// Ends the sending direction, perhaps within a packet.
    fn shut_down(&mut self) {
        if std::mem::replace(&mut self.is_shut, true) {
            return;
        }
        note(|| {
            format!(
                "remote {} ends, with {} pending",
                self.id,
                self.pending.len()
            )
        });
        let has_ended = match &self.end {
            Some(End::Raw(peer)) => peer.shut_down_writing().is_ok(),
            Some(End::Library(connection)) => connection.shut_down_writing().is_ok(),
            None => return,
        };
        let mut model = self.world.model();
        let remote = model.remote(self.id);
        remote.is_ended |= has_ended;
        remote.is_excused |= !has_ended;
    }

    /// Closes the remote, with a reset or without.
    pub fn leave(&mut self, resets: bool) {
        note(|| format!("remote {} goes, resets {resets}", self.id));
        self.world.model().remote(self.id).is_excused = true;
        match self.end.take() {
            Some(End::Raw(peer)) if resets => peer.reset(),
            Some(End::Library(connection)) if resets => connection.abort(),
            end => drop(end),
        }
    }

    /// Continues to read. Returns whether more may come.
    pub fn drain(&mut self) -> bool {
        self.shut_down();
        self.receive()
    }
}
