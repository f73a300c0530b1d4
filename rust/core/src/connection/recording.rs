//! What goes through a connection while somebody looks: its last bytes both ways, and its last events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::connection::inner::Inner;
use crate::event::Event;
use crate::sys;

/// So many bytes are kept each way.
const MOST_BYTES: usize = 4096;

/// So many events are kept.
const MOST_EVENTS: usize = 64;

/// What has gone through a connection since it is [recorded](Connection::record), the last of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// The last bytes that were received, at most 4096.
    pub received: Vec<u8>,
    /// The last bytes that were sent, at most 4096.
    pub sent: Vec<u8>,
    /// The last events, at most 64, and how long ago each was.
    pub events: Vec<(Duration, Event)>,
}

/// Keeps the last of everything.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    received: VecDeque<u8>,
    sent: VecDeque<u8>,
    events: VecDeque<(Instant, Event)>,
}

impl Connection {
    /// Begins or ends to record what goes through the connection, this one and those that follow. It costs a copy of each
    /// byte, with the connection locked, and is meant for debugging. What was recorded before is dropped.
    pub fn record(&self, enabled: bool) {
        self.lock().recorder = enabled.then(Box::default);
    }

    /// What has been recorded by `now`. `None` if nothing is.
    pub fn recording(&self, now: Instant) -> Option<Recording> {
        let inner = self.lock();
        let recorder = inner.recorder.as_ref()?;
        let events = recorder.events.iter();
        Some(Recording {
            received: recorder.received.iter().copied().collect(),
            sent: recorder.sent.iter().copied().collect(),
            events: events
                .map(|(time, event)| (now.saturating_duration_since(*time), *event))
                .collect(),
        })
    }
}

impl Recorder {
    pub(super) fn received(&mut self, bytes: &[u8]) {
        keep_last(&mut self.received, bytes);
    }

    pub(super) fn sent(&mut self, bytes: &[u8]) {
        keep_last(&mut self.sent, bytes);
    }

    pub(super) fn happened(&mut self, event: Event) {
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((sys::now(), event));
        debug_assert!(self.events.len() <= MOST_EVENTS);
    }
}

/// Does `body`, which may receive something into the buffer, and records that.
pub(super) fn record_received<R>(inner: &mut Inner, body: impl FnOnce(&mut Inner) -> R) -> R {
    let before = inner.recv.buffer.len();
    let done = body(inner);
    if let Some(recorder) = &mut inner.recorder {
        recorder.received(&inner.recv.buffer.unread()[before..]);
    }
    done
}

fn keep_last(kept: &mut VecDeque<u8>, bytes: &[u8]) {
    let bytes = &bytes[bytes.len().saturating_sub(MOST_BYTES)..];
    let too_many = (kept.len() + bytes.len()).saturating_sub(MOST_BYTES);
    kept.drain(..too_many);
    kept.extend(bytes);
    debug_assert!(kept.len() <= MOST_BYTES);
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
            let last = &all[all.len().saturating_sub(MOST_BYTES)..];
            assert!(kept.iter().eq(last), "{size}");
        }
    }
}
