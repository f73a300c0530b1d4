//! A client's connection and the one to the target.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stream_socket::{ConnectError, Connection, PollError, ReadError, Status, Target};

use crate::conditions::{Conditions, CutKind};
use crate::pipe::{Pipe, Tail};
use crate::random::Random;

/// The maximum number of bytes per read.
const BLOCK: usize = 64 * 1024;

/// Why a link has ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkEnd {
    /// Both ends ended their streams, and all bytes were forwarded.
    Ended,
    /// One end was reset or failed; the other one was reset.
    Failed,
    /// The conditions or a call of the relay cut it.
    Cut,
    /// The connect to the target failed; the client was reset.
    Unreached(Arc<ConnectError>),
    /// There is no target, or it is the relay itself; the client was reset.
    NoTarget,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) number: u64,
    client: Connection,
    target: Connection,
    pub(crate) to_target: Pipe,
    pub(crate) to_client: Pipe,
}

impl Link {
    /// Starts to connect to `target` on behalf of `client`.
    pub(crate) fn open(
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
            to_target: Pipe::new(&mut random),
            to_client: Pipe::new(&mut random),
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

    /// The local address of the connection to the target.
    pub(crate) fn target_sees(&self) -> Option<SocketAddr> {
        self.target.local_address()
    }

    /// Resets both ends.
    pub(crate) fn abort(&self) {
        self.client.abort();
        self.target.abort();
    }

    /// Closes both ends.
    pub(crate) fn close(&self) {
        self.client.disconnect();
        self.target.disconnect();
    }

    /// Forwards the bytes that are due at `now`. Returns why the link has ended, if it has.
    pub(crate) fn poll(
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
        let mut there = PipeEnd {
            pipe: &mut self.to_target,
            conditions: to_target,
            sink: &self.target,
        };
        let mut back = PipeEnd {
            pipe: &mut self.to_client,
            conditions: to_client,
            sink: &self.client,
        };
        let outcomes = [there.deliver(now, &mut back), back.deliver(now, &mut there)];
        if outcomes.contains(&Outcome::Cut(CutKind::Abort)) {
            self.abort();
            return Some(LinkEnd::Cut);
        }
        if outcomes.contains(&Outcome::Cut(CutKind::Close)) {
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

/// Sets TCP_NODELAY, because the relay chooses the sizes of pieces. The option is set after the
/// connect: before it, an option that cannot be set would fail the connect. The relay also works
/// without the option.
fn send_at_once(end: &Connection) {
    // A failure shows when the connection is polled.
    let _ = end.set_options(|options| options.no_delay = true);
}

/// The end of a pipe, with the connection that the pipe leads to.
struct PipeEnd<'a> {
    pipe: &'a mut Pipe,
    conditions: &'a Conditions,
    sink: &'a Connection,
}

/// The result of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Continues,
    Reset,
    Cut(CutKind),
}

impl PipeEnd<'_> {
    /// Writes the bytes that are due at `now`. If the sink has failed, a reset is sent `back`.
    fn deliver(&mut self, now: Instant, back: &mut PipeEnd<'_>) -> Outcome {
        let is_connected = self.sink.status() == Status::Connected;
        let mut has_failed = false;
        let is_blocked = self.pipe.deliver(now, self.conditions, |block| {
            if !is_connected {
                return 0;
            }
            self.sink.try_write(block).unwrap_or_else(|_| {
                has_failed = true;
                0
            })
        });
        // A failed sink with unread data stays connected until the data has been read.
        if has_failed && self.sink.status() != Status::Connected {
            back.pipe.reset(now, back.conditions);
        }
        if let Some(cut) = self.pipe.cut(self.conditions) {
            return Outcome::Cut(cut);
        }
        match self.pipe.tail(now, self.conditions, is_blocked) {
            Some(Tail::Reset) => return Outcome::Reset,
            Some(Tail::End) if is_connected => {
                // A failure shows when the sink is polled.
                let _ = self.sink.shut_down_writing();
                self.pipe.note_end();
            }
            _ => {}
        }
        Outcome::Continues
    }
}

/// Moves received bytes from `source` into the pipe, as far as there is room.
fn receive(source: &Connection, pipe: &mut Pipe, now: Instant, conditions: &Conditions) {
    let mut has_more = match source.poll(|| now) {
        Ok(has_more) => has_more,
        Err(_) => return pipe.reset(now, conditions),
    };
    while has_more {
        let room = pipe.room(conditions).min(BLOCK);
        if room == 0 {
            return;
        }
        let read = source.try_read_with(room, |bytes| {
            pipe.push(bytes, now, conditions);
            bytes.len()
        });
        has_more = match read {
            Ok(count) => count > 0,
            Err(ReadError::EndOfStream) => false,
            Err(_) => return pipe.reset(now, conditions),
        };
    }
    let has_ended = match source.status() {
        Status::Connected => source.is_read_closed(),
        _ => true,
    };
    if has_ended {
        pipe.end(now, conditions);
    }
}
