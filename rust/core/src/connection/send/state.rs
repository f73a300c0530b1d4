//! The sending direction: what was accepted and not sent yet, and how far its end has come.

use std::io;

use crate::connection::owner::Owner;
use crate::connection::send::queue::SendQueue;
use crate::connection::statistics::Traffic;
use crate::sys;

/// The sending direction of one session.
#[derive(Debug, Default)]
pub(crate) struct SendState {
    pub(crate) owner: Owner,
    pub(crate) queue: SendQueue,
    pub(crate) phase: SendPhase,
    /// So many bytes at the end of the queue belong to a call that has not accepted them yet.
    pub(crate) unaccepted: usize,
    /// Something had to wait because the system took no more.
    pub(crate) has_waited: bool,
    pub(crate) traffic: Traffic,
}

/// How far the end of the sending direction has come.
#[derive(Debug, Default)]
pub(crate) enum SendPhase {
    /// Data can be written.
    #[default]
    Open,
    /// An end was asked for. What is queued, and the call that is writing, come first.
    Draining,
    /// The end of the stream was sent.
    Shut,
    /// A send has failed. Nothing may be sent any more: the peer would see a gap.
    Failed(io::Error),
}

/// What one call writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes of the stream, wherever they are cut.
    Bytes,
    /// A message: it goes out whole or ends the connection, and the statistics count it.
    Message,
}

impl SendState {
    /// Takes all of it at the end of the session, but for what is told afterwards of what it has moved.
    pub(crate) fn end(&mut self) -> SendState {
        let left = SendState {
            traffic: self.traffic,
            ..SendState::default()
        };
        std::mem::replace(self, left)
    }

    /// Counts `count` bytes that were handed to the system.
    #[inline]
    pub(crate) fn count(&mut self, count: usize) {
        if count > 0 {
            self.traffic.add(count, sys::ticks());
        }
    }

    /// Counts what a call has written, once all of it was accepted.
    #[inline]
    pub(crate) fn accept(&mut self, unit: Unit) {
        if unit == Unit::Message {
            self.traffic.count_message();
        }
    }

    /// Whether a poll has something to do or to report.
    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty() || matches!(self.phase, SendPhase::Failed(_))
    }

    /// Checks what holds whenever the lock is free.
    pub(crate) fn check(&self) {
        self.queue.check();
        debug_assert!(self.unaccepted <= self.queue.len());
        debug_assert!(self.owner.is_consistent());
        match self.phase {
            SendPhase::Open | SendPhase::Draining => {}
            SendPhase::Shut => {
                debug_assert!(self.queue.is_empty(), "data behind the end of the stream")
            }
            SendPhase::Failed(_) => debug_assert!(self.queue.is_empty(), "data behind a gap"),
        }
    }

    /// How many bytes are accepted and not sent.
    pub(crate) fn pending(&self) -> usize {
        self.queue.len() - self.unaccepted
    }

    /// Takes back what no call has accepted. How much was left of it.
    pub(crate) fn take_back_unaccepted(&mut self) -> usize {
        debug_assert!(self.unaccepted <= self.queue.len());
        let count = std::mem::take(&mut self.unaccepted);
        self.queue.take_back(count);
        count
    }

    /// Takes `count` queued bytes for sent.
    pub(crate) fn sent(&mut self, count: usize) {
        self.queue.skip(count);
        self.unaccepted = self.unaccepted.min(self.queue.len());
    }
}
