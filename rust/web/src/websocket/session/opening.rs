//! The handshake of a session.

use thiserror::Error;

use crate::http::{
    HeadError, HeadLimits, HeadReader, RequestHead, WriteHeadError, check_field,
    write_response_head,
};
use crate::websocket::compression::Wanted;
use crate::websocket::handshake::{
    AcceptError, Accepted, ClientHandshake, ClientRequest, ServerOptions, accept, is_own_header,
};

/// How many interim responses a client skips before the answer of the server: 100 (Continue), 103
/// (Early Hints) and others (RFC 9110, section 15.2).
const MAX_INTERIM: u32 = 16;

/// What a session asks for or accepts in its handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The subprotocols, in order of preference. If there are any, both ends have to agree on one.
    pub protocols: Vec<String>,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
    /// How messages may be compressed; `None`: not at all.
    pub compression: Option<Wanted>,
}

/// Why a session cannot start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A text that a head cannot contain.
    #[error(transparent)]
    Head(#[from] WriteHeadError),
    /// A header that the handshake writes itself.
    #[error("header {0:?} is part of the handshake")]
    OwnHeader(String),
    /// A subprotocol that is not a token (RFC 6455, section 4.1).
    #[error("subprotocol {0:?} is not a token")]
    Protocol(String),
}

/// A handshake that is not complete.
#[derive(Debug)]
pub(super) struct Opening {
    reader: HeadReader,
    /// The beginning of the peer's head.
    head: Vec<u8>,
    kind: Kind,
    /// How many interim responses were skipped.
    interim: u32,
}

#[derive(Debug)]
enum Kind {
    Client(ClientHandshake),
    Server(Settings),
}

/// A handshake that is over.
pub(super) struct Opened {
    /// What both ends have agreed upon, or why there is no WebSocket.
    pub(super) outcome: Result<Accepted, String>,
    /// For a server: the host and the target that the client has requested.
    pub(super) requested: Option<String>,
    /// How many of the bytes of the last call belong to the handshake.
    pub(super) used: usize,
}

impl Opening {
    /// Writes the request of a client to `output`.
    pub(super) fn client(
        host: &str,
        target: &str,
        settings: &Settings,
        output: &mut Vec<u8>,
    ) -> Result<Opening, StartError> {
        check(settings)?;
        let request = ClientRequest {
            host,
            target,
            protocols: &settings.protocols,
            compression: settings.compression,
            headers: &settings.headers,
        };
        let client = ClientHandshake::begin(&request, output)?;
        Ok(Opening::new(Kind::Client(client)))
    }

    /// Waits for a client.
    pub(super) fn server(settings: Settings) -> Result<Opening, StartError> {
        check(&settings)?;
        Ok(Opening::new(Kind::Server(settings)))
    }

    fn new(kind: Kind) -> Opening {
        Opening {
            reader: HeadReader::new(HeadLimits::default()),
            head: Vec::new(),
            kind,
            interim: 0,
        }
    }

    /// Reads more of the peer's head, and writes the answer of a server to `output`. `None` if the
    /// head is incomplete.
    pub(super) fn read(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Option<Opened> {
        self.head.extend_from_slice(bytes);
        let read = match &self.kind {
            Kind::Client(client) => loop {
                let (head, length) = match self.reader.read_response(&self.head) {
                    Ok(Some(read)) => read,
                    Ok(None) => break Ok(None),
                    Err(error) => break Err(error),
                };
                if is_interim(head.status) && self.interim < MAX_INTERIM {
                    self.interim += 1;
                    self.head.drain(..length);
                    self.reader = HeadReader::new(HeadLimits::default());
                    continue;
                }
                let outcome = client.finish(&head).map_err(|error| error.to_string());
                break Ok(Some((outcome, None, length)));
            },
            Kind::Server(settings) => self.reader.read_request(&self.head).map(|read| {
                read.map(|(head, length)| {
                    let outcome = answer(&head, settings, output);
                    (outcome, Some(requested(&head)), length)
                })
            }),
        };
        match read {
            Ok(None) => None,
            Ok(Some((outcome, requested, length))) => Some(Opened {
                outcome,
                requested,
                // The bytes after the head are all in `bytes`: the head was incomplete before.
                used: bytes.len() - (self.head.len() - length),
            }),
            Err(error) => {
                if let Kind::Server(_) = self.kind {
                    write_refusal(&error, output);
                }
                Some(Opened {
                    outcome: Err(error.to_string()),
                    requested: None,
                    used: bytes.len(),
                })
            }
        }
    }

    /// Answers a request that was received already. `None` for a client.
    pub(super) fn answer(&self, head: &RequestHead, output: &mut Vec<u8>) -> Option<Opened> {
        let Kind::Server(settings) = &self.kind else {
            return None;
        };
        Some(Opened {
            outcome: answer(head, settings, output),
            requested: Some(requested(head)),
            used: 0,
        })
    }
}

/// Whether this response is interim. 101 (Switching Protocols) is the final one.
fn is_interim(status: u16) -> bool {
    (100..200).contains(&status) && status != 101
}

fn check(settings: &Settings) -> Result<(), StartError> {
    for (name, value) in &settings.headers {
        check_field(name, value)?;
        if is_own_header(name) {
            return Err(StartError::OwnHeader(name.clone()));
        }
    }
    for protocol in &settings.protocols {
        // The name of a header is a token, too.
        if check_field(protocol, "").is_err() {
            return Err(StartError::Protocol(protocol.clone()));
        }
    }
    Ok(())
}

/// Writes the response of a server.
fn answer(
    head: &RequestHead,
    settings: &Settings,
    output: &mut Vec<u8>,
) -> Result<Accepted, String> {
    let options = ServerOptions {
        protocols: &settings.protocols,
        compression: settings.compression,
        headers: &settings.headers,
    };
    accept(head, &options, output).map_err(|error| {
        if let AcceptError::Upgrade(error) = &error {
            error.write_response(output);
        }
        error.to_string()
    })
}

fn requested(head: &RequestHead) -> String {
    let host = head.headers.get("Host").unwrap_or_default();
    let target = if head.target.starts_with('/') {
        &head.target
    } else {
        head.path()
    };
    format!("{host}{target}")
}

/// Writes the response to a malformed request.
fn write_refusal(error: &HeadError, output: &mut Vec<u8>) {
    let body = format!("{error}\n");
    let length = body.len().to_string();
    let headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", &*length),
        ("Connection", "close"),
    ];
    // These fields are always valid.
    if write_response_head(output, error.status(), None, headers).is_ok() {
        output.extend_from_slice(body.as_bytes());
    }
}
