//! TLS of the engine's over the socket of a client.

use std::time::{Duration, Instant};

use godot::global::Error;
use stream_socket::{Address, Connection, Status};

use super::quiet::Quiet;
use super::transport::Received;
use crate::bridge::ObjectRef;
use crate::class_trees::{TCP_PEER, UDS_PEER};
use crate::parts::{EngineOutput, EngineStream, PeerObject};
use crate::peer;

/// How long the handshakes of all clients may take in one poll. One with a key of RSA takes
/// milliseconds, and strangers can begin many.
pub(super) struct HandshakeTime {
    left: Option<Duration>,
}

impl HandshakeTime {
    /// At most `limit`, but at least one step.
    pub(super) fn new(limit: Option<Duration>) -> HandshakeTime {
        HandshakeTime { left: limit }
    }

    fn spend<R>(&mut self, step: impl FnOnce() -> R) -> Option<R> {
        if self.left == Some(Duration::ZERO) {
            return None;
        }
        let began = Instant::now();
        let result = step();
        self.left = self.left.map(|left| left.saturating_sub(began.elapsed()));
        Some(result)
    }
}

/// A client that speaks TLS. Nobody else has its objects, so no script runs in their methods, and
/// they may be called while the client is locked.
pub(super) struct Tls {
    socket: PeerObject<ObjectRef>,
    stage: Stage,
    output: EngineOutput,
    /// Whether the stream may have input that the socket has not any more.
    may_have_more: bool,
}

enum Stage {
    /// Nothing has arrived. A handshake takes memory, so it begins later.
    Silent {
        options: ObjectRef,
    },
    Handshake {
        stream: ObjectRef,
        since: Instant,
    },
    Open {
        stream: ObjectRef,
    },
    Over,
}

impl Tls {
    /// TLS with the `options` of a server.
    pub(super) fn new(connection: Connection, options: ObjectRef) -> Tls {
        let class = match connection.peer_address() {
            Some(Address::Unix(_)) => UDS_PEER,
            _ => TCP_PEER,
        };
        let (object, part) = peer::from_connection(class, connection);
        Tls {
            socket: peer::with_part(&object, part),
            stage: Stage::Silent { options },
            output: EngineOutput::default(),
            may_have_more: false,
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.socket.peer.connection
    }

    /// Goes on with the handshake. Returns whether there may be input.
    pub(super) fn poll(&mut self, now: Instant, time: &mut HandshakeTime) -> bool {
        let has_data = !matches!(self.connection().poll(|| now), Ok(false));
        if let Stage::Silent { options } = &self.stage
            && self.connection().has_unread()
        {
            let options = options.clone();
            self.step(time, now, |socket| ObjectRef::accept(socket, &options));
        } else if let Stage::Handshake { stream, since } = &self.stage {
            let (stream, since) = (stream.clone(), *since);
            self.step(time, since, |_| {
                stream.poll();
                Some(stream)
            });
        }
        has_data || self.may_have_more || self.connection().is_read_closed()
    }

    fn step(
        &mut self,
        time: &mut HandshakeTime,
        since: Instant,
        step: impl FnOnce(&ObjectRef) -> Option<ObjectRef>,
    ) {
        let _quiet = Quiet::new();
        let Some(stream) = time.spend(|| step(&self.socket.object)) else {
            return;
        };
        let status = stream.as_ref().map(EngineStream::status);
        self.stage = match (stream, status) {
            (Some(stream), Some(Status::Connecting)) => Stage::Handshake { stream, since },
            (Some(stream), Some(Status::Connected)) => Stage::Open { stream },
            _ => Stage::Over,
        };
        // What follows the handshake may be in the stream already.
        self.may_have_more = true;
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open { .. }) && self.connection().status() == Status::Connected
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Over) || self.connection().status() != Status::Connected
    }

    /// Since when the handshake lasts.
    pub(super) fn handshake_since(&self) -> Option<Instant> {
        match self.stage {
            Stage::Handshake { since, .. } => Some(since),
            _ => None,
        }
    }

    pub(super) fn receive(&mut self, limit: usize, take: impl FnOnce(&[u8])) -> Received {
        let Stage::Open { stream } = &self.stage else {
            return Received::Nothing;
        };
        let _quiet = Quiet::new();
        match stream.read(limit) {
            Ok(bytes) if bytes.is_empty() => {
                self.may_have_more = false;
                Received::Nothing
            }
            Ok(bytes) => {
                self.may_have_more = true;
                take(bytes.as_slice());
                Received::Bytes(bytes.len())
            }
            Err(code) => {
                // The engine's stream is gone, and nothing can be sent any more.
                self.stage = Stage::Over;
                match code {
                    Error::ERR_FILE_EOF => Received::End,
                    _ => Received::Failed,
                }
            }
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> usize {
        let Stage::Open { stream } = &self.stage else {
            return 0;
        };
        let _quiet = Quiet::new();
        let written = self.output.write(stream, bytes);
        written.unwrap_or_else(|_| {
            self.stage = Stage::Over;
            0
        })
    }

    pub(super) fn disconnect(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Open { stream } | Stage::Handshake { stream, .. } => {
                let _quiet = Quiet::new();
                stream.disconnect();
            }
            Stage::Silent { .. } | Stage::Over => {}
        }
        self.connection().disconnect();
    }

    /// The stream, for another protocol. `None` if it has ended.
    pub(super) fn into_stream(self) -> Option<(ObjectRef, EngineOutput)> {
        match self.stage {
            Stage::Open { stream } => Some((stream, self.output)),
            _ => None,
        }
    }
}
