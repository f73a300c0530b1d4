//! Requests that become WebSockets.

use std::sync::Arc;

use godot::obj::Gd;
use stream_socket_web::http::{RequestHead, RespondError};
use stream_socket_web::websocket::session::{Session, StartError};

use super::client::{Client, Upgraded};
use super::transport::Transport;
use crate::parts::WebSocketSettings;
use crate::websocket::{self, WebSocketPeerRs};

/// Why a request has not become a WebSocket.
pub(super) enum UpgradeFailure {
    /// It is not a valid handshake, and was answered.
    Refused(String),
    /// The script has set something that cannot be sent.
    Misuse(String),
    /// The request can no longer be answered.
    Respond(RespondError),
}

/// Answers the request `id`, and takes its connection for a WebSocket.
pub(super) fn upgrade(
    client: &Client,
    id: u64,
    head: &RequestHead,
    settings: &Arc<WebSocketSettings>,
) -> Result<Gd<WebSocketPeerRs>, UpgradeFailure> {
    let handshake = websocket::handshake_of(settings).map_err(UpgradeFailure::Misuse)?;
    let misuse = |error: StartError| UpgradeFailure::Misuse(error.to_string());
    let mut session = Session::upgrade(head, handshake, settings.limits()).map_err(misuse)?;
    if let Some(ended) = session.ended() {
        let why = ended.error.clone().unwrap_or_default();
        let response = std::mem::take(session.output());
        let refused = client.respond(id, |protocol, _| protocol.refuse_upgrade(id, &response));
        refused.map_err(UpgradeFailure::Respond)?;
        return Err(UpgradeFailure::Refused(why));
    }
    let Upgraded {
        transport,
        unsent,
        received,
    } = client.upgrade(id).map_err(UpgradeFailure::Respond)?;
    session.output().splice(..0, unsent);
    session.receive(&received, 0);
    match transport {
        Transport::Plain(connection) => {
            connection.set_allow_half_open(false);
            Ok(websocket::over(*connection, session, settings.clone()))
        }
        Transport::Tls(tls) => match tls.into_stream() {
            Some((stream, output)) => {
                let settings = settings.clone();
                Ok(websocket::over_tls(stream, output, session, settings))
            }
            None => Err(UpgradeFailure::Respond(RespondError::Over)),
        },
        Transport::Gone => Err(UpgradeFailure::Respond(RespondError::Over)),
    }
}
