//! `UDSServerRs`: the methods of Unix domain servers, which have the prefix `uds_`.

use std::sync::atomic::Ordering;

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::Gd;
use godot::prelude::godot_api;
use stream_socket::BindAddress;

use crate::bridge::Bridged;
use crate::peer::StreamPeerSocketRs;
use crate::server::SocketServerRs;
use crate::shared_methods::Failing;
use crate::text;

#[godot_api(secondary)]
impl SocketServerRs {
    #[func]
    fn uds_listen(path: GString) -> Error {
        match text::path(&path) {
            Ok(path) => Self::this().listen(&BindAddress::Unix(path)),
            Err(what) => Self::this().refuse(&format!("listen: {what}")),
        }
    }

    #[func]
    fn uds_set_socket_mode(mode: i64) {
        if mode > 0o7777 {
            Self::this().refuse(&format!("socket_mode: {mode:#o} is not a file mode"));
            return;
        }
        Self::this().mode.store(mode, Ordering::Relaxed);
    }

    #[func]
    fn uds_get_socket_mode() -> i64 {
        Self::this().mode.load(Ordering::Relaxed)
    }

    #[func]
    fn uds_take_connection() -> Option<Gd<StreamPeerSocketRs>> {
        Self::take_socket_connection()
    }
}
