//! One end of a connection that does not use the library, and does what the library never does.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::stream::{Outcome, Stream};
use super::system::{Peer, Random, System};
use super::trace::{note, step};

/// The end.
pub struct RawEnd<S: System> {
    name: &'static str,
    peer: Option<S::Peer>,
    incoming: Arc<Stream>,
    outgoing: Arc<Stream>,
    random: Random,
    /// It has ended its sending direction.
    is_shut: bool,
    /// The most bytes that it receives at a time.
    bite: usize,
    /// How many more bytes it may send.
    budget: usize,
}

impl<S: System> RawEnd<S> {
    pub fn new(
        name: &'static str,
        peer: S::Peer,
        incoming: Arc<Stream>,
        outgoing: Arc<Stream>,
        mut random: Random,
        budget: usize,
    ) -> RawEnd<S> {
        let bite = random.choose(&[1, 7, 4096, 1 << 20]).max(budget / 64);
        RawEnd {
            name,
            peer: Some(peer),
            incoming,
            outgoing,
            random,
            is_shut: false,
            bite,
            budget,
        }
    }

    /// Performs one random operation.
    pub fn act(&mut self) {
        step();
        match self.random.below(10) {
            0..=3 => self.send(),
            4..=7 => {
                self.receive();
            }
            8 => {
                if let Some(peer) = &self.peer {
                    peer.mark();
                }
            }
            _ => {
                let time = S::patience(&mut self.random);
                S::sleep(time);
            }
        }
    }

    fn send(&mut self) {
        let Some(peer) = &self.peer else {
            return;
        };
        if self.is_shut || self.budget == 0 {
            return;
        }
        let size = self.random.size(S::buffer_size() * 2).min(self.budget);
        let data = self.outgoing.offer(size);
        let sent = peer.send(&data);
        note(|| format!("{} sends {size}: {sent:?}", self.name));
        let count = sent.as_ref().copied().unwrap_or(0);
        self.budget -= count;
        self.outgoing.accept(count);
        if let Err(error) = sent
            && error.kind() != io::ErrorKind::WouldBlock
        {
            self.outgoing.state().is_sender_notified = true;
            self.incoming.state().is_receiver_notified = true;
            self.is_shut = true;
        }
    }

    /// Receives. Returns whether more may come.
    fn receive(&mut self) -> bool {
        let Some(peer) = &self.peer else {
            return false;
        };
        let received = peer.receive(self.bite);
        note(|| {
            let count = received.as_ref().map(Vec::len);
            format!("{} receives {}: {count:?}", self.name, self.bite)
        });
        match received {
            Ok(bytes) if bytes.is_empty() => {
                self.incoming.end(Outcome::End);
                false
            }
            Ok(bytes) => {
                self.incoming.receive(&bytes);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
            Err(_) => {
                self.incoming.end(Outcome::Failure);
                false
            }
        }
    }

    /// Starts to leave: from now on the end only reads, or it is closed.
    pub fn leave(&mut self, how: Leaving) {
        step();
        note(|| format!("{} leaves: {how:?}", self.name));
        let Some(peer) = self.peer.take() else {
            return;
        };
        match how {
            Leaving::Drain | Leaving::AwaitEnd => {
                self.incoming.state().is_read_to_its_end = true;
                if !self.is_shut {
                    let _ = peer.shut_down_writing();
                    self.is_shut = true;
                }
                self.peer = Some(peer);
            }
            Leaving::Close => {
                self.excuse("the peer has closed with something unread, or without reading on");
            }
            Leaving::Abort => {
                self.excuse("the peer has reset");
                peer.reset();
            }
        }
    }

    fn excuse(&self, reason: &'static str) {
        self.incoming.excuse(reason);
        self.outgoing.excuse(reason);
    }

    /// Continues to read. Returns whether more may come.
    pub fn drain(&mut self, waits: bool) -> bool {
        step();
        if waits && let Some(peer) = &self.peer {
            peer.wait_readable(Duration::from_millis(10));
        }
        let goes_on = self.receive();
        if !goes_on {
            self.peer = None;
        }
        goes_on
    }
}

/// How an end leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It ends its sending direction, and reads to the end.
    Drain,
    /// It reads to the end, and then closes.
    AwaitEnd,
    /// It closes without reading on. All that was accepted is still sent.
    Close,
    /// It resets the connection.
    Abort,
}
