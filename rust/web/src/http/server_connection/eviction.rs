//! Which connections are evicted first when a server has too many.

use std::time::{Duration, Instant};

use super::transfer::Transfer;
use super::{ConnectionState, Ending, ServerConnection};
use crate::clock::Clock;

/// How long a head, a body or a response may make no progress before the connection counts as
/// slow.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(1));

const TOO_MANY: &str = "too many connections";

/// What a connection is busy with. A server with too many connections ends them in this order,
/// because the first lose least; among equal ones, it ends the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvictionClass {
    /// It waits for a request of which nothing has arrived. Nothing is lost.
    Idle,
    /// The head of a request has been incomplete for a second.
    Head,
    /// The body of a request has not moved for a second, or by less than 500 bytes per second after
    /// the first one.
    Body,
    /// The client accepts a response as slowly.
    Response,
    /// Something moves, or the server has to answer.
    Busy,
}

impl ServerConnection {
    /// What the connection is busy with at `now`, and since when. A handshake is like a head.
    pub fn eviction_class(&self, now: Instant) -> (EvictionClass, Instant) {
        let clock = self.clock.at(now);
        let (class, since) = self.class_by(&clock);
        (class, clock.undo(since))
    }

    /// The same with the time of `clock`.
    fn class_by(&self, clock: &Clock) -> (EvictionClass, Instant) {
        let of = |slow: EvictionClass, transfer: &Transfer| match transfer.is_slow(PATIENCE, clock)
        {
            true => (slow, transfer.since()),
            false => (EvictionClass::Busy, transfer.since()),
        };
        let of_head = |since: Instant| match clock.is_late(since, PATIENCE) {
            true => (EvictionClass::Head, since),
            false => (EvictionClass::Busy, since),
        };
        if let Some(since) = self.handshake {
            return of_head(since);
        }
        match (&self.pending_output, &self.state) {
            (Some(pending_output), _) if !self.unsent().is_empty() => {
                of(EvictionClass::Response, pending_output)
            }
            (_, ConnectionState::Idle { since }) if self.unread().is_empty() => {
                (EvictionClass::Idle, *since)
            }
            (_, ConnectionState::Head { since, .. }) => of_head(*since),
            (_, ConnectionState::Body(arriving)) => of(EvictionClass::Body, &arriving.transfer),
            (_, ConnectionState::Waiting { since, .. }) => match &self.upload {
                Some(upload) if !upload.waits_for_caller() => {
                    of(EvictionClass::Body, upload.transfer())
                }
                _ => (EvictionClass::Busy, *since),
            },
            (_, ConnectionState::Idle { since }) => (EvictionClass::Busy, *since),
            (_, ConnectionState::Sending { since, .. }) => (EvictionClass::Busy, *since),
            (_, ConnectionState::Upgraded | ConnectionState::Over(_)) => {
                (EvictionClass::Busy, clock.now())
            }
        }
    }

    /// Ends the connection, which is new, because there are too many.
    pub fn refuse_connection(&mut self) {
        self.refuse(503, TOO_MANY);
    }

    /// Ends the connection because another one needs its place. The client gets 503, unless it
    /// waits for nothing, or a response has begun.
    pub fn evict(&mut self) {
        match &self.state {
            _ if !self.unsent().is_empty() => self.end(Ending::Abort),
            ConnectionState::Sending { .. } => self.end(Ending::Abort),
            ConnectionState::Idle { .. } => self.end(Ending::Close),
            ConnectionState::Head { .. }
            | ConnectionState::Body(_)
            | ConnectionState::Waiting { .. } => {
                self.refuse(503, TOO_MANY);
            }
            ConnectionState::Upgraded | ConnectionState::Over(_) => {}
        }
    }
}
