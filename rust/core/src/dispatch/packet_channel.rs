//! The packets of a stream, which may be replaced: who gets each, and when there are no more.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::connection::Connection;
use crate::dispatch::nesting::Nesting;
use crate::dispatch::subject::{self, OwnEvent, Peer, Subject};
use crate::error::{ReadError, copy_of};
use crate::event::{Deliverer, Delivery};
use crate::packets::framing::Framing;
use crate::packets::packet_reader::PacketReader;
use crate::poll::group::{Pollable, PollableRef};
use crate::sync::{Mutex, MutexGuard, lock};

/// One poll of a channel delivers so many packets at most.
const MAX_PER_POLL: usize = 1024;

/// Packets over a peer's stream.
///
/// A packet stays with the connection until somebody takes it: a caller of [`take`](Self::take), or a poll for those who
/// listen at that moment. Each listener gets each packet once and in order, whichever poll takes it: a poll of an event loop
/// delivers it to the listeners of the channel at once, and to the other loops that listen when these are polled.
pub struct PacketChannel<P> {
    /// The event loops that the channel is a member of. Locked before `state`.
    watchers: Mutex<Vec<Watching>>,
    state: Mutex<State<P>>,
    /// Which thread delivers.
    delivery: Mutex<Turn>,
}

/// What packets look like in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// What stands around a packet.
    pub framing: Framing,
    /// How many bytes a packet may have, without that.
    pub limit: usize,
}

struct State<P> {
    peer: Option<P>,
    /// Channels that were made alike share it.
    format: Arc<Format>,
    reader: PacketReader,
    /// The version of the stream since it could not be cut into packets any more, until that was reported.
    failed_at: Option<u64>,
}

/// Which thread delivers, and whether another one has asked meanwhile.
#[derive(Default)]
struct Turn {
    deliverer: Deliverer,
    is_asked: bool,
}

/// An event loop, as its members see it.
pub(super) trait Watcher: Send + Sync {
    /// Whether anybody listens to packets there.
    fn wants_packets(&self) -> bool;

    /// Whether another packet of the member `key` can wait there.
    fn has_room(&self, key: usize) -> bool;

    /// Has the next poll deliver a packet of the member `key`.
    fn push_packet(&self, key: usize, packet: &[u8]);

    /// Has the next poll visit the member `key`.
    fn report(&self, key: usize);

    /// The member `key` has another connection.
    fn replace(&self, key: usize, old: Option<PollableRef<'_>>, new: Option<PollableRef<'_>>);
}

/// An event loop, and the key of the channel there.
type Watching = (Weak<dyn Watcher>, usize);

/// The event loop that polls a channel.
pub(super) trait Visitor<S: Subject> {
    /// The key of the channel there.
    fn key(&self) -> usize;

    /// Whether it is this one.
    fn is(&self, watcher: &Weak<dyn Watcher>) -> bool;

    /// Delivers what waits for the loop's listeners. False if the channel is not a member any more.
    fn catch_up(&mut self) -> bool;

    /// Whether anybody listens to packets there.
    fn wants_packets(&mut self) -> bool;

    /// Has a packet wait for the loop's listeners.
    fn push_packet(&self, packet: &[u8]);

    /// Notifies the loop's listeners.
    fn notify(&mut self, packet: &S::Packet);
}

/// How a delivery has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// No packet is left.
    All,
    /// A packet may be left.
    InPart,
    /// Another event loop that listens has no room for the next packet: it has to be polled before.
    NoRoom,
    /// A packet is there that nobody listens to.
    Unwanted,
    /// Another thread delivers, and reports to the loops when it has ended that.
    Elsewhere,
    /// The channel is not a member any more.
    Removed,
}

impl<P> fmt::Debug for PacketChannel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketChannel").finish_non_exhaustive()
    }
}

