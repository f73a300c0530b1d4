//! `SocketServerRs`: the methods of all servers, and the one struct behind the server classes.
//!
//! The methods of one class are in [`server_tcp`](crate::server_tcp) and
//! [`server_uds`](crate::server_uds). The methods that call the core are in the part,
//! [`ServerPart`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api};
use stream_socket::{Address, Connection};

use crate::bridge::{self, declare_direct_methods};
use crate::class_trees::{self, TCP_PEER, UDS_PEER};
use crate::frame_poll::FramePoll;
use crate::origin;
use crate::parts::{LastError, ServerPart, hints, live};
use crate::peer::StreamPeerSocketRs;
use crate::shared_methods::{Failing, auto_poll_methods, last_error_methods, last_os_error_method};

/// The struct behind the server classes. The bridge decides the class of an object when it makes
/// the object.
#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct SocketServerRs {
    #[init(val = new_server())]
    pub(crate) server: Arc<ServerPart>,
    frame_poll: FramePoll,
    base: Base<RefCounted>,
    #[var(get = get_max_pending_connections, set = set_max_pending_connections)]
    max_pending_connections: PhantomVar<i64>,
}

fn new_server() -> Arc<ServerPart> {
    let server = Arc::new(ServerPart::new());
    let class = bridge::announce(&server);
    live::add(
        class,
        &live::LivePart::Server(server.clone()),
        origin::origin,
    );
    server
}

#[godot_api]
impl SocketServerRs {
    #[signal]
    fn connection_available();

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
        hints::used(&*self.server);
        self.server.listener.stop();
    }

    #[func]
    pub(crate) fn take_socket_connection(&self) -> Option<Gd<StreamPeerSocketRs>> {
        hints::used(&*self.server);
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
    fn set_max_pending_connections(&self, count: i64) {
        self.server.backlog.store(count, Ordering::Relaxed);
    }

    #[func]
    fn get_max_pending_connections(&self) -> i64 {
        self.server.backlog.load(Ordering::Relaxed)
    }
}

impl Drop for SocketServerRs {
    fn drop(&mut self) {
        let is_expected = || self.frame_poll.is_expected(&["connection_available"]);
        hints::freed(&*self.server, is_expected, || {
            Some("was freed while listening".into())
        });
    }
}

/// A peer over an accepted connection.
pub(crate) fn accepted_peer(connection: Connection) -> Gd<StreamPeerSocketRs> {
    let class = match connection.peer_address() {
        Some(Address::Unix(_)) => UDS_PEER,
        _ => TCP_PEER,
    };
    StreamPeerSocketRs::from_connection(class, connection)
}

declare_direct_methods!(SocketServerRs, class_trees::SERVER_METHODS, {
    fn poll(&self) -> Error;
});
last_error_methods!(SocketServerRs);
last_os_error_method!(SocketServerRs);
auto_poll_methods!(SocketServerRs);

impl Failing for SocketServerRs {
    fn last_error(&self) -> &LastError {
        &self.server.last_error
    }
}
