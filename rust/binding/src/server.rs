//! `SocketServerRs`: what the servers have in common, and the one struct behind them.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use godot::builtin::GString;
use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api};
use stream_socket::{Address, Connection};

use crate::families::{TCP_PEER, UDS_PEER};
use crate::frame_poll::FramePoll;
use crate::parts::{Server, live};
use crate::peer::StreamPeerSocketRs;
use crate::{bridge, debugger};

/// The struct behind the server classes; which one an object is of, the bridge has decided when it made it.
#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct SocketServerRs {
    #[init(val = new_server())]
    pub(crate) server: Arc<Server>,
    frame_poll: FramePoll,
    base: Base<RefCounted>,
    #[var(get = get_max_pending_connections, set = set_max_pending_connections)]
    max_pending_connections: PhantomVar<i64>,
    #[var(get = is_auto_polling, set = set_auto_poll)]
    auto_poll: PhantomVar<bool>,
}

fn new_server() -> Arc<Server> {
    let server = Arc::new(Server::new());
    let class = bridge::announce(&server);
    live::add(class, &live::Part::Server(server.clone()), debugger::origin);
    server
}

/// `poll` is here for its signature: the bridge answers it itself, since a handler of its signal may free the object.
#[godot_api]
impl SocketServerRs {
    #[signal]
    fn connection_available();

    #[func]
    fn poll(&self) -> Error {
        unreachable!("the bridge answers it")
    }

    #[func]
    fn is_connection_available(&self) -> bool {
        self.server.is_connection_available().unwrap_or(false)
    }

    #[func]
    fn is_listening(&self) -> bool {
        self.server.listener.is_listening()
    }

    #[func]
    fn stop(&self) {
        self.server.listener.stop();
    }

    #[func]
    pub(crate) fn take_socket_connection(&self) -> Option<Gd<StreamPeerSocketRs>> {
        let connection = match self.server.listener.accept() {
            Ok(accepted) => {
                let connection = accepted?;
                self.server.last_error.clear();
                connection
            }
            Err(error) => {
                self.server.last_error.record(&error);
                return None;
            }
        };
        Some(accepted_peer(connection))
    }

    #[func]
    fn get_last_error(&self) -> Error {
        self.server.last_error.get().code
    }

    #[func]
    fn get_last_error_message(&self) -> GString {
        GString::from(&self.server.last_error.get().message)
    }

    #[func]
    fn get_last_os_error(&self) -> i64 {
        self.server.last_error.get().os_code.into()
    }

    #[func]
    fn set_max_pending_connections(&self, count: i64) {
        self.server.backlog.store(count, Ordering::Relaxed);
    }

    #[func]
    fn get_max_pending_connections(&self) -> i64 {
        self.server.backlog.load(Ordering::Relaxed)
    }

    #[func]
    fn set_auto_poll(&self, enabled: bool) {
        self.frame_poll.set(self, enabled);
    }

    #[func]
    fn is_auto_polling(&self) -> bool {
        self.frame_poll.is_wanted()
    }
}

/// The peer of a connection that was accepted.
pub(crate) fn accepted_peer(connection: Connection) -> Gd<StreamPeerSocketRs> {
    let class = match connection.peer_address() {
        Some(Address::Unix(_)) => UDS_PEER,
        _ => TCP_PEER,
    };
    StreamPeerSocketRs::from_connection(class, connection)
}

impl SocketServerRs {
    /// Answers a call that is wrong in itself.
    pub(crate) fn refuse(&self, what: &dyn Display) -> Error {
        self.server
            .last_error
            .refuse(Error::ERR_INVALID_PARAMETER, what)
    }
}
