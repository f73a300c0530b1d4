//! `UDSServerRs`: the methods of Unix domain servers, which have the prefix `uds_`.

use std::sync::atomic::Ordering;

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::Gd;
use godot::prelude::godot_api;
use stream_socket::BindAddress;

use crate::peer::StreamPeerSocketRs;
use crate::server::SocketServerRs;
use crate::shared_methods::Failing;
use crate::text;

#[godot_api(secondary)]
impl SocketServerRs {
    #[func]
    fn uds_listen(&self, path: GString) -> Error {
        match text::path(&path) {
            Ok(path) => self.server.listen(&BindAddress::Unix(path)),
            Err(what) => self.refuse(&format!("listen: {what}")),
        }
    }

    #[func]
    fn uds_set_socket_mode(&self, mode: i64) {
        if mode > 0o7777 {
            self.refuse(&format!("socket_mode: {mode:#o} is not a file mode"));
            return;
        }
        self.server.mode.store(mode, Ordering::Relaxed);
    }

    #[func]
    fn uds_get_socket_mode(&self) -> i64 {
        self.server.mode.load(Ordering::Relaxed)
    }

    #[func]
    fn uds_take_connection(&self) -> Option<Gd<StreamPeerSocketRs>> {
        self.take_socket_connection()
    }
}
