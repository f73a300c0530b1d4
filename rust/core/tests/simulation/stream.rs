//! One direction between two ends: what was accepted, what has arrived, and how it has ended. The
//! value of each byte follows from its offset, so a gap, a swap or a duplicate shows.

use std::sync::{Mutex, MutexGuard};

use super::trace::note;

/// How a direction has ended at its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With the end of the stream.
    End,
    /// With an error.
    Failure,
}

/// A direction.
#[derive(Debug)]
pub struct Stream {
    name: &'static str,
    key: u64,
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
pub struct State {
    /// How many bytes were accepted.
    pub accepted: u64,
    /// How many bytes may arrive, including those of the call in progress.
    offered: u64,
    pub received: u64,
    pub outcome: Option<Outcome>,
    /// A call has reported a failure to the sender.
    pub is_sender_notified: bool,
    /// A call has reported a failure to the receiver.
    pub is_receiver_notified: bool,
    /// Faults that lose data are injected.
    pub does_kernel_fail: bool,
    /// The receiver reads to the end.
    pub is_read_to_its_end: bool,
    /// Why data may be lost, such as an abort or an injected fault.
    pub may_fail: Option<&'static str>,
}

impl Stream {
    pub fn new(name: &'static str, key: u64) -> Stream {
        let state = Mutex::default();
        Stream { name, key, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The byte at the offset `place`.
    pub fn byte(&self, place: u64) -> u8 {
        let mixed = (self.key ^ (place >> 3)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> (8 * (place & 7))) as u8
    }

    /// The next `count` bytes, for a call that sends them.
    pub fn offer(&self, count: usize) -> Vec<u8> {
        let mut state = self.state();
        let start = state.accepted;
        state.offered = start + count as u64;
        (start..state.offered)
            .map(|place| self.byte(place))
            .collect()
    }

    /// The call has accepted `count` of the offered bytes.
    pub fn accept(&self, count: usize) {
        let mut state = self.state();
        state.accepted += count as u64;
        assert!(
            state.accepted <= state.offered,
            "{}: a call has accepted more than it was given",
            self.name
        );
        state.offered = state.accepted;
        self.check_received(&state, state.accepted);
    }

    /// The receiver has read `bytes`.
    pub fn receive(&self, bytes: &[u8]) {
        let mut state = self.state();
        for (index, byte) in bytes.iter().enumerate() {
            let place = state.received + index as u64;
            assert_eq!(
                *byte,
                self.byte(place),
                "{}: wrong byte at {place} ({bytes:?} at {})",
                self.name,
                state.received
            );
        }
        state.received += bytes.len() as u64;
        self.check_received(&state, state.offered);
        assert!(
            bytes.is_empty() || state.outcome != Some(Outcome::End),
            "{}: bytes after the end",
            self.name
        );
    }

    fn check_received(&self, state: &State, accepted: u64) {
        assert!(
            state.received <= accepted,
            "{}: {} bytes have arrived, {accepted} were accepted: {state:?}",
            self.name,
            state.received
        );
    }

    /// How many more bytes may be received.
    pub fn left(&self) -> u64 {
        let state = self.state();
        state.offered - state.received
    }

    /// The receiver has seen the end. Only the first call counts.
    pub fn end(&self, outcome: Outcome) {
        let mut state = self.state();
        note(|| {
            format!(
                "  {} has ended: {outcome:?} after {} bytes",
                self.name, state.received
            )
        });
        state.outcome.get_or_insert(outcome);
    }

    /// Data may be lost from now on, for this reason.
    pub fn excuse(&self, reason: &'static str) {
        self.state().may_fail.get_or_insert(reason);
    }

    /// Checks a direction that has ended.
    pub fn check(&self, is_unix: bool) {
        let state = self.state();
        self.check_received(&state, state.accepted);
        let State {
            accepted, received, ..
        } = *state;
        if !state.is_read_to_its_end {
            return;
        }
        assert!(
            state.outcome.is_some(),
            "{}: no end was seen: {state:?}",
            self.name
        );
        if state.may_fail.is_none() {
            assert_eq!(
                (state.outcome, received),
                (Some(Outcome::End), accepted),
                "{}: what was accepted has not arrived: {state:?}",
                self.name
            );
        } else if state.outcome == Some(Outcome::End) && !is_unix {
            // A Unix domain socket has no reset that the receiver could notice.
            assert!(
                received == accepted || state.is_sender_notified || state.is_receiver_notified,
                "{}: data was lost without a report: {state:?}",
                self.name
            );
        }
    }
}
