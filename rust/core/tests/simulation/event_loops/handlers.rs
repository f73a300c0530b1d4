//! The actions of handlers: any call of the library.

use std::sync::atomic::Ordering;
use std::time::Duration;

use stream_socket::{Connection, ReadError};

use super::content::{LIMIT, NEWLINE, packet_number};
use super::subjects::{Object, Role, TestPeer};
use super::world::World;
use crate::model::system::System;
use crate::model::trace::{note, step};

impl<S: System> World<S> {
    /// A random number below `end`. Releases the lock of the generator before it returns.
    pub fn chance(&self, end: u64) -> u64 {
        self.random().below(end)
    }

    fn once_in(&self, times: u64) -> bool {
        self.chance(times) == 0
    }

    /// Called in a handler that was notified about `object` or `peer`.
    pub fn react(&self, object: Option<&Object<S>>, peer: Option<&TestPeer<S>>) {
        if self.is_calm.load(Ordering::Relaxed) || !self.once_in(3) {
            return;
        }
        let left = &self.actions_left;
        let take = |left: usize| left.checked_sub(1);
        if left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_err()
        {
            return;
        }
        let own = peer.cloned().or_else(|| object?.peer());
        let object = match object {
            Some(object) if !self.once_in(4) => Some(object.clone()),
            _ => self.any_object(),
        };
        self.act(object.as_ref(), own.as_ref());
    }

    /// Makes a random call with `object` or `peer`.
    pub fn act(&self, object: Option<&Object<S>>, peer: Option<&TestPeer<S>>) {
        let index = self.chance(2) as usize;
        match (self.chance(19), object, peer) {
            (0, _, Some(peer)) => self.disconnect(peer, false),
            (1, _, Some(peer)) => self.disconnect(peer, true),
            (2, _, Some(peer)) => self.connect(peer),
            (3, Some(object), _) => self.remove(index, object.id),
            (4, Some(object), _) => self.add(index, object),
            (5, Some(object), _) => {
                // Move it from one loop to the other.
                self.remove(index, object.id);
                self.add(1 - index, object);
            }
            (6 | 7, ..) => {
                let limits = [0, 0, 1000, 200_000];
                let limit = limits[self.chance(4) as usize];
                self.poll(index, Some(Duration::from_nanos(limit)));
            }
            (8 | 9, Some(object), _) => self.poll_by_hand(object),
            (10, ..) => self.broadcast(index),
            (11, Some(object), _) => self.replace(object),
            (12, Some(object), _) => {
                // After this a loop may hold the last reference.
                let id = object.id;
                let mut objects = self.objects.lock().unwrap();
                let dropped: Vec<_> = objects.extract_if(.., |object| object.id == id).collect();
                drop(objects);
                drop(dropped);
            }
            (13, ..) if self.may_change_wants() => {
                let wants = !self.wants[index].fetch_xor(true, Ordering::Relaxed);
                note(|| format!("{index} listens: {wants}"));
                self.model().set_wants(index, wants);
            }
            (14, Some(object), _) if self.may_change_wants() => self.toggle_own_handler(object),
            (15, Some(object), _) => self.take_by_hand(object),
            (16, Some(object), _) => {
                if let Some(channel) = object.channel() {
                    channel.set_format(channel.format());
                }
            }
            (17, ..) => self.change_packet_limit(index),
            (_, _, Some(peer)) => self.read(peer),
            _ => {}
        }
    }

    /// Whether this program may change which handlers want packets. Other threads do not see such
    /// a change at once, so a program with threads needs a model that expects changes from the
    /// start.
    fn may_change_wants(&self) -> bool {
        !self.is_threaded || self.model().has_wants_changed
    }

    /// The channel's own handler starts or stops to want packets.
    fn toggle_own_handler(&self, object: &Object<S>) {
        if matches!(object.role, Role::Channel(_)) {
            let wants = !object.wants_packets.fetch_xor(true, Ordering::Relaxed);
            note(|| format!("{} listens: {wants}", object.id));
            self.model().set_own_wants(object.id, wants);
        }
    }

    /// Takes a packet, which is then not reported.
    fn take_by_hand(&self, object: &Object<S>) {
        step();
        let Some(channel) = object.channel() else {
            return;
        };
        if self.once_in(2) {
            let count = channel.count();
            note(|| format!("{} counts its packets: {count:?}", object.id));
            return;
        }
        let taken = channel.take(|bytes| {
            let (remote, number) = packet_number(bytes);
            let mut model = self.model();
            let is_exact = model.is_exact();
            let packets = model.packets.get_mut(&object.id);
            packets
                .expect("it is a channel")
                .take((remote, number), is_exact);
            (remote, number)
        });
        note(|| format!("{}: a packet is taken by hand: {taken:?}", object.id));
    }

    /// A handler reads. There may be no data.
    pub fn read(&self, peer: &TestPeer<S>) {
        step();
        if self.kinds[peer.kind].content.format().is_some() {
            return;
        }
        let is_calm = self.is_calm.load(Ordering::Relaxed);
        let is_wasteful = self.model().peers[peer.index].is_wasteful;
        let connection = &peer.connection;
        let take = |bytes: &[u8]| {
            self.model().read(peer.index, bytes);
            bytes.len()
        };
        let mut is_search = is_wasteful;
        let outcome = match (is_calm, is_wasteful) {
            (true, true) => self.read_line(connection, take),
            (true, false) => connection.try_read_with(1 + peer.index * 7, take).map(Some),
            (false, _) => {
                let size = self.random().size(3000);
                match self.chance(5) {
                    0 => return,
                    1 => {
                        is_search = true;
                        connection.read_count(size.min(LIMIT), take)
                    }
                    2 if is_wasteful => self.read_line(connection, take),
                    3 => {
                        // Exactly what was received before this call.
                        let unread = connection.statistics(S::now()).unread;
                        connection.read_count(unread.max(1), take)
                    }
                    _ => connection.try_read_with(size, take).map(Some),
                }
            }
        };
        note(|| format!("peer {} reads: {outcome:?}", peer.index));
        let is_at_end = matches!(outcome, Err(ReadError::EndOfStream));
        if is_at_end && is_search {
            // Another search may drop what is left.
            self.model().peers[peer.index].is_wasteful = true;
        }
        if is_calm && is_at_end && connection.allows_half_open() {
            // An incomplete line is left, and this side could still send.
            self.disconnect(peer, false);
        }
    }

    fn read_line(
        &self,
        connection: &Connection,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> Result<Option<usize>, ReadError> {
        connection.read_until(&[NEWLINE], 1 << 20, take)
    }

    /// Disconnects a half-open peer whose remote has ended the stream.
    pub fn end_half_open(&self, peer: &TestPeer<S>) {
        let connection = &peer.connection;
        let is_half = connection.allows_half_open()
            && connection.is_read_closed()
            && !connection.has_unread();
        if is_half {
            self.disconnect(peer, false);
        }
    }
}
