//! The handshake of a client (RFC 6455, section 4.1).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use super::super::compression::{ExtensionError, Wanted};
use super::super::mask::Keys;
use super::{Accepted, VERSION, accept_key};
use crate::http::{ResponseHead, WriteHeadError, write_request_head};

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    /// The host of the URL, with its port unless that is the default of the scheme.
    pub host: &'a str,
    /// The path and the query of the URL, encoded.
    pub target: &'a str,
    /// The subprotocols, in order of preference. If there are any, the server has to accept one.
    pub protocols: &'a [String],
    /// How messages may be compressed; `None`: not at all.
    pub compression: Option<Wanted>,
    /// Further header fields of the request. A `Host` replaces that of the URL.
    pub headers: &'a [(String, String)],
}

/// Why a response does not open a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// A status other than 101, with its reason phrase.
    #[error("server answered {0} {1}")]
    Status(u16, String),
    /// `Upgrade` is not `websocket`.
    #[error("header Upgrade of the response is not websocket")]
    Upgrade,
    /// `Connection` does not contain `Upgrade`.
    #[error("header Connection of the response does not contain Upgrade")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, or does not belong to the key.
    #[error("header Sec-WebSocket-Accept of the response does not belong to the key")]
    Accept,
    /// A subprotocol that the client has not requested.
    #[error("server accepted the subprotocol {0:?}, which was not requested")]
    Protocol(String),
    /// No subprotocol, though the client has requested one.
    #[error("server accepted no subprotocol")]
    NoProtocol,
    /// Something is wrong with the extensions.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
}

/// A handshake that waits for its answer.
#[derive(Clone, Debug)]
pub struct ClientHandshake {
    key: String,
    protocols: Vec<String>,
    compression: Option<Wanted>,
}

impl ClientHandshake {
    /// Appends the request to `out`. If it returns an error, `out` is unchanged.
    ///
    /// # Errors
    /// A text that a head cannot contain.
    pub fn begin(
        request: &ClientRequest<'_>,
        out: &mut Vec<u8>,
    ) -> Result<ClientHandshake, WriteHeadError> {
        let mut keys = Keys::new();
        let nonce = [keys.next_bytes(), keys.next_bytes()];
        let key = BASE64_STANDARD.encode(nonce.as_flattened());
        let protocols = request.protocols.join(", ");
        let offer = request.compression.map(|wanted| wanted.offer());
        let is_host = |name: &str| name.eq_ignore_ascii_case("Host");
        let mut further = request.headers.iter();
        let host = further
            .find(|(name, _)| is_host(name))
            .map_or(request.host, |(_, host)| host);
        let mut headers = vec![
            ("Host", host),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", &*key),
            ("Sec-WebSocket-Version", VERSION),
        ];
        if !protocols.is_empty() {
            headers.push(("Sec-WebSocket-Protocol", &protocols));
        }
        if let Some(offer) = &offer {
            headers.push(("Sec-WebSocket-Extensions", offer));
        }
        let further = request.headers.iter().filter(|(name, _)| !is_host(name));
        headers.extend(further.map(|(name, value)| (name.as_str(), value.as_str())));
        write_request_head(out, "GET", request.target, headers)?;
        Ok(ClientHandshake {
            key,
            protocols: request.protocols.to_vec(),
            compression: request.compression,
        })
    }

    /// Checks the answer of the server.
    ///
    /// # Errors
    /// The server has refused, or has answered something that was not asked for. The client has to
    /// end the connection (section 4.1).
    pub fn finish(&self, head: &ResponseHead) -> Result<Accepted, ResponseError> {
        let headers = &head.headers;
        if head.status != 101 {
            return Err(ResponseError::Status(head.status, head.reason.clone()));
        }
        if !headers.has_token("Upgrade", "websocket") {
            return Err(ResponseError::Upgrade);
        }
        if !headers.has_token("Connection", "Upgrade") {
            return Err(ResponseError::Connection);
        }
        let mut accepts = headers.get_all("Sec-WebSocket-Accept");
        if accepts.next() != Some(&accept_key(&self.key)) || accepts.next().is_some() {
            return Err(ResponseError::Accept);
        }
        let mut protocols = headers.get_all("Sec-WebSocket-Protocol");
        let protocol = match (protocols.next(), protocols.next()) {
            (None, _) if self.protocols.is_empty() => None,
            (None, _) => return Err(ResponseError::NoProtocol),
            (Some(protocol), None) if self.protocols.iter().any(|asked| asked == protocol) => {
                Some(protocol.to_owned())
            }
            (Some(protocol), _) => return Err(ResponseError::Protocol(protocol.to_owned())),
        };
        let extensions: Vec<_> = headers.get_all("Sec-WebSocket-Extensions").collect();
        let compression = match (self.compression, extensions.join(",")) {
            (_, extensions) if extensions.is_empty() => None,
            (Some(wanted), extensions) => wanted.check_response(&extensions)?,
            (None, extensions) => return Err(ExtensionError::NotOffered(extensions).into()),
        };
        Ok(Accepted {
            protocol,
            compression,
        })
    }
}
