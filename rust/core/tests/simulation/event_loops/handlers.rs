//! What handlers do: anything.

use std::sync::atomic::Ordering;
use std::time::Duration;

use stream_socket::{Connection, ReadError};

use super::content::{LIMIT, NEWLINE, packet_number};
use super::subjects::{Handle, Thing, What};
use super::world::World;
use crate::model::system::System;
use crate::model::trace::{note, step};

impl<S: System> World<S> {
    /// A number below `end`, with nothing locked afterwards.
    pub fn chance(&self, end: u64) -> u64 {
        self.random().below(end)
    }

    fn once_in(&self, times: u64) -> bool {
        self.chance(times) == 0
    }

    /// A handler was notified about `thing` or `handle`.
    pub fn react(&self, thing: Option<&Thing<S>>, handle: Option<&Handle<S>>) {
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
        let own = handle.cloned().or_else(|| thing?.handle());
        let thing = match thing {
            Some(thing) if !self.once_in(4) => Some(thing.clone()),
            _ => self.any_thing(),
        };
        self.act(thing.as_ref(), own.as_ref());
    }

    /// Does something with `thing`, or with `handle` alone.
    pub fn act(&self, thing: Option<&Thing<S>>, handle: Option<&Handle<S>>) {
        let index = self.chance(2) as usize;
        match (self.chance(18), thing, handle) {
            (0, _, Some(handle)) => self.disconnect(handle, false),
            (1, _, Some(handle)) => self.disconnect(handle, true),
            (2, _, Some(handle)) => self.connect(handle),
            (3, Some(thing), _) => self.remove(index, thing.id),
            (4, Some(thing), _) => self.add(index, thing),
            (5, Some(thing), _) => {
                // From one room to another.
                self.remove(index, thing.id);
                self.add(1 - index, thing);
            }
            (6 | 7, ..) => {
                let limits = [0, 0, 1000, 200_000];
                let limit = limits[self.chance(4) as usize];
                self.poll(index, Some(Duration::from_nanos(limit)));
            }
            (8 | 9, Some(thing), _) => self.poll_by_hand(thing),
            (10, ..) => self.broadcast(index),
            (11, Some(thing), _) => self.replace(thing),
            (12, Some(thing), _) => {
                // The loops may have the last reference now.
                let id = thing.id;
                let mut things = self.things.lock().unwrap();
                let dropped: Vec<_> = things.extract_if(.., |thing| thing.id == id).collect();
                drop(things);
                drop(dropped);
            }
            (13, ..) if self.may_change_wants() => {
                let wants = !self.wants[index].fetch_xor(true, Ordering::Relaxed);
                note(|| format!("{index} listens: {wants}"));
                self.model().set_wants(index, wants);
            }
            (14, Some(thing), _) if self.may_change_wants() => self.listen_once(thing),
            (15, Some(thing), _) => self.take_by_hand(thing),
            (16, Some(thing), _) => {
                if let Some(channel) = thing.channel() {
                    channel.set_format(channel.format());
                }
            }
            (_, _, Some(handle)) => self.read(handle),
            _ => {}
        }
    }

    /// Of several threads no one can know who listens while another one changes it.
    fn may_change_wants(&self) -> bool {
        !self.is_threaded || self.model().has_wants_changed
    }

    /// The own listener of a channel begins or ends to listen.
    fn listen_once(&self, thing: &Thing<S>) {
        if matches!(thing.what, What::Channel(_)) {
            let wants = !thing.wants_packets.fetch_xor(true, Ordering::Relaxed);
            note(|| format!("{} listens: {wants}", thing.id));
            self.model().set_own_wants(thing.id, wants);
        }
    }

    /// Takes a packet that nobody is notified of then.
    fn take_by_hand(&self, thing: &Thing<S>) {
        step();
        let Some(channel) = thing.channel() else {
            return;
        };
        if self.once_in(2) {
            let count = channel.count();
            note(|| format!("{} counts its packets: {count:?}", thing.id));
            return;
        }
        let taken = channel.take(|bytes| {
            let (session, number) = packet_number(bytes);
            let mut model = self.model();
            let is_exact = model.is_exact();
            let packets = model.packets.get_mut(&thing.id);
            packets
                .expect("it is a channel")
                .take((session, number), is_exact);
            (session, number)
        });
        note(|| format!("{}: a packet is taken by hand: {taken:?}", thing.id));
    }

    /// A handler reads, or not.
    pub fn read(&self, handle: &Handle<S>) {
        step();
        if self.kinds[handle.kind].content.format().is_some() {
            return;
        }
        let is_calm = self.is_calm.load(Ordering::Relaxed);
        let is_wasteful = self.model().handles[handle.index].is_wasteful;
        let connection = &handle.connection;
        let take = |bytes: &[u8]| {
            self.model().read(handle.index, bytes);
            bytes.len()
        };
        let mut is_search = is_wasteful;
        let outcome = match (is_calm, is_wasteful) {
            (true, true) => self.read_line(connection, take),
            (true, false) => connection
                .try_read_with(1 + handle.index * 7, take)
                .map(Some),
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
                        // Exactly what was received, and nothing of what has come since.
                        let unread = connection.statistics(S::now()).unread;
                        connection.read_count(unread.max(1), take)
                    }
                    _ => connection.try_read_with(size, take).map(Some),
                }
            }
        };
        note(|| format!("peer {} reads: {outcome:?}", handle.index));
        let is_at_end = matches!(outcome, Err(ReadError::EndOfStream));
        if is_at_end && is_search {
            // Another search may give up what is left.
            self.model().handles[handle.index].is_wasteful = true;
        }
        if is_calm && is_at_end && connection.allows_half_open() {
            // Half a line is left, and this side may go on sending.
            self.disconnect(handle, false);
        }
    }

    fn read_line(
        &self,
        connection: &Connection,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> Result<Option<usize>, ReadError> {
        connection.read_until(&[NEWLINE], 1 << 20, take)
    }

    /// A peer whose other end has gone, and that may stay half-open, is over once this side ends it.
    pub fn end_half_open(&self, handle: &Handle<S>) {
        let connection = &handle.connection;
        let is_half = connection.allows_half_open()
            && connection.is_read_closed()
            && !connection.has_unread();
        if is_half {
            self.disconnect(handle, false);
        }
    }
}
