//! One message for all members.

use std::sync::Arc;

use crate::connection::Connection;
use crate::dispatch::event_loop::Shared;
use crate::dispatch::member::Member;
use crate::dispatch::packet_channel::Format;
use crate::dispatch::subject::{Peer, Source, Subject};
use crate::error::WriteError;
use crate::event::Status;

/// How many bytes may wait to be sent to a peer that has no limit of its own, so that one that does not read holds up nobody.
pub(super) const QUEUE_LIMIT: usize = 1 << 20;

/// A member that did not take a broadcast.
#[derive(Debug)]
pub struct Refused<S> {
    /// The member.
    pub member: Arc<Member<S>>,
    /// Why not.
    pub error: WriteError,
}

/// See [`EventLoop::broadcast`](crate::dispatch::EventLoop::broadcast).
pub(super) fn broadcast<S: Subject>(
    shared: &Shared<S>,
    data: &[u8],
    is_left_out: impl Fn(&S) -> bool,
) -> Vec<Refused<S>> {
    let mut framed = Framed::default();
    let mut refused = Vec::new();
    let mut enqueued = Vec::new();
    let members = shared.members();
    // Two broadcasts reach all members in the same order.
    let guard = shared.begin_broadcast();
    for member in members.iter() {
        if is_left_out(member.subject()) {
            continue;
        }
        let outcome = match member.subject().source() {
            Source::Server(_) => continue,
            Source::Peer(peer) => post(peer.connection(), |connection, limit| {
                connection.enqueue(data, limit)
            }),
            Source::Packets(channel) => channel.with_peer(|peer, format| {
                post(peer.connection(), |connection, limit| {
                    connection.enqueue_packet(framed.of(format, data)?, limit)
                })
            }),
        };
        match outcome {
            None => {}
            // Somebody else sends what it is behind, or the kernel reports when it has room.
            Some(Ok(false)) => {}
            Some(Ok(true)) => enqueued.push(member.clone()),
            Some(Err(error)) => refused.push(Refused {
                member: member.clone(),
                error,
            }),
        }
    }
    drop(guard);
    for member in shared.send_later(enqueued) {
        send(&member);
    }
    refused
}

/// Has `post` post to `connection`, if it is connected, with its limit. Whether nothing waited there before.
fn post(
    connection: &Connection,
    post: impl FnOnce(&Connection, usize) -> Result<bool, WriteError>,
) -> Option<Result<bool, WriteError>> {
    let limit = match connection.queue_limit() {
        0 => QUEUE_LIMIT,
        limit => limit,
    };
    (connection.status() == Status::Connected).then(|| post(connection, limit))
}

/// Sends what was enqueued to `member`.
pub(super) fn send<S: Subject>(member: &Member<S>) {
    match member.subject().source() {
        Source::Server(_) => {}
        Source::Peer(peer) => peer.connection().try_flush(),
        Source::Packets(channel) => {
            channel.with_peer(|peer, _| {
                peer.connection().try_flush();
                None::<()>
            });
        }
    }
}

/// The last packet that was framed: most members of a loop have the same format.
#[derive(Default)]
struct Framed(Option<(Arc<Format>, Vec<u8>)>);

impl Framed {
    /// `data` as a packet of `format`.
    fn of(&mut self, format: &Arc<Format>, data: &[u8]) -> Result<&[u8], WriteError> {
        let is_known = matches!(&self.0, Some((known, _)) if Arc::ptr_eq(known, format));
        if !is_known {
            let frame = format.framing.frame(data, format.limit)?;
            self.0 = Some((format.clone(), frame));
        }
        Ok(self.0.as_ref().map_or(&[], |(_, frame)| frame))
    }
}
