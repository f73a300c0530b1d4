//! A client's connection and the one to the target.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::Target;
use crate::connection::Connection;
use crate::error::{ConnectError, PollError, ReadError};
use crate::event::Status;
use crate::relay::conditions::{Conditions, Cut};
use crate::relay::lane::{Lane, Tail};
use crate::relay::random::Random;

/// So much is read at a time.
const BLOCK: usize = 64 * 1024;

/// How a link has ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkEnd {
    /// Both ends have ended their streams, and everything has arrived.
    Ended,
    /// One end was reset, or is gone, and now the other one is reset.
    Failed,
    /// The relay was told to cut it.
    Cut,
    /// The target was not reached; the client is reset.
    Unreached(Arc<ConnectError>),
    /// There is no target, or it is the relay itself; the client is reset.
    NoTarget,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: u64,
    client: Connection,
    target: Connection,
    pub(super) to_target: Lane,
    pub(super) to_client: Lane,
}

impl Link {
    /// Begins to connect to `target` for `client`.
    pub(super) fn open(
        number: u64,
        client: Connection,
        target: Option<Target>,
        limit: Option<Duration>,
        now: Instant,
        mut random: Random,
    ) -> Result<Link, LinkEnd> {
        let link = Link {
            number,
            client,
            target: Connection::new(),
            to_target: Lane::new(&mut random),
            to_client: Lane::new(&mut random),
        };
        for end in [&link.client, &link.target] {
            end.set_allow_half_open(true);
        }
        send_at_once(&link.client);
        let begun = match target {
            None => Err(LinkEnd::NoTarget),
            Some(target) => link
                .target
                .connect(target, limit, now)
                .map_err(|error| LinkEnd::Unreached(Arc::new(error))),
        };
        match begun {
            Ok(()) => {
                if link.target.status() == Status::Connected {
                    send_at_once(&link.target);
                }
                Ok(link)
            }
            Err(end) => {
                link.abort();
                Err(end)
            }
        }
    }

    /// From which address its target sees it come.
    pub(super) fn target_sees(&self) -> Option<SocketAddr> {
        self.target.local_address()
    }

    /// Both ends see a reset.
    pub(super) fn abort(&self) {
        self.client.abort();
        self.target.abort();
    }

    /// Both ends see an end.
    pub(super) fn close(&self) {
        self.client.disconnect();
        self.target.disconnect();
    }

    /// Moves what can be moved at `now`. How the link has ended, if it has.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        to_target: &Conditions,
        to_client: &Conditions,
    ) -> Option<LinkEnd> {
        if self.target.status() == Status::Connecting {
            if let Err(PollError::Connect(error)) = self.target.poll(|| now) {
                self.abort();
                return Some(LinkEnd::Unreached(error));
            }
            if self.target.status() == Status::Connected {
                send_at_once(&self.target);
            }
        }
        let is_connecting = self.target.status() == Status::Connecting;
        receive(&self.client, &mut self.to_target, now, to_target);
        if !is_connecting {
            receive(&self.target, &mut self.to_client, now, to_client);
        }
        let mut there = Way {
            lane: &mut self.to_target,
            conditions: to_target,
            sink: &self.target,
        };
        let mut back = Way {
            lane: &mut self.to_client,
            conditions: to_client,
            sink: &self.client,
        };
        let outcomes = [there.deliver(now, &mut back), back.deliver(now, &mut there)];
        if outcomes.contains(&Outcome::Cut(Cut::Abort)) {
            self.abort();
            return Some(LinkEnd::Cut);
        }
        if outcomes.contains(&Outcome::Cut(Cut::Close)) {
            self.close();
            return Some(LinkEnd::Cut);
        }
        if outcomes.contains(&Outcome::Reset) {
            self.abort();
            return Some(LinkEnd::Failed);
        }
        let is_over = self.to_target.is_ended() && self.to_client.is_ended();
        is_over.then_some(LinkEnd::Ended)
    }
}

/// Has a connection not gather what the relay has put together. Before it is connected the option
/// would have to succeed, but a relay works without it.
fn send_at_once(end: &Connection) {
    // A connection that is gone already tells so when it is polled.
    let _ = end.set_options("set no-delay", |options| options.no_delay = true);
}

/// A direction: its lane, and where that leads.
struct Way<'a> {
    lane: &'a mut Lane,
    conditions: &'a Conditions,
    sink: &'a Connection,
}

/// What has come of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    GoesOn,
    Reset,
    Cut(Cut),
}

impl Way<'_> {
    /// Hands over what has arrived at `now`. That its sink is gone travels `back`.
    fn deliver(&mut self, now: Instant, back: &mut Way<'_>) -> Outcome {
        let is_connected = self.sink.status() == Status::Connected;
        let mut has_failed = false;
        let is_blocked = self.lane.deliver(now, self.conditions, |block| {
            if !is_connected {
                return 0;
            }
            self.sink.try_write(block).unwrap_or_else(|_| {
                has_failed = true;
                0
            })
        });
        // With something left to read it goes on until that was read, and then tells.
        if has_failed && self.sink.status() != Status::Connected {
            back.lane.reset(now, back.conditions);
        }
        if let Some(cut) = self.lane.cut(self.conditions) {
            return Outcome::Cut(cut);
        }
        match self.lane.tail(now, self.conditions, is_blocked) {
            Some(Tail::Reset) => return Outcome::Reset,
            Some(Tail::End) if is_connected => {
                // If it fails the sink is gone, and tells when it is polled.
                let _ = self.sink.shut_down_writing();
                self.lane.note_end();
            }
            _ => {}
        }
        Outcome::GoesOn
    }
}

/// Has what has come from `source` set out, as far as there is room.
fn receive(source: &Connection, lane: &mut Lane, now: Instant, conditions: &Conditions) {
    let mut has_more = match source.poll(|| now) {
        Ok(has_more) => has_more,
        Err(_) => return lane.reset(now, conditions),
    };
    while has_more {
        let room = lane.room(conditions).min(BLOCK);
        if room == 0 {
            return;
        }
        let read = source.try_read_with(room, |bytes| {
            lane.push(bytes, now, conditions);
            bytes.len()
        });
        has_more = match read {
            Ok(count) => count > 0,
            Err(ReadError::EndOfStream) => false,
            Err(_) => return lane.reset(now, conditions),
        };
    }
    let has_ended = match source.status() {
        Status::Connected => source.is_read_closed(),
        _ => true,
    };
    if has_ended {
        lane.end(now, conditions);
    }
}
