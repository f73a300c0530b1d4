//! One message for all members of an event loop.

use std::sync::Arc;

use crate::connection::Connection;
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::loop_state::{LoopState, QUEUE_LIMIT, flush};
use crate::dispatch::member::LoopMember;
use crate::dispatch::packet_channel::Format;
use crate::dispatch::subject::{Refusal, Source, Subject};
use crate::error::WriteError;
use crate::event::Status;

/// A member that could not accept a broadcast.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused<S> {
    /// The member.
    pub member: Arc<LoopMember<S>>,
    /// Why it could not. `None` for a session, which knows why itself.
    pub error: Option<WriteError>,
}

/// Sends `data` to `members`, and `message` to sessions. See
/// [`EventLoop::broadcast`](crate::dispatch::EventLoop::broadcast).
pub(super) fn broadcast<'a, S: Subject + 'a>(
    shared: &LoopState<S>,
    data: &[u8],
    message: &mut S::Message<'_>,
    members: impl Iterator<Item = &'a Arc<LoopMember<S>>>,
) -> Vec<Refused<S>> {
    let mut framed = FrameCache::default();
    let mut refused = Vec::new();
    let mut unflushed = Vec::new();
    // Two broadcasts reach all members in the same order.
    let guard = shared.lock_broadcasts();
    for member in members {
        let outcome = match member.subject().source() {
            Source::Server(_) => continue,
            Source::Endpoint(endpoint) => enqueue(endpoint.connection(), |connection, limit| {
                connection.enqueue(data, limit)
            }),
            Source::Packets(channel) => channel.with_endpoint(|endpoint, format| {
                enqueue(endpoint.connection(), |connection, limit| {
                    connection.enqueue_packet(framed.frame(format, data)?, limit)
                })
            }),
            Source::Session(session) => session
                .send(message)
                .map(|sent| sent.map_err(|Refusal| None)),
        };
        match outcome {
            // Not connected.
            None => {}
            // The queue was not empty: a flush is under way, or follows when the kernel has room.
            Some(Ok(false)) => {}
            Some(Ok(true)) => unflushed.push(member.clone()),
            Some(Err(error)) => refused.push(Refused {
                member: member.clone(),
                error,
            }),
        }
    }
    drop(guard);
    for member in shared.defer_flush(unflushed) {
        flush(&member);
    }
    refused
}

/// Calls `enqueue` with `connection` and its write buffer limit, if it is connected. The result is
/// whether the queue was empty.
fn enqueue(
    connection: &Connection,
    enqueue: impl FnOnce(&Connection, usize) -> Result<bool, WriteError>,
) -> Option<Result<bool, Option<WriteError>>> {
    let limit = match connection.queue_limit() {
        0 => QUEUE_LIMIT,
        limit => limit,
    };
    (connection.status() == Status::Connected).then(|| enqueue(connection, limit).map_err(Some))
}

/// The frame for the format that was used last. Most members of a loop have the same format.
#[derive(Default)]
struct FrameCache(Option<(Arc<Format>, Vec<u8>)>);

impl FrameCache {
    /// Frames `data` as a packet of `format`.
    fn frame(&mut self, format: &Arc<Format>, data: &[u8]) -> Result<&[u8], WriteError> {
        let is_cached = matches!(&self.0, Some((cached, _)) if Arc::ptr_eq(cached, format));
        if !is_cached {
            let frame = format.framing.frame(data, format.limit)?;
            self.0 = Some((format.clone(), frame));
        }
        Ok(self.0.as_ref().map_or(&[], |(_, frame)| frame))
    }
}
