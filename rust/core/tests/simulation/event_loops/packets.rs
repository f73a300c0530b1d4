//! Which packets of a channel were delivered, to whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::content::Number;
use super::model::{LISTENERS, OWN};

type Packet = (Number, u64);

/// What is known of one packet channel.
#[derive(Debug, Default)]
pub struct Packets {
    /// Whether its own listener listens.
    pub wants: bool,
    /// The packets that were taken, by session.
    pub taken: BTreeMap<Number, BTreeSet<u64>>,
    /// What each listener has still to get, and whether it must.
    due: [VecDeque<(Packet, bool)>; LISTENERS],
    /// What each has got last.
    last: [Option<Packet>; LISTENERS],
    /// Whether each has got something since it has begun to listen.
    has_begun: [bool; LISTENERS],
}

impl Packets {
    /// A packet was delivered to `listener`. If it is the first one to get it, the others are due that listen now.
    pub fn deliver(
        &mut self,
        listener: usize,
        packet: Packet,
        listens: [(bool, bool); LISTENERS],
        is_exact: bool,
        is_steady: bool,
    ) {
        let last = self.last[listener].replace(packet);
        assert!(
            last.is_none_or(|last| last.0 != packet.0 || last.1 < packet.1),
            "{packet:?} after {last:?} for listener {listener}"
        );
        if self.take(packet, is_exact) {
            if is_exact {
                assert!(
                    listens[listener].1,
                    "{packet:?} for {listener}, which does not listen"
                );
            }
            for (index, (must, may)) in listens.into_iter().enumerate() {
                // Another thread may have taken the packet before this listener was there.
                let must = must && (is_exact || index == OWN || self.has_begun[index]);
                if may {
                    self.due[index].push_back((packet, must));
                }
            }
        }
        self.has_begun[listener] = true;
        let mut was_due = false;
        while let Some((next, must)) = self.due[listener].front().copied() {
            if next == packet {
                was_due = true;
                self.due[listener].pop_front();
                break;
            }
            if !self.due[listener].iter().any(|(due, _)| *due == packet) {
                break;
            }
            assert!(
                !must || !is_steady,
                "{packet:?} before {next:?} for {listener}"
            );
            self.due[listener].pop_front();
        }
        assert!(
            was_due || !is_exact,
            "{packet:?} for listener {listener}, which has begun to listen later: {self:?}"
        );
    }

    /// A packet was taken. Whether it is the first time.
    pub fn take(&mut self, (session, number): Packet, is_exact: bool) -> bool {
        let taken = self.taken.entry(session).or_default();
        let is_first = taken.insert(number);
        if is_first && is_exact {
            let before = number.checked_sub(1);
            let follows = before.is_none_or(|before| taken.contains(&before));
            assert!(
                follows,
                "packet {number} of session {session} was taken before another one"
            );
        }
        is_first
    }

    /// The listener does not have to get what is due for it.
    pub fn excuse(&mut self, listener: usize) {
        for (_, must) in &mut self.due[listener] {
            *must = false;
        }
    }

    /// The listener is none any more.
    pub fn leave(&mut self, listener: usize) {
        self.due[listener].clear();
        self.has_begun[listener] = false;
    }

    /// Nothing is due any more, and there are no gaps.
    pub fn finish(&self, member: u64, is_steady: bool) {
        for (listener, due) in self.due.iter().enumerate() {
            let missed = due.iter().find(|(_, must)| *must);
            assert!(
                missed.is_none() || !is_steady,
                "channel {member}: listener {listener} has missed {missed:?}: {self:?}"
            );
        }
        for (session, taken) in &self.taken {
            let last = taken.last().map_or(0, |last| last + 1);
            assert_eq!(
                taken.len() as u64,
                last,
                "channel {member}: a gap in session {session}"
            );
        }
    }
}
