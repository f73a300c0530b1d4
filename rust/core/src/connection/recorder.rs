//! The last bytes and events of a connection, kept for debugging.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::event::Event;
use crate::sys;

/// The largest number of bytes kept for each direction.
const MAX_BYTES: usize = 4096;

/// The largest number of events kept.
const MAX_EVENTS: usize = 64;

/// The last bytes and events of a connection that is [recorded](crate::Connection::record).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The last received bytes, at most 4096.
    pub received: Vec<u8>,
    /// The last sent bytes, at most 4096.
    pub sent: Vec<u8>,
    /// The last events, at most 64, each with its age.
    pub events: Vec<(Duration, Event)>,
}

/// Keeps the last bytes and events.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    received: VecDeque<u8>,
    sent: VecDeque<u8>,
    events: VecDeque<(Instant, Event)>,
}

impl Recorder {
    pub(super) fn add_received(&mut self, bytes: &[u8]) {
        keep_last(&mut self.received, bytes);
    }

    pub(super) fn add_sent(&mut self, bytes: &[u8]) {
        keep_last(&mut self.sent, bytes);
    }

    pub(super) fn add_event(&mut self, event: Event) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((sys::now(), event));
        debug_assert!(self.events.len() <= MAX_EVENTS);
    }

    /// Copies what is kept, with the ages that the events have at `now`.
    pub(super) fn recording(&self, now: Instant) -> Recording {
        let events = self.events.iter();
        Recording {
            received: self.received.iter().copied().collect(),
            sent: self.sent.iter().copied().collect(),
            events: events
                .map(|(time, event)| (now.saturating_duration_since(*time), *event))
                .collect(),
        }
    }
}

/// Appends `bytes` to `kept`, and removes bytes from its front above the limit.
fn keep_last(kept: &mut VecDeque<u8>, bytes: &[u8]) {
    let bytes = &bytes[bytes.len().saturating_sub(MAX_BYTES)..];
    let excess = (kept.len() + bytes.len()).saturating_sub(MAX_BYTES);
    kept.drain(..excess);
    kept.extend(bytes);
    debug_assert!(kept.len() <= MAX_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_kept() {
        let mut all = Vec::new();
        let mut kept = VecDeque::new();
        for size in [0, 1, 4095, 1, 3, 5000, 2, 4096, 100] {
            let bytes: Vec<u8> = (0..size).map(|index| (all.len() + index) as u8).collect();
            all.extend_from_slice(&bytes);
            keep_last(&mut kept, &bytes);
            let last = &all[all.len().saturating_sub(MAX_BYTES)..];
            assert!(kept.iter().eq(last), "{size}");
        }
    }
}
