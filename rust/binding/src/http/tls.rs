//! The engine's TLS over a client's socket.

use std::time::{Duration, Instant};

use godot::global::Error;
use stream_socket::{Address, Connection, Status};

use super::quiet::Quiet;
use super::received::Received;
use crate::bridge::ObjectRef;
use crate::parts::{EngineOutput, EngineStream, PeerObject};
use crate::peer;
use crate::peer::{TCP_PEER, UDS_PEER};

/// How many bytes are read when a handshake ends.
const BLOCK: usize = 16 * 1024;

/// How long the handshakes of all clients may take in one poll. One with an RSA key takes
/// milliseconds, and untrusted clients can begin many.
pub(super) struct HandshakeBudget {
    left: Option<Duration>,
}

impl HandshakeBudget {
    /// A budget of `limit` that allows at least one step. `None` is unlimited.
    pub(super) fn new(limit: Option<Duration>) -> HandshakeBudget {
        let left = limit.map(|limit| limit.max(Duration::from_nanos(1)));
        HandshakeBudget { left }
    }

    /// An empty budget: no step is allowed.
    pub(super) fn none() -> HandshakeBudget {
        HandshakeBudget {
            left: Some(Duration::ZERO),
        }
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
    /// The bytes that arrived with the end of the handshake.
    first: Vec<u8>,
    /// Whether the stream may have input that it has already taken from the socket.
    has_more: bool,
}

enum Stage {
    /// Waits for the client's first bytes. The handshake begins only then, because it takes memory
    /// and time.
    Idle {
        options: ObjectRef,
        has_received: bool,
    },
    Handshake {
        stream: ObjectRef,
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
            stage: Stage::Idle {
                options,
                has_received: false,
            },
            output: EngineOutput::default(),
            first: Vec::new(),
            has_more: false,
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.socket.peer.connection
    }

    /// Advances the handshake. Returns whether there may be input.
    pub(super) fn poll(&mut self, now: Instant, budget: &mut HandshakeBudget) -> bool {
        let has_data = matches!(self.connection().poll(|| now), Ok(true));
        let has_ended = self.connection().is_read_closed();
        if let Stage::Idle { has_received, .. } = &mut self.stage {
            *has_received |= has_data;
        }
        match &self.stage {
            Stage::Idle { options, .. } if has_data => {
                let options = options.clone();
                self.step(budget, |socket| ObjectRef::accept(socket, &options));
            }
            Stage::Handshake { stream } if has_data => {
                let stream = stream.clone();
                self.step(budget, |_| Some(stream));
            }
            Stage::Idle { .. } | Stage::Handshake { .. } if has_ended => {
                self.stage = Stage::Over;
            }
            _ => {}
        }
        has_data || has_ended || self.has_more || !self.first.is_empty()
    }

    /// Advances the handshake of the stream that `begin` returns, as far as the budget allows. The
    /// engine says too early that it is complete, so it lasts until the first bytes of a request.
    fn step(
        &mut self,
        budget: &mut HandshakeBudget,
        begin: impl FnOnce(&ObjectRef) -> Option<ObjectRef>,
    ) {
        let _quiet = Quiet::new();
        let stepped = budget.spend(|| {
            let stream = begin(&self.socket.object)?;
            stream.poll();
            let bytes = match stream.status() {
                Status::Connecting => Vec::new(),
                _ => stream.read(BLOCK).ok()?.to_vec(),
            };
            Some((stream, bytes))
        });
        self.stage = match stepped {
            None => return,
            Some(None) => Stage::Over,
            Some(Some((stream, bytes))) if bytes.is_empty() => Stage::Handshake { stream },
            Some(Some((stream, bytes))) => {
                self.first = bytes;
                Stage::Open { stream }
            }
        };
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open { .. }) && self.connection().status() == Status::Connected
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Over) || self.connection().status() != Status::Connected
    }

    /// Whether something has arrived and the handshake is not complete.
    pub(super) fn is_in_handshake(&self) -> bool {
        match self.stage {
            Stage::Handshake { .. } => true,
            Stage::Idle { has_received, .. } => has_received,
            Stage::Open { .. } | Stage::Over => false,
        }
    }

    pub(super) fn receive(&mut self, limit: usize, take: impl FnOnce(&[u8])) -> Received {
        let Stage::Open { stream } = &self.stage else {
            return Received::Nothing;
        };
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            take(&first);
            return Received::Bytes(first.len());
        }
        let connection = &self.socket.peer.connection;
        let has_data = stream.has_input() || connection.available().is_some_and(|it| it > 0);
        self.has_more = has_data;
        if !has_data {
            // The engine prints a line for each stream that it finds at its end.
            return match connection.is_read_closed() {
                true => Received::End,
                false => Received::Nothing,
            };
        }
        let _quiet = Quiet::new();
        match stream.read(limit) {
            Ok(bytes) if bytes.is_empty() => {
                self.has_more = false;
                Received::Nothing
            }
            Ok(bytes) => {
                take(bytes.as_slice());
                Received::Bytes(bytes.len())
            }
            Err(code) => {
                // The engine's stream is gone, so nothing more can be sent.
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
            Stage::Open { stream } | Stage::Handshake { stream } => {
                let _quiet = Quiet::new();
                stream.disconnect();
            }
            Stage::Idle { .. } | Stage::Over => {}
        }
        self.connection().disconnect();
    }

    /// The stream with its socket, for another protocol. `None` if it has ended.
    pub(super) fn into_stream(self) -> Option<((ObjectRef, PeerObject<ObjectRef>), EngineOutput)> {
        match self.stage {
            Stage::Open { stream } => Some(((stream, self.socket), self.output)),
            _ => None,
        }
    }
}
