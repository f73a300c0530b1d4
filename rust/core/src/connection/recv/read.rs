//! The calls that wait for data.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::time::Duration;

use crate::connection::Connection;
use crate::connection::direction::{DirectionGuard, Interrupted, SpinEnd};
use crate::connection::inner::Inner;
use crate::connection::recording::record_received;
use crate::connection::recv::state::{MAX_FILL, Received, RecvState};
use crate::connection::send::state::SendPhase;
use crate::connection::spin::MAX_ANSWER;
use crate::deadline::{Deadline, TimedOut};
use crate::error::{EndError, ReadError, ReadFailure};
use crate::event::Status;
use crate::sync::MutexGuard;
use crate::sys::{self, Interests};

/// A wait of less time does not begin with a loop.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

impl Connection {
    /// Fills `out`, and waits for the data for at most the [read timeout](Self::set_read_timeout).
    ///
    /// Coalesced and queued data is sent before and during the wait, because the peer may be
    /// waiting for it. Another reader waits until this one has finished; a writer does not.
    ///
    /// # Errors
    /// [`ReadFailure`] holds the error and the number of bytes at the start of `out` that were
    /// received before it. The bytes after them are unspecified.
    /// - [`ReadError::NotConnected`] and [`ReadError::Connecting`]: the status is not
    ///   [`Status::Connected`].
    /// - [`ReadError::TimedOut`]: the connection is intact.
    /// - [`ReadError::EndOfStream`] and [`ReadError::Socket`]: the connection has ended, unless it
    ///   is [half-open](Self::set_allow_half_open).
    /// - [`ReadError::Disconnected`]: another thread has disconnected.
    ///
    /// # Examples
    /// ```
    /// use std::mem::MaybeUninit;
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(b"ping")?;
    /// let mut out = [MaybeUninit::uninit(); 4];
    /// other.read_fully(&mut out)?;
    /// // SAFETY: `read_fully` has filled `out`.
    /// let bytes = out.map(|byte| unsafe { byte.assume_init() });
    /// assert_eq!(&bytes, b"ping");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn read_fully(&self, out: &mut [MaybeUninit<u8>]) -> Result<(), ReadFailure> {
        self.read(out, false)
    }

    /// Fills `out` from the receive buffer, without a system call. Never waits.
    ///
    /// Returns false, and reads nothing, if the buffer holds fewer bytes.
    #[inline]
    pub fn read_buffered(&self, out: &mut [MaybeUninit<u8>]) -> bool {
        take_buffered(&mut self.lock(), out)
    }

    /// Like [`read_fully`](Self::read_fully), but reads nothing if the timeout passes before all of
    /// the data has arrived. The data is held in memory until then.
    ///
    /// # Examples
    /// ```
    /// use std::mem::MaybeUninit;
    /// use std::time::Duration;
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(b"half")?;
    /// other.set_read_timeout(Some(Duration::from_millis(10)));
    /// let failure = other.read_fully_or_nothing(&mut [MaybeUninit::uninit(); 8]);
    /// assert!(failure.is_err());
    /// assert_eq!(other.try_read_with(8, |bytes| bytes.len())?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn read_fully_or_nothing(&self, out: &mut [MaybeUninit<u8>]) -> Result<(), ReadFailure> {
        self.read(out, true)
    }

    #[inline]
    fn read(&self, out: &mut [MaybeUninit<u8>], all_or_nothing: bool) -> Result<(), ReadFailure> {
        let mut inner = self.lock();
        if take_buffered(&mut inner, out) {
            return Ok(());
        }
        self.read_waiting(inner, out, all_or_nothing)
    }

    #[cold]
    fn read_waiting(
        &self,
        inner: MutexGuard<'_, Inner>,
        out: &mut [MaybeUninit<u8>],
        all_or_nothing: bool,
    ) -> Result<(), ReadFailure> {
        if self.status() != Status::Connected {
            return Err(ReadFailure::after(0, self.cannot_read()));
        }
        if out.is_empty() {
            return Ok(());
        }
        let mut deadline = self.settings.read_timeout.deadline();
        let peer = inner.peer();
        let interrupted = |why| match why {
            Interrupted::Disconnected => ReadError::Disconnected,
            Interrupted::TimedOut => ReadError::TimedOut { peer: peer.clone() },
            Interrupted::Os(source) => ReadError::Socket {
                peer: peer.clone(),
                source,
            },
        };
        let mut guard = match DirectionGuard::<RecvState>::take(self, inner, &mut deadline) {
            Ok(guard) => guard,
            Err(why) => return Err(ReadFailure::after(0, interrupted(why))),
        };
        let mut filled = 0;
        while filled < out.len() {
            let rest = &mut out[filled..];
            let has_known = !guard.recv.buffer.is_empty() || guard.recv.end.is_some();
            let outcome = if all_or_nothing || has_known || rest.len() < MAX_FILL {
                let needed = if all_or_nothing { rest.len() } else { 1 };
                let outcome = self.fill_to(&mut guard, needed, &mut deadline);
                let may_take = match &outcome {
                    Ok(()) | Err(Stop::End) => true,
                    // The buffer may belong to the next connection by now.
                    Err(Stop::Interrupted(Interrupted::Disconnected)) => false,
                    Err(Stop::Interrupted(_)) => !all_or_nothing,
                };
                if may_take {
                    filled += guard.recv.buffer.take(rest);
                }
                outcome
            } else {
                let (count, outcome) = self.receive_into(&mut guard, rest, &mut deadline);
                filled += count;
                outcome
            };
            match outcome {
                Ok(()) => {}
                Err(Stop::Interrupted(why)) => {
                    return Err(ReadFailure::after(filled, interrupted(why)));
                }
                Err(Stop::End) => {
                    let error = self.end_reading(guard.release());
                    return Err(ReadFailure::after(filled, error));
                }
            }
        }
        Ok(())
    }

    /// Receives directly into `out`, without the buffer and without the lock. Waits if there is
    /// nothing. Returns the number of bytes received, also with an error. The buffer must be empty,
    /// and the end must not be known.
    fn receive_into(
        &self,
        guard: &mut DirectionGuard<'_, RecvState>,
        out: &mut [MaybeUninit<u8>],
        deadline: &mut Deadline<'_>,
    ) -> (usize, Result<(), Stop>) {
        debug_assert!(guard.recv.buffer.is_empty());
        let probe = guard.recv.begin_probe(&self.watching, out.len());
        let mut copy = guard.rare.recorded().is_some().then(Vec::new);
        let (outcome, checked) = guard.unlocked(|socket| {
            socket.receive(out).map(|received| {
                if let Some(copy) = &mut copy {
                    copy.extend_from_slice(received);
                }
                received.len()
            })
        });
        match checked {
            // The kernel reports a failure once, so this call has to, even after a disconnect.
            Err(Interrupted::Disconnected) if has_failed(&outcome) => {
                let source = outcome.err().unwrap_or_else(|| ErrorKind::Other.into());
                (0, Err(Stop::Interrupted(Interrupted::Os(source))))
            }
            // The lingering close reads from the socket as well, so these bytes may follow a gap.
            Err(why) => (0, Err(Stop::Interrupted(why))),
            Ok(()) => {
                if let (Some(copy), Some(recorder)) = (copy, guard.rare.recorder()) {
                    recorder.add_received(&copy);
                }
                match guard.recv.finish_probe(probe, &outcome) {
                    Received::Bytes(count) => (count, Ok(())),
                    Received::Nothing => (0, self.wait_for_data(guard, deadline, usize::MAX)),
                    Received::End => (0, Err(Stop::End)),
                }
            }
        }
    }

    /// Waits for at most the read timeout until there is data, and reads what fits into `out`,
    /// which must not be empty.
    pub(in crate::connection) fn read_some(&self, out: &mut [u8]) -> Result<usize, ReadError> {
        debug_assert!(!out.is_empty());
        let inner = self.lock();
        if self.status() != Status::Connected {
            // As std's streams do, this returns the end of the stream each time.
            let ended = inner.rare.ended().map(|ended| &*ended.error);
            return Err(match ended {
                Some(EndError::EndOfStream { .. }) => ReadError::EndOfStream,
                _ => self.cannot_read(),
            });
        }
        let mut deadline = self.settings.read_timeout.deadline();
        let peer = inner.peer();
        let stop = match DirectionGuard::<RecvState>::take(self, inner, &mut deadline) {
            Err(why) => Stop::Interrupted(why),
            Ok(mut guard) => match self.fill_to(&mut guard, 1, &mut deadline) {
                Ok(()) => {
                    let buffer = &mut guard.recv.buffer;
                    let count = buffer.len().min(out.len());
                    out[..count].copy_from_slice(&buffer.unread()[..count]);
                    buffer.skip(count);
                    return Ok(count);
                }
                Err(Stop::End) => return Err(self.end_reading(guard.release())),
                Err(stop) => stop,
            },
        };
        Err(match stop {
            Stop::Interrupted(Interrupted::TimedOut) => ReadError::TimedOut { peer },
            Stop::Interrupted(Interrupted::Os(source)) => ReadError::Socket { peer, source },
            _ => ReadError::Disconnected,
        })
    }

    /// Waits until the buffer holds `needed` bytes.
    fn fill_to(
        &self,
        guard: &mut DirectionGuard<'_, RecvState>,
        needed: usize,
        deadline: &mut Deadline<'_>,
    ) -> Result<(), Stop> {
        while guard.recv.buffer.len() < needed {
            match self.fill(guard, MAX_FILL) {
                Received::Bytes(_) => {}
                Received::Nothing => self.wait_for_data(guard, deadline, needed)?,
                Received::End => return Err(Stop::End),
            }
        }
        Ok(())
    }

    /// Waits until there may be data, and sends queued data meanwhile, because the peer may be
    /// waiting for it. `needed` is the number of bytes that the caller waits for.
    fn wait_for_data(
        &self,
        guard: &mut DirectionGuard<'_, RecvState>,
        deadline: &mut Deadline<'_>,
        needed: usize,
    ) -> Result<(), Stop> {
        let mut interests = self.send_before_wait(guard);
        let sent = guard.send.traffic.bytes();
        let expects_answer = needed <= MAX_ANSWER && guard.owners.get().spin.expects_answer(sent);
        if expects_answer
            && interests == Some(Interests::READABLE)
            && guard.owners.get().spin.has_credit()
            && sys::has_several_cores()
            && deadline.left()?.is_none_or(|left| left > SHORTEST_WAIT)
        {
            match guard.spin()? {
                SpinEnd::Found => {
                    guard.owners.get().spin.found();
                    return Ok(());
                }
                SpinEnd::Missed => guard.owners.get().spin.missed(),
                SpinEnd::Interrupted => {}
            }
            // The lock was free.
            interests = self.send_before_wait(guard);
        }
        if let Some(interests) = interests {
            let slept = guard.wait(interests, deadline)?;
            if expects_answer {
                guard.owners.get().spin.slept(slept);
            }
        }
        // A failed send ends the connection once everything received before it has been read.
        if matches!(guard.send.phase, SendPhase::Failed(_))
            && !matches!(self.fill(guard, MAX_FILL), Received::Bytes(_))
        {
            return Err(Stop::End);
        }
        Ok(())
    }

    /// Sends queued data, and returns what to wait for; `None` if a send has failed.
    fn send_before_wait(&self, guard: &mut DirectionGuard<'_, RecvState>) -> Option<Interests> {
        let may_send = !guard.owners.own_send();
        if may_send {
            // A failure stays in the phase.
            let _ = self.flush_now(guard, usize::MAX);
        }
        if matches!(guard.send.phase, SendPhase::Failed(_)) {
            return None;
        }
        Some(if may_send && !guard.send.queue.is_empty() {
            Interests::BOTH
        } else {
            Interests::READABLE
        })
    }

    /// Receives at most `limit` bytes into the buffer. Never waits.
    pub(super) fn fill(&self, inner: &mut Inner, limit: usize) -> Received {
        record_received(inner, |inner| {
            let Inner {
                transport, recv, ..
            } = inner;
            match transport.connected_socket() {
                Some(socket) => recv.fill(socket, &self.watching, limit),
                None => Received::End,
            }
        })
    }

    /// Returns the error of a read in any status but [`Status::Connected`].
    #[cold]
    pub(super) fn cannot_read(&self) -> ReadError {
        match self.status() {
            Status::Connecting => ReadError::Connecting,
            _ => ReadError::NotConnected,
        }
    }
}

/// Fills `out` from the buffer if that holds enough bytes, and returns whether it does.
#[inline]
fn take_buffered(inner: &mut Inner, out: &mut [MaybeUninit<u8>]) -> bool {
    let is_taken = inner.owners.own_recv();
    let recv = &mut inner.recv;
    let is_enough = recv.buffer.len() >= out.len() && !out.is_empty() && !is_taken;
    if is_enough {
        recv.buffer.take(out);
    }
    is_enough
}

/// Whether a receive met a socket error.
fn has_failed(outcome: &io::Result<usize>) -> bool {
    matches!(outcome, Err(error) if error.kind() != ErrorKind::WouldBlock)
}

impl From<Interrupted> for Stop {
    fn from(why: Interrupted) -> Stop {
        Stop::Interrupted(why)
    }
}

impl From<TimedOut> for Stop {
    fn from(timed_out: TimedOut) -> Stop {
        Stop::Interrupted(timed_out.into())
    }
}

/// Why a blocking read stops.
#[derive(Debug)]
enum Stop {
    Interrupted(Interrupted),
    /// Nothing more will come.
    End,
}
