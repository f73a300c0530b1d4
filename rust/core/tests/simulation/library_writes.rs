//! The writes of an end that uses the library.

use std::sync::atomic::Ordering;

use stream_socket::{Status, WriteError};

use super::library::{LibraryEnd, PATIENT};
use super::system::{Random, System};
use super::trace::{note, step};

impl<S: System> LibraryEnd<S> {
    /// Makes one random write, or changes how writes work.
    pub fn write(&self, random: &mut Random) {
        step();
        let connection = &self.connection;
        let size = match random.below(4) {
            0 => random.size(16),
            1 => random.size(S::buffer_size() * 3),
            _ => random.size(4096),
        };
        let size = size.min(self.budget.load(Ordering::Relaxed));
        match random.below(12) {
            0 if self.may_block
                || connection.queue_limit() > 0
                || connection
                    .write_timeout()
                    .is_some_and(|timeout| S::IS_SIMULATED || timeout < PATIENT) =>
            {
                let outcome = connection.flush_queue();
                note(|| format!("{} flushes: {outcome:?}", self.name));
                if outcome.is_ok() && self.is_alone {
                    assert_eq!(connection.pending_bytes(), 0, "{}: flushed", self.name);
                }
                if let Err(error) = outcome {
                    self.write_failed(&error);
                }
            }
            1 => {
                let (old, new) = (connection.coalesces(), random.once_in(2));
                connection.set_coalesces(new);
                note(|| format!("{} coalesces: {old} -> {new}", self.name));
            }
            2 => {
                let limit = random.choose(&[0, 0, 100, 1 << 22]);
                // A smaller limit does not drop what is queued.
                connection.set_queue_limit(limit);
                note(|| format!("{} may queue {limit}", self.name));
            }
            3..=7 if self.may_wait_for_room(size) => self.write_all(size),
            _ => {
                let data = self.outgoing.offer(size);
                let outcome = connection.try_write(&data);
                note(|| format!("{} writes what it can of {size}: {outcome:?}", self.name));
                let count = outcome.as_ref().copied().unwrap_or(0);
                self.spend(count);
                if let Err(error) = outcome {
                    self.write_failed(&error);
                }
            }
        }
    }

    fn may_wait_for_room(&self, size: usize) -> bool {
        let connection = &self.connection;
        self.may_block
            || connection.queue_limit() > 0
            || connection
                .write_timeout()
                .is_some_and(|timeout| timeout < PATIENT)
            || connection.coalesces() && connection.pending_bytes() + size < 16 * 1024
    }

    fn write_all(&self, size: usize) {
        let connection = &self.connection;
        let data = self.outgoing.offer(size);
        let limit = connection.queue_limit();
        // Another thread may change it during the write.
        let timeout = connection.write_timeout();
        let before = S::now();
        let outcome = connection.write_fully(&data);
        let took = S::now().duration_since(before);
        note(|| format!("{} writes {size}: {outcome:?} in {took:?}", self.name));
        self.is_in_time(timeout, took);
        let count = match &outcome {
            Ok(()) => size,
            Err(stream_socket::WriteFailure {
                accepted: count, ..
            }) => *count,
        };
        if self.is_alone && limit > 0 && outcome.is_ok() {
            assert!(
                connection.pending_bytes() <= limit.max(16 * 1024),
                "{}: the queue exceeds its limit",
                self.name
            );
        }
        self.spend(count);
        if let Err(stream_socket::WriteFailure { error, .. }) = outcome {
            if matches!(error, WriteError::Busy { .. }) {
                assert_eq!(count, 0, "{}: a full queue has accepted a part", self.name);
            }
            self.write_failed(&error);
        }
    }

    pub(super) fn spend(&self, count: usize) {
        self.budget.fetch_sub(count, Ordering::Relaxed);
        self.outgoing.accept(count);
    }

    pub(super) fn write_failed(&self, error: &WriteError) {
        match error {
            WriteError::Socket { .. } => self.has_failed(),
            WriteError::ShutDown => assert!(
                self.has_shut.load(Ordering::Relaxed),
                "{}: it has not shut down",
                self.name
            ),
            WriteError::NotConnected | WriteError::Disconnected => assert!(
                self.connection.status() != Status::Connected
                    || self.has_left.load(Ordering::Relaxed),
                "{}: it is connected",
                self.name
            ),
            _ => {}
        }
    }
}
