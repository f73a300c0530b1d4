//! `SocketServerRs`: what the servers have in common, and the one struct behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use godot::builtin::GString;
use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd, WithBaseField};
use godot::prelude::{GodotClass, PhantomVar, godot_api, godot_error};
use stream_socket::{Address, BindAddress, Listener};

use crate::bridge::family::{TCP_PEER, UDS_PEER};
use crate::bridge::instance;
use crate::error::{Code, LastError};
use crate::peer::StreamPeerSocketRs;
use crate::{frame_poll, signals};

/// How many connections may wait to be accepted, unless a script says otherwise. The system may lower it (listen(2)).
const BACKLOG: i64 = 128;

/// What a server object consists of, apart from the object: shared with `poll`, which goes past the object.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) listener: Listener,
    pub(crate) last_error: LastError,
    backlog: AtomicI64,
    /// The permissions of a socket file, negative for the system's default.
    mode: AtomicI64,
    is_auto_polling: AtomicBool,
}

impl Server {
    /// Polls, and emits the signal of the object with the id `object` if a connection waits. Whether one does. A handler
    /// may free the object.
    pub(crate) fn poll(&self, object: u64) -> Result<bool, Error> {
        let is_available = self
            .listener
            .is_connection_available()
            .map_err(|error| self.last_error.record(&error))?;
        if is_available {
            signals::emit_connection_available(object);
        }
        Ok(is_available)
    }
}

/// The struct behind the server classes; which one an object is of, the bridge has decided when it made it.
#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct SocketServerRs {
    #[init(val = new_server())]
    pub(crate) server: Arc<Server>,
    base: Base<RefCounted>,
    #[var(get = get_max_pending_connections, set = set_max_pending_connections)]
    max_pending_connections: PhantomVar<i64>,
    #[var(get = is_auto_polling, set = set_auto_poll)]
    auto_poll: PhantomVar<bool>,
    #[var(get = uds_get_socket_mode, set = uds_set_socket_mode)]
    uds_socket_mode: PhantomVar<i64>,
}

fn new_server() -> Arc<Server> {
    let server = Arc::new(Server {
        listener: Listener::new(),
        last_error: LastError::default(),
        backlog: AtomicI64::new(BACKLOG),
        mode: AtomicI64::new(-1),
        is_auto_polling: AtomicBool::new(false),
    });
    instance::announce_server(&server);
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
        self.server
            .listener
            .is_connection_available()
            .unwrap_or_else(|error| {
                self.server.last_error.record(&error);
                false
            })
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
            Ok(accepted) => accepted?,
            Err(error) => {
                self.server.last_error.record(&error);
                return None;
            }
        };
        let class = match connection.peer_address() {
            Some(Address::Unix(_)) => UDS_PEER,
            _ => TCP_PEER,
        };
        Some(StreamPeerSocketRs::from_connection(class, connection))
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

    // Properties find their accessors in this block only.
    #[func]
    fn uds_set_socket_mode(&self, mode: i64) {
        self.server.mode.store(mode, Ordering::Relaxed);
    }

    #[func]
    fn uds_get_socket_mode(&self) -> i64 {
        self.server.mode.load(Ordering::Relaxed)
    }

    #[func]
    fn set_auto_poll(&self, enabled: bool) {
        self.server
            .is_auto_polling
            .store(enabled, Ordering::Relaxed);
        let server = self.server.clone();
        frame_poll::update(self.to_gd().instance_id(), move || {
            server.is_auto_polling.load(Ordering::Relaxed)
        });
    }

    #[func]
    fn is_auto_polling(&self) -> bool {
        self.server.is_auto_polling.load(Ordering::Relaxed)
    }
}

impl SocketServerRs {
    /// Listens, with the codes of the engine.
    pub(crate) fn listen(&self, address: &BindAddress) -> Error {
        let backlog = self.server.backlog.load(Ordering::Relaxed);
        let backlog = i32::try_from(backlog.max(0)).unwrap_or(i32::MAX);
        let mode = u32::try_from(self.server.mode.load(Ordering::Relaxed)).ok();
        let listening = self.server.listener.listen(address, backlog, mode);
        if let Err(error) = &listening
            && error.is_misuse()
        {
            godot_error!("{error}");
        }
        self.server.last_error.note(listening)
    }

    pub(crate) fn local_port(&self) -> u16 {
        self.server.listener.local_port()
    }
}
