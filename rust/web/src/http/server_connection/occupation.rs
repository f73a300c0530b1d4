//! Which connections make room for others.

use std::time::{Duration, Instant};

use super::transfer::Transfer;
use super::{Ending, ServerConnection, State};
use crate::clock::Clock;

/// How long a head, a body or an answer may make no progress before it makes room.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(1));

const TOO_MANY: &str = "too many connections";

/// What a connection is busy with. A server with too many connections ends them in this order,
/// because the first lose least; among equal ones, it ends the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occupation {
    /// It waits for a request of which nothing has arrived. Nothing is lost.
    Idle,
    /// The head of a request has been incomplete for a second.
    Head,
    /// The body of a request has not moved for a second, or by less than 500 bytes per second after
    /// the first one.
    Body,
    /// The client accepts an answer as slowly.
    Answer,
    /// Something moves, or the server has to answer.
    Busy,
}

impl ServerConnection {
    /// What the connection is busy with at `now`, and since when. A handshake is like a head.
    pub fn occupation(&self, now: Instant) -> (Occupation, Instant) {
        let clock = self.clock.at(now);
        let (occupation, since) = self.occupation_by(&clock);
        (occupation, clock.undo(since))
    }

    /// The same with the time of `clock`.
    fn occupation_by(&self, clock: &Clock) -> (Occupation, Instant) {
        let of = |slow: Occupation, transfer: &Transfer| match transfer.is_slow(PATIENCE, clock) {
            true => (slow, transfer.since()),
            false => (Occupation::Busy, transfer.since()),
        };
        let of_head = |since: Instant| match clock.is_late(since, PATIENCE) {
            true => (Occupation::Head, since),
            false => (Occupation::Busy, since),
        };
        if let Some(since) = self.handshake {
            return of_head(since);
        }
        match (&self.backlog, &self.state) {
            (Some(backlog), _) if !self.unsent().is_empty() => of(Occupation::Answer, backlog),
            (_, State::Idle { since }) if self.unread().is_empty() => (Occupation::Idle, *since),
            (_, State::Head { since, .. }) => of_head(*since),
            (_, State::Body(arriving)) => of(Occupation::Body, &arriving.transfer),
            (_, State::Waiting { since, .. }) => match &self.upload {
                Some(upload) if !upload.waits_for_caller() => {
                    of(Occupation::Body, upload.transfer())
                }
                _ => (Occupation::Busy, *since),
            },
            (_, State::Idle { since }) => (Occupation::Busy, *since),
            (_, State::Sending { since, .. }) => (Occupation::Busy, *since),
            (_, State::Upgraded | State::Over(_)) => (Occupation::Busy, clock.now()),
        }
    }

    /// Ends the connection, which is new, because there are too many.
    pub fn refuse_connection(&mut self) {
        self.refuse(503, TOO_MANY);
    }

    /// Ends the connection because another one needs its place. The client gets 503, unless it
    /// waits for nothing, or an answer has begun.
    pub fn make_room(&mut self) {
        match &self.state {
            _ if !self.unsent().is_empty() => self.end(Ending::Abort),
            State::Sending { .. } => self.end(Ending::Abort),
            State::Idle { .. } => self.end(Ending::Close),
            State::Head { .. } | State::Body(_) | State::Waiting { .. } => {
                self.refuse(503, TOO_MANY);
            }
            State::Upgraded | State::Over(_) => {}
        }
    }
}
