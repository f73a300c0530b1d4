//! The state of the sending direction.

use std::io;

use crate::connection::send::queue::SendQueue;
use crate::connection::traffic::Traffic;
use crate::sys;

/// Coalesced data is sent once there are this many bytes.
pub(super) const COALESCE_LIMIT: usize = 16 * 1024;

/// The sending direction of one connection.
#[derive(Debug, Default)]
pub(crate) struct SendState {
    pub(crate) queue: SendQueue,
    pub(crate) phase: SendPhase,
    /// The number of bytes at the end of the queue that belong to a call which has not accepted
    /// them. If the call gives up, it takes them back.
    pub(crate) unaccepted: usize,
    /// When the kernel first refused a part of the queue, in [ticks](sys::ticks); 0 if it has
    /// refused none. [`Event::Drained`](crate::Event::Drained) is due once the queue is empty.
    pub(crate) refused_at: u64,
    pub(crate) traffic: Traffic,
}

/// The progress of the sending direction towards its end.
#[derive(Debug, Default)]
pub(crate) enum SendPhase {
    /// Data can be written.
    #[default]
    Open,
    /// The end of the stream was requested. It follows the queue and the call that is writing.
    Draining,
    /// The end of the stream was sent.
    Shut,
    /// A send has failed. Nothing more may be sent, because the peer would see a gap. Boxed because
    /// it is rare.
    Failed(Box<SendFailure>),
    /// The connection has ended.
    Over {
        /// The number of accepted bytes that had not been sent by then.
        unsent: u64,
    },
}

/// A send that has failed.
#[derive(Debug)]
pub(crate) struct SendFailure {
    pub(crate) source: io::Error,
    /// The number of accepted bytes that are never sent.
    unsent: u64,
}

/// What one call writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes of the stream, which may be cut anywhere.
    Bytes,
    /// A message: it is sent whole or ends the connection, and the statistics count it.
    Message,
}

impl SendState {
    /// Moves the state out at the end of the connection. The counters stay for the statistics.
    pub(crate) fn take_at_end(&mut self) -> SendState {
        let left = SendState {
            traffic: self.traffic,
            phase: SendPhase::Over {
                unsent: self.unsent(),
            },
            ..SendState::default()
        };
        std::mem::replace(self, left)
    }

    /// Clears the queue, because a send has failed with `source`.
    pub(crate) fn fail(&mut self, source: io::Error) {
        let unsent = self.unsent();
        self.phase = SendPhase::Failed(Box::new(SendFailure { source, unsent }));
        self.queue.clear();
        self.unaccepted = 0;
    }

    /// Returns the number of bytes accepted since the connection began.
    pub(crate) fn accepted(&self) -> u64 {
        self.traffic.bytes() + self.unsent()
    }

    /// Returns the number of accepted bytes that have not been sent, those that never will be
    /// included.
    fn unsent(&self) -> u64 {
        let lost = match &self.phase {
            SendPhase::Failed(failure) => failure.unsent,
            SendPhase::Over { unsent } => *unsent,
            SendPhase::Open | SendPhase::Draining | SendPhase::Shut => 0,
        };
        lost + self.pending() as u64
    }

    /// Records that the kernel has refused a part of the queue. Returns whether this is the first
    /// refusal since the queue was last empty.
    pub(crate) fn note_refusal(&mut self) -> bool {
        let is_first = self.refused_at == 0;
        if is_first {
            self.refused_at = sys::ticks().max(1);
        }
        is_first
    }

    /// Whether the kernel has refused a part of the queue.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused_at > 0 && !self.queue.is_empty()
    }

    /// Returns when the queue last made progress or was first refused, in [ticks](sys::ticks).
    /// `None` if the kernel has refused nothing.
    pub(crate) fn stalled_since(&self) -> Option<u64> {
        self.is_refused()
            .then(|| self.refused_at.max(self.traffic.last))
    }

    /// Counts `count` bytes that the kernel has accepted.
    #[inline]
    pub(crate) fn count_sent(&mut self, count: usize) {
        if count > 0 {
            self.traffic.add(count, sys::ticks());
        }
    }

    /// Counts what a call has written, once all of it is accepted.
    #[inline]
    pub(crate) fn accept(&mut self, unit: Unit) {
        if unit == Unit::Message {
            self.traffic.count_message();
        }
    }

    /// Whether a poll has data to send or a failure to report.
    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty() || matches!(self.phase, SendPhase::Failed(_))
    }

    /// Returns the number of accepted bytes that have not been sent.
    pub(crate) fn pending(&self) -> usize {
        self.queue.len() - self.unaccepted
    }

    /// Removes the bytes from the queue that no call has accepted.
    pub(crate) fn take_back_unaccepted(&mut self) {
        debug_assert!(self.unaccepted <= self.queue.len());
        let count = std::mem::take(&mut self.unaccepted);
        self.queue.truncate_back(count);
    }

    /// Removes the first `count` bytes from the queue, which were sent.
    pub(crate) fn remove_sent(&mut self, count: usize) {
        self.queue.skip(count);
        self.unaccepted = self.unaccepted.min(self.queue.len());
    }

    /// Checks what holds whenever the lock is free.
    pub(crate) fn check(&self) {
        self.queue.check();
        debug_assert!(self.unaccepted <= self.queue.len());
        match self.phase {
            SendPhase::Open | SendPhase::Draining => {}
            SendPhase::Shut => {
                debug_assert!(self.queue.is_empty(), "data after the end of the stream");
            }
            SendPhase::Failed(_) => debug_assert!(self.queue.is_empty(), "data after a gap"),
            SendPhase::Over { .. } => {
                debug_assert!(self.queue.is_empty(), "data after the end");
            }
        }
    }
}
