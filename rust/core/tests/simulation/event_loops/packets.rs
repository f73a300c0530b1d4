//! Which packets of a channel were delivered to which handler.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::content::RemoteId;
use super::model::{HANDLERS, OWN};

type Packet = (RemoteId, u64);

/// All that is known of one packet channel.
#[derive(Debug, Default)]
pub struct Packets {
    /// Whether the channel's own handler wants packets.
    pub wants: bool,
    /// The packets that were taken from the channel, by remote.
    pub taken: BTreeMap<RemoteId, BTreeSet<u64>>,
    /// The packets that each handler is still to get, and whether it must get each.
    due: [VecDeque<(Packet, bool)>; HANDLERS],
    /// The newest packet that each handler has got.
    last: [Option<Packet>; HANDLERS],
    /// Whether each handler has got a packet since it has started to listen.
    has_begun: [bool; HANDLERS],
}

impl Packets {
    /// `packet` was delivered to `handler`. If that is the first delivery, it becomes due for the
    /// other handlers that listen now.
    pub fn deliver(
        &mut self,
        handler: usize,
        packet: Packet,
        listens: [(bool, bool); HANDLERS],
        is_exact: bool,
        is_steady: bool,
    ) {
        let last = self.last[handler].replace(packet);
        assert!(
            last.is_none_or(|last| last.0 != packet.0 || last.1 < packet.1),
            "{packet:?} after {last:?} for handler {handler}"
        );
        if self.take(packet, is_exact) {
            if is_exact {
                assert!(
                    listens[handler].1,
                    "{packet:?} for {handler}, which does not listen"
                );
            }
            for (index, (must, may)) in listens.into_iter().enumerate() {
                // Another thread may have taken the packet before this handler was added.
                let must = must && (is_exact || index == OWN || self.has_begun[index]);
                if may {
                    self.due[index].push_back((packet, must));
                }
            }
        }
        self.has_begun[handler] = true;
        let mut was_due = false;
        while let Some((next, must)) = self.due[handler].front().copied() {
            if next == packet {
                was_due = true;
                self.due[handler].pop_front();
                break;
            }
            if !self.due[handler].iter().any(|(due, _)| *due == packet) {
                break;
            }
            assert!(
                !must || !is_steady,
                "{packet:?} before {next:?} for {handler}"
            );
            self.due[handler].pop_front();
        }
        assert!(
            was_due || !is_exact,
            "{packet:?} for handler {handler}, which has started to listen later: {self:?}"
        );
    }

    /// A packet was taken from the channel. Returns whether this is the first time.
    pub fn take(&mut self, (remote, number): Packet, is_exact: bool) -> bool {
        let taken = self.taken.entry(remote).or_default();
        let is_first = taken.insert(number);
        if is_first && is_exact {
            let before = number.checked_sub(1);
            let follows = before.is_none_or(|before| taken.contains(&before));
            assert!(
                follows,
                "packet {number} of remote {remote} was taken before another one"
            );
        }
        is_first
    }

    /// The handler may miss the packets that are due for it.
    pub fn excuse(&mut self, handler: usize) {
        for (_, must) in &mut self.due[handler] {
            *must = false;
        }
    }

    /// The handler was removed.
    pub fn leave(&mut self, handler: usize) {
        self.due[handler].clear();
        self.has_begun[handler] = false;
    }

    /// Checks that no packet is left and none was skipped.
    pub fn finish(&self, member: u64, is_steady: bool) {
        for (handler, due) in self.due.iter().enumerate() {
            let missed = due.iter().find(|(_, must)| *must);
            assert!(
                missed.is_none() || !is_steady,
                "channel {member}: handler {handler} has missed {missed:?}: {self:?}"
            );
        }
        for (remote, taken) in &self.taken {
            let last = taken.last().map_or(0, |last| last + 1);
            assert_eq!(
                taken.len() as u64,
                last,
                "channel {member}: a gap in remote {remote}"
            );
        }
    }
}
