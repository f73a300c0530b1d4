//! `SocketServerRs`: what the servers have in common, and the one struct behind them.

use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api, godot_error};
use stream_socket::{BindAddress, Connection, ListenError, Listener};

use crate::bridge::family::{TCP_PEER, UDS_PEER};
use crate::error::listen_code;
use crate::peer::{StreamPeerSocketRs, misuse};

/// How many connections may wait to be accepted. The system may lower it (listen(2)).
const BACKLOG: i32 = 128;

/// The struct behind the server classes; which one an object is of, the bridge has decided when it made it.
#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct SocketServerRs {
    #[init(val = Listener::new())]
    pub(crate) listener: Listener,
    base: Base<RefCounted>,
}

#[godot_api]
impl SocketServerRs {
    #[func]
    fn is_connection_available(&self) -> bool {
        self.listener.is_connection_available()
    }

    #[func]
    fn is_listening(&self) -> bool {
        self.listener.is_listening()
    }

    #[func]
    fn stop(&self) {
        self.listener.stop();
    }

    #[func]
    pub(crate) fn take_socket_connection(&self) -> Option<Gd<StreamPeerSocketRs>> {
        let accepted = self.listener.accept().unwrap_or_else(|error| {
            godot_error!("{error}");
            None
        });
        accepted.map(|connection: Connection| {
            let class = match connection.peer_address() {
                Some(stream_socket::Address::Unix(_)) => UDS_PEER,
                _ => TCP_PEER,
            };
            StreamPeerSocketRs::from_accepted(class, connection)
        })
    }
}

impl SocketServerRs {
    /// Listens, with the codes of the engine.
    pub(crate) fn listen(&self, address: &BindAddress) -> Error {
        match self.listener.listen(address, BACKLOG) {
            Ok(()) => Error::OK,
            Err(error @ ListenError::AlreadyListening) => misuse(listen_code(&error), &error),
            Err(error) => listen_code(&error),
        }
    }
}
