//! The reads of an end that uses the library.

use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;

use stream_socket::{ReadError, ReadFailure, Status};

use super::library::LibraryEnd;
use super::stream::Outcome;
use super::system::{Random, System};
use super::trace::{note, step};

impl<S: System> LibraryEnd<S> {
    /// Makes one random read. Returns whether more may come.
    pub fn read(&self, random: &mut Random) -> bool {
        step();
        let connection = &self.connection;
        let size = match random.below(3) {
            0 => random.size(8),
            1 => random.size(20_000),
            _ => random.size(S::buffer_size() * 2),
        };
        match random.below(11) {
            0 | 1 => self.read_waiting(size, false),
            2 => self.read_waiting(size.min(64), true),
            3 => {
                let outcome = connection.try_read_with(size, |bytes| {
                    assert!(bytes.len() <= size, "{}: more than asked for", self.name);
                    self.incoming.receive(bytes);
                    bytes.len()
                });
                note(|| format!("{} reads all of at most {size}: {outcome:?}", self.name));
                self.has_read(outcome.map(drop))
            }
            4 => {
                let delimiter = self.incoming.byte(random.below(1 << 20));
                let outcome = connection.read_until(&[delimiter], size, |bytes| {
                    assert!(bytes.len() <= size, "{}: more than asked for", self.name);
                    assert_eq!(
                        bytes.iter().position(|byte| *byte == delimiter),
                        Some(bytes.len() - 1)
                    );
                    self.incoming.receive(bytes);
                    bytes.len()
                });
                note(|| {
                    format!(
                        "{} reads until {delimiter} in {size}: {outcome:?}",
                        self.name
                    )
                });
                self.has_probed(outcome.map(drop))
            }
            5 => {
                let outcome = connection.read_count(size, |bytes| {
                    assert_eq!(bytes.len(), size, "{}: not what was asked for", self.name);
                    self.incoming.receive(bytes);
                });
                note(|| format!("{} reads {size} if they are there: {outcome:?}", self.name));
                self.has_probed(outcome.map(drop))
            }
            6 | 7 => self.read_packet(random.once_in(2)),
            _ => self.try_read(size),
        }
    }

    /// Reads the next packet, or counts the complete packets. Returns whether more may come.
    fn read_packet(&self, counts: bool) -> bool {
        let mut packets = self.packets.lock().unwrap();
        if counts {
            let outcome = packets.count(&self.connection);
            note(|| format!("{} counts its packets: {outcome:?}", self.name));
            return self.has_probed(outcome.map(drop));
        }
        let outcome = packets.read(&self.connection, |packet| {
            let length = self.incoming.byte(self.incoming.state().received);
            assert_eq!(packet.len(), usize::from(length), "{}", self.name);
            self.incoming.receive(&[length]);
            self.incoming.receive(packet);
            packet.len()
        });
        note(|| format!("{} reads a packet: {outcome:?}", self.name));
        self.has_probed(outcome.map(drop))
    }

    /// Reads without blocking.
    pub(super) fn try_read(&self, size: usize) -> bool {
        let mut out = vec![MaybeUninit::new(0xA5); size];
        let outcome = self.connection.try_read(&mut out);
        note(|| format!("{} reads at most {size}: {outcome:?}", self.name));
        if let Ok(count) = outcome {
            self.incoming.receive(&initialised(&out)[..count]);
        }
        self.has_read(outcome.map(drop))
    }

    pub(super) fn read_waiting(&self, size: usize, whole: bool) -> bool {
        let connection = &self.connection;
        let mut out = vec![MaybeUninit::new(0xA5); size];
        let before = S::now();
        let outcome = if whole {
            connection.read_fully_or_nothing(&mut out)
        } else {
            connection.read_fully(&mut out)
        };
        let took = S::now().duration_since(before);
        note(|| {
            format!(
                "{} waits for {size} (whole: {whole}): {outcome:?} in {took:?}",
                self.name
            )
        });
        self.is_in_time(connection.read_timeout(), took);
        let count = match &outcome {
            Ok(()) => size,
            Err(ReadFailure {
                error,
                received: count,
                ..
            }) => {
                assert!(
                    !whole || *count == 0 || !matches!(error, ReadError::TimedOut { .. }),
                    "{}: a read of all or nothing has taken {count} of {size} bytes",
                    self.name
                );
                *count
            }
        };
        let out = initialised(&out);
        self.incoming.receive(&out[..count]);
        // A read may have received more bytes than it returns if the connection has ended
        // meanwhile.
        assert!(
            matches!(
                outcome,
                Err(ReadFailure {
                    error: ReadError::Disconnected,
                    ..
                })
            ) || out[count..].iter().all(|byte| *byte == 0xA5),
            "{}: the buffer was written beyond the bytes that were read",
            self.name
        );
        self.has_read(outcome.map_err(|ReadFailure { error, .. }| error))
    }

    /// Records the outcome of a search, which leaves unread what it does not match. Returns whether
    /// more may come.
    fn has_probed(&self, outcome: Result<(), ReadError>) -> bool {
        match outcome {
            Err(
                ReadError::EndOfStream | ReadError::Truncated { .. } | ReadError::Socket { .. },
            ) if self.connection.status() == Status::Connected && self.connection.has_unread() => {
                self.has_searched_in_vain.store(true, Ordering::Relaxed);
                true
            }
            Err(ReadError::EndOfStream) if self.has_searched_in_vain.load(Ordering::Relaxed) => {
                self.incoming
                    .excuse("a second search has dropped the unread bytes");
                self.incoming.state().is_receiver_notified = true;
                self.has_read(outcome)
            }
            outcome => self.has_read(outcome),
        }
    }

    /// Records the outcome of a read. Returns whether more may come.
    fn has_read(&self, outcome: Result<(), ReadError>) -> bool {
        match outcome {
            Ok(()) | Err(ReadError::TimedOut { .. } | ReadError::TooLong { .. }) => true,
            Err(ReadError::EndOfStream) => {
                self.incoming.end(Outcome::End);
                false
            }
            Err(ReadError::Socket { .. }) => {
                self.has_failed();
                self.incoming.end(Outcome::Failure);
                false
            }
            Err(error @ (ReadError::NotConnected | ReadError::Disconnected)) => {
                assert!(
                    self.connection.status() != Status::Connected,
                    "{}: {error}, but it is connected",
                    self.name
                );
                false
            }
            Err(error) => panic!("{}: {error}", self.name),
        }
    }
}

/// The bytes of a buffer that was initialised before it was passed to a read.
pub fn initialised(out: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: Each byte was initialised when the buffer was made, and reads only write initialised
    // bytes to it.
    unsafe { &*(std::ptr::from_ref(out) as *const [u8]) }
}

/// Splits the outcome of a read of `size` bytes into the result and the number of bytes received.
pub fn split(outcome: Result<(), ReadFailure>, size: usize) -> (Result<(), ReadError>, usize) {
    match outcome {
        Ok(()) => (Ok(()), size),
        Err(ReadFailure {
            error, received, ..
        }) => (Err(error), received),
    }
}
