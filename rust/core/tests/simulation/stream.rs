//! One direction between two ends: what was accepted, what has arrived, and how it has ended. Every byte has a value that
//! follows from its place, so that a gap, a swap or a copy shows.

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
    /// So many bytes were accepted.
    pub accepted: u64,
    /// So many may arrive: those of the call that is under way included.
    offered: u64,
    pub received: u64,
    pub outcome: Option<Outcome>,
    /// A call of the sender has told it that something was lost.
    pub is_sender_notified: bool,
    /// A call of the receiver has told it that the connection has failed.
    pub is_receiver_notified: bool,
    /// The kernel was made to fail, so that what was sent may be gone at once.
    pub does_kernel_fail: bool,
    /// The receiver reads until it ends.
    pub is_read_to_its_end: bool,
    /// The sender or the receiver has aborted, or the kernel was made to fail.
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

    /// The byte at `place`.
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

    /// The call has accepted `count` bytes of what was offered.
    pub fn accept(&self, count: usize) {
        let mut state = self.state();
        state.accepted += count as u64;
        assert!(
            state.accepted <= state.offered,
            "{}: a call has accepted more than it was given",
            self.name
        );
        state.offered = state.accepted;
        assert!(
            state.received <= state.accepted,
            "{}: {} bytes have arrived, {} were accepted",
            self.name,
            state.received,
            state.accepted
        );
    }

    /// The receiver has read `bytes`.
    pub fn receive(&self, bytes: &[u8]) {
        let mut state = self.state();
        for (index, byte) in bytes.iter().enumerate() {
            let place = state.received + index as u64;
            assert_eq!(
                *byte,
                self.byte(place),
                "{}: another byte at {place} than was sent ({bytes:?} at {})",
                self.name,
                state.received
            );
        }
        state.received += bytes.len() as u64;
        assert!(
            state.received <= state.offered,
            "{}: {} bytes have arrived, {} were accepted",
            self.name,
            state.received,
            state.offered
        );
        assert!(
            bytes.is_empty() || state.outcome != Some(Outcome::End),
            "{}: bytes behind the end",
            self.name
        );
    }

    /// How many bytes may be received beyond those that were.
    pub fn left(&self) -> u64 {
        let state = self.state();
        state.offered - state.received
    }

    /// The receiver has seen how it has ended. Only the first time counts.
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

    /// Something may be lost from now on, for this reason.
    pub fn excuse(&self, reason: &'static str) {
        self.state().may_fail.get_or_insert(reason);
    }

    /// Everything has come to its end.
    pub fn check(&self, is_unix: bool) {
        let state = self.state();
        let State {
            accepted, received, ..
        } = *state;
        assert!(
            received <= accepted,
            "{}: {received} bytes have arrived, {accepted} were accepted: {state:?}",
            self.name
        );
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
            // A Unix domain socket has no reset that could tell the receiver.
            assert!(
                received == accepted || state.is_sender_notified || state.is_receiver_notified,
                "{}: nobody was told of a loss: {state:?}",
                self.name
            );
        }
    }
}
