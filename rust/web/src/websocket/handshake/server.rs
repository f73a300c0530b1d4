//! The handshake of a server (RFC 6455, section 4.2).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use super::super::compression::Wanted;
use super::{Accepted, VERSION, accept_key};
use crate::http::{BodyFraming, RequestHead, Version, WriteHeadError, write_response_head};

/// What a server accepts.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerOptions<'a> {
    /// The subprotocols of the server. If there are any, a client has to ask for one of them; the
    /// server uses the first in the client's list that it supports. If there are none, a client
    /// must not ask for any.
    pub protocols: &'a [String],
    /// How messages may be compressed; `None`: not at all.
    pub compression: Option<Wanted>,
    /// Further header fields of the response.
    pub headers: &'a [(String, String)],
}

/// Why a request does not become a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// Another method than `GET`.
    #[error("method {0} is not GET")]
    Method(String),
    /// HTTP/1.0 does not support upgrades.
    #[error("{0} does not support upgrades")]
    HttpVersion(&'static str),
    /// The request has a body.
    #[error("request has a body")]
    Body,
    /// `Upgrade` does not contain `websocket`.
    #[error("header Upgrade does not contain websocket")]
    Upgrade,
    /// `Connection` does not contain `Upgrade`.
    #[error("header Connection does not contain Upgrade")]
    Connection,
    /// `Sec-WebSocket-Version` is missing, occurs twice, or is not 13.
    #[error("header Sec-WebSocket-Version is not 13")]
    WebSocketVersion,
    /// `Sec-WebSocket-Key` is missing, occurs twice, or is not the base64 text of 16 bytes.
    #[error("header Sec-WebSocket-Key is not the base64 text of 16 bytes")]
    Key,
    /// The client requested subprotocols that the server does not support.
    #[error("subprotocol {0:?} is not supported")]
    Protocol(String),
    /// The client requested no subprotocol, and the server requires one.
    #[error("client requested no subprotocol")]
    NoProtocol,
}

impl UpgradeError {
    /// The status of the response.
    pub fn status(&self) -> u16 {
        match self {
            UpgradeError::Method(_) => 405,
            UpgradeError::HttpVersion(_)
            | UpgradeError::Upgrade
            | UpgradeError::WebSocketVersion => 426,
            _ => 400,
        }
    }

    /// Appends the response that refuses the request to `out`. The connection ends after it.
    pub fn write_response(&self, out: &mut Vec<u8>) {
        let body = format!("{self}\n");
        let length = body.len().to_string();
        let mut headers = vec![
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", &*length),
        ];
        match self.status() {
            405 => headers.extend([("Allow", "GET"), ("Connection", "close")]),
            // Sections 4.2.2 and 4.4; RFC 9110, section 15.5.22.
            426 => headers.extend([
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade, close"),
                ("Sec-WebSocket-Version", VERSION),
            ]),
            _ => headers.push(("Connection", "close")),
        }
        // These fields are always valid.
        if write_response_head(out, self.status(), None, headers).is_ok() {
            out.extend_from_slice(body.as_bytes());
        }
    }
}

/// Why [`accept`] has failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AcceptError {
    /// The request is refused.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// A header field of the options cannot be written.
    #[error(transparent)]
    Header(#[from] WriteHeadError),
}

/// Accepts a request, and appends the response to `out`. If it returns an error, `out` is
/// unchanged.
///
/// # Errors
/// The request is not a valid handshake, or the options contain an invalid header field.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::{HeadLimits, HeadReader};
/// use stream_socket_web::websocket::handshake::{ServerOptions, accept};
///
/// let request = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// let mut reader = HeadReader::new(HeadLimits::default());
/// let (head, _) = reader.read_request(request).unwrap().unwrap();
/// let mut response = Vec::new();
/// accept(&head, &ServerOptions::default(), &mut response).unwrap();
/// assert!(response.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// ```
pub fn accept(
    head: &RequestHead,
    options: &ServerOptions<'_>,
    out: &mut Vec<u8>,
) -> Result<Accepted, AcceptError> {
    let key = check(head)?;
    let protocol = select_protocol(head, options.protocols)?;
    let offers: Vec<_> = head.headers.get_all("Sec-WebSocket-Extensions").collect();
    let (extensions, compression) = options
        .compression
        .filter(|_| !offers.is_empty())
        .and_then(|wanted| wanted.accept(&offers.join(",")))
        .unzip();
    let accept = accept_key(key);
    let mut headers = vec![
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", &*accept),
    ];
    if let Some(protocol) = protocol {
        headers.push(("Sec-WebSocket-Protocol", protocol));
    }
    if let Some(extensions) = &extensions {
        headers.push(("Sec-WebSocket-Extensions", extensions));
    }
    let further = options.headers.iter();
    headers.extend(further.map(|(name, value)| (name.as_str(), value.as_str())));
    write_response_head(out, 101, None, headers)?;
    Ok(Accepted {
        protocol: protocol.map(str::to_owned),
        compression,
    })
}

/// The key of a valid request.
fn check(head: &RequestHead) -> Result<&str, UpgradeError> {
    if head.method != "GET" {
        return Err(UpgradeError::Method(head.method.clone()));
    }
    if head.version != Version::Http11 {
        return Err(UpgradeError::HttpVersion(head.version.as_str()));
    }
    if head.body() != BodyFraming::Empty {
        return Err(UpgradeError::Body);
    }
    let headers = &head.headers;
    if !headers.has_token("Upgrade", "websocket") {
        return Err(UpgradeError::Upgrade);
    }
    if !headers.has_token("Connection", "Upgrade") {
        return Err(UpgradeError::Connection);
    }
    let mut versions = headers.get_all("Sec-WebSocket-Version");
    if (versions.next(), versions.next()) != (Some(VERSION), None) {
        return Err(UpgradeError::WebSocketVersion);
    }
    let mut keys = headers.get_all("Sec-WebSocket-Key");
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => Ok(key),
        _ => Err(UpgradeError::Key),
    }
}

fn is_key(key: &str) -> bool {
    BASE64_STANDARD
        .decode(key)
        .is_ok_and(|nonce| nonce.len() == 16)
}

fn select_protocol<'a>(
    head: &'a RequestHead,
    supported: &[String],
) -> Result<Option<&'a str>, UpgradeError> {
    let mut asked = head.headers.list("Sec-WebSocket-Protocol").peekable();
    let Some(&first) = asked.peek() else {
        return match supported.is_empty() {
            true => Ok(None),
            false => Err(UpgradeError::NoProtocol),
        };
    };
    let found = asked.find(|asked| supported.iter().any(|supported| supported == asked));
    found
        .map(Some)
        .ok_or_else(|| UpgradeError::Protocol(first.to_owned()))
}
