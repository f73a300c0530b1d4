//! The opening handshake (RFC 6455, section 4): a request of HTTP/1.1 that asks for an upgrade, and
//! its answer.
//!
//! A client writes its request with [`ClientHandshake::begin`] and checks the answer with
//! [`ClientHandshake::finish`]. A server answers with [`accept`], or refuses with
//! [`UpgradeError::write_response`].

mod client;
mod server;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

pub use client::{ClientHandshake, ClientRequest, ResponseError};
pub use server::{AcceptError, ServerOptions, UpgradeError, accept};

use super::compression::Agreed;

/// The version of the protocol (section 4.1).
const VERSION: &str = "13";

/// What both ends have agreed upon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The subprotocol, one of those that the client has asked for.
    pub protocol: Option<String>,
    /// How messages are compressed; `None`: not at all.
    pub compression: Option<Agreed>,
}

/// Whether a handshake writes the header field `name` itself, so that a caller must not.
pub fn is_own_header(name: &str) -> bool {
    const OWN: [&str; 7] = [
        "Connection",
        "Upgrade",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Version",
    ];
    OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The value of `Sec-WebSocket-Accept` for a key (section 4.2.2).
fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64_STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_of_the_rfc() {
        let accept = super::accept_key("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