impl<P: Peer> PacketChannel<P> {
    /// A channel without a stream.
    pub fn new(format: Arc<Format>) -> PacketChannel<P> {
        PacketChannel {
            watchers: Mutex::default(),
            state: Mutex::new(State {
                peer: None,
                reader: PacketReader::new(format.framing.clone(), format.limit),
                format,
                failed_at: None,
            }),
            delivery: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<P>> {
        lock(&self.state)
    }

    /// The peer whose stream the packets are in.
    pub fn peer(&self) -> Option<P> {
        self.state().peer.clone()
    }

    /// Calls `then` with the peer, if there is one, and the format. It runs with the channel locked.
    pub(super) fn with_peer<R>(
        &self,
        then: impl FnOnce(&P, &Arc<Format>) -> Option<R>,
    ) -> Option<R> {
        let state = self.state();
        then(state.peer.as_ref()?, &state.format)
    }

    /// Whether `connection` is that of the peer.
    pub(super) fn is_over(&self, connection: &Connection) -> bool {
        let is_it = |peer: &P| std::ptr::eq(peer.connection(), connection);
        self.state().peer.as_ref().is_some_and(is_it)
    }

    /// Puts `peer` in the place of the one that is given back, also in the event loops.
    #[must_use = "the peer before it may be the last reference, and should go without a lock"]
    pub fn set_peer(&self, peer: Option<P>) -> Option<P> {
        let watchers = lock(&self.watchers);
        let old = {
            let mut state = self.state();
            state.reader.forget();
            state.failed_at = None;
            std::mem::replace(&mut state.peer, peer.clone())
        };
        let member = |peer: &Option<P>, then: &mut dyn FnMut(Option<PollableRef<'_>>)| {
            then(peer.as_ref().map(|peer| peer.connection().as_pollable()));
        };
        let loops = watchers.iter();
        let loops: Vec<_> = loops
            .filter_map(|(watcher, key)| Some((watcher.upgrade()?, *key)))
            .collect();
        for (watcher, key) in &loops {
            member(&old, &mut |old| {
                member(&peer, &mut |new| watcher.replace(*key, old, new));
            });
        }
        drop(watchers);
        // Either may be the last reference.
        drop((loops, peer));
        if let Some(old) = &old {
            // What was broadcast to it in this poll is not sent at the end of it.
            old.connection().try_flush();
        }
        old
    }

    /// Makes the channel a member of an event loop. `join` adds the connection there, and gives the key.
    pub(super) fn watch(
        &self,
        watcher: Weak<dyn Watcher>,
        join: impl FnOnce(Option<&Connection>) -> usize,
    ) -> usize {
        let mut watchers = lock(&self.watchers);
        let peer = self.peer();
        let key = join(peer.as_ref().map(Peer::connection));
        watchers.retain(|(watcher, _)| watcher.strong_count() > 0);
        watchers.push((watcher, key));
        drop(watchers);
        drop(peer);
        key
    }

    /// Ends that. `part` removes the connection there.
    pub(super) fn unwatch(
        &self,
        watcher: &Weak<dyn Watcher>,
        key: usize,
        part: impl FnOnce(Option<&Connection>),
    ) {
        let mut watchers = lock(&self.watchers);
        watchers.retain(|(other, other_key)| !(is_same(other, watcher) && *other_key == key));
        let peer = self.peer();
        part(peer.as_ref().map(Peer::connection));
        drop(watchers);
        drop(peer);
    }

    /// What a packet looks like in the stream.
    pub fn format(&self) -> Arc<Format> {
        self.state().format.clone()
    }

    /// Changes how packets are told apart, from the next one on.
    pub fn set_format(&self, format: Arc<Format>) {
        let mut state = self.state();
        state.reader = PacketReader::new(format.framing.clone(), format.limit);
        state.format = format;
        drop(state);
        self.report();
    }

    /// Takes the next packet, if there is one, and makes a value of it. Does not wait. `value` runs with the connection locked,
    /// so it must not use it. `None` without a peer.
    ///
    /// If the stream cannot be cut into packets any more, since what has come is not a packet, or it has ended or failed within
    /// one, nobody can do anything with it: it is disconnected, with that as the reason.
    pub fn take<R>(&self, value: impl FnOnce(&[u8]) -> R) -> Option<Result<Option<R>, ReadError>> {
        self.read(|reader, connection| reader.read(connection, value))
    }

    /// How many packets are there as a whole, as far as they have 64 KiB together; none is taken.
    pub fn count(&self) -> Option<Result<usize, ReadError>> {
        self.read(PacketReader::count)
    }

    fn read<R>(
        &self,
        read: impl FnOnce(&mut PacketReader, &Connection) -> Result<R, ReadError>,
    ) -> Option<Result<R, ReadError>> {
        let mut state = self.state();
        let State { peer, reader, .. } = &mut *state;
        let connection = peer.as_ref()?.connection();
        let version = connection.version();
        let outcome = read(reader, connection);
        if let Err(error) = &outcome
            && let Some(error) = final_error(error)
            && connection.end_unusable(version, error)
        {
            state.failed_at = Some(state.version());
        }
        Some(outcome)
    }

    /// Delivers the packets that are there, as far as somebody listens, to the listeners of `subject`, whose channel this is.
    /// The peer was polled before.
    pub fn poll<S: Subject<Peer = P>>(&self, subject: &S) {
        if let Some(_nesting) = Nesting::enter() {
            self.deliver::<S>(subject, None, MAX_PER_POLL);
        }
    }

    /// As [`poll`](Self::poll), for the event loop of `visitor` too: at most `most` packets.
    pub(super) fn deliver<S: Subject<Peer = P>>(
        &self,
        subject: &S,
        visitor: Option<&mut dyn Visitor<S>>,
        most: usize,
    ) -> Delivered {
        let delivery = {
            let mut turn = lock(&self.delivery);
            let delivery = turn.deliverer.begin();
            turn.is_asked |= delivery == Delivery::Elsewhere;
            delivery
        };
        if delivery == Delivery::Elsewhere {
            return Delivered::Elsewhere;
        }
        let ending = Ending {
            channel: self,
            delivery,
        };
        let delivered = self.deliver_packets(subject, visitor, most);
        drop(ending);
        if let Some(peer) = self.deliver_failure(subject)
            && peer.connection().has_events()
        {
            subject::deliver(&peer);
        }
        delivered
    }

    fn deliver_packets<S: Subject<Peer = P>>(
        &self,
        subject: &S,
        mut visitor: Option<&mut dyn Visitor<S>>,
        most: usize,
    ) -> Delivered {
        for _ in 0..most {
            if visitor.as_mut().is_some_and(|visitor| !visitor.catch_up()) {
                return Delivered::Removed;
            }
            // No lock is held while listeners are asked.
            let is_wanted_here = subject.wants_packets();
            let is_wanted_there = visitor
                .as_mut()
                .is_some_and(|visitor| visitor.wants_packets());
            if !is_wanted_here && !is_wanted_there {
                return match self.read(PacketReader::has_packet) {
                    Some(Ok(true)) => Delivered::Unwanted,
                    _ => Delivered::All,
                };
            }
            let others = self.others(visitor.as_deref());
            if others.iter().any(|(watcher, key)| !watcher.has_room(*key)) {
                return Delivered::NoRoom;
            }
            let taken = self.take(|bytes| {
                for (watcher, key) in &others {
                    watcher.push_packet(*key, bytes);
                }
                (
                    S::packet(bytes),
                    (is_wanted_here && is_wanted_there).then(|| bytes.to_vec()),
                )
            });
            let Some(Ok(Some((packet, bytes)))) = taken else {
                return Delivered::All;
            };
            if is_wanted_here {
                if let (Some(visitor), Some(bytes)) = (&visitor, bytes) {
                    // A handler that polls the loop is notified of this packet before the next one.
                    visitor.push_packet(&bytes);
                }
                subject.notify(OwnEvent::PacketReceived(&packet));
            } else if let Some(visitor) = &mut visitor {
                visitor.notify(&packet);
            }
        }
        match visitor.is_none_or(|visitor| visitor.catch_up()) {
            true => Delivered::InPart,
            false => Delivered::Removed,
        }
    }

    /// Delivers that the stream could not be cut into packets any more. The peer, which may have more to report then.
    pub(super) fn deliver_failure<S: Subject<Peer = P>>(&self, subject: &S) -> Option<P> {
        let (peer, has_failed) = {
            let mut state = self.state();
            let version = state.version();
            let failed_at = state.failed_at.take();
            // A stream that has connected again has another story.
            (state.peer.clone(), failed_at == Some(version))
        };
        let peer = peer?;
        if has_failed && let Some(ended) = peer.connection().ended() {
            subject.notify(OwnEvent::Failed(&ended.error));
        }
        Some(peer)
    }

    /// The other event loops that listen to packets.
    fn others<S: Subject<Peer = P>>(
        &self,
        visitor: Option<&dyn Visitor<S>>,
    ) -> Vec<(Arc<dyn Watcher>, usize)> {
        let watchers = lock(&self.watchers);
        if watchers.len() <= usize::from(visitor.is_some()) {
            return Vec::new();
        }
        let is_visitor = |watcher: &Weak<dyn Watcher>, key| {
            visitor.is_some_and(|visitor| visitor.is(watcher) && visitor.key() == key)
        };
        let others = watchers
            .iter()
            .filter(|(watcher, key)| !is_visitor(watcher, *key));
        let mut others: Vec<_> = others
            .filter_map(|(watcher, key)| Some((watcher.upgrade()?, *key)))
            .collect();
        drop(watchers);
        others.retain(|(watcher, _)| watcher.wants_packets());
        others
    }

    /// Has the event loops visit the channel.
    fn report(&self) {
        let watchers = lock(&self.watchers).clone();
        for (watcher, key) in watchers {
            if let Some(watcher) = watcher.upgrade() {
                watcher.report(key);
            }
        }
    }
}

impl<P: Peer> State<P> {
    fn version(&self) -> u64 {
        let peer = self.peer.as_ref();
        peer.map_or(0, |peer| peer.connection().version())
    }
}

/// Ends a delivery, also one whose handler has panicked.
struct Ending<'a, P: Peer> {
    channel: &'a PacketChannel<P>,
    delivery: Delivery,
}

impl<P: Peer> Drop for Ending<'_, P> {
    fn drop(&mut self) {
        let is_asked = {
            let mut turn = lock(&self.channel.delivery);
            turn.deliverer.end(self.delivery);
            self.delivery == Delivery::Begun && std::mem::take(&mut turn.is_asked)
        };
        if is_asked {
            self.channel.report();
        }
    }
}

pub(super) fn is_same(one: &Weak<dyn Watcher>, other: &Weak<dyn Watcher>) -> bool {
    std::ptr::addr_eq(one.as_ptr(), other.as_ptr())
}

/// The error once more, if no packet can follow it.
fn final_error(error: &ReadError) -> Option<ReadError> {
    Some(match error {
        ReadError::Malformed { peer, what } => ReadError::Malformed {
            peer: peer.clone(),
            what,
        },
        ReadError::PacketTooLong { peer, limit } => ReadError::PacketTooLong {
            peer: peer.clone(),
            limit: *limit,
        },
        ReadError::Truncated { peer } => ReadError::Truncated { peer: peer.clone() },
        ReadError::Socket { peer, source } => ReadError::Socket {
            peer: peer.clone(),
            source: copy_of(source),
        },
        _ => return None,
    })
}
