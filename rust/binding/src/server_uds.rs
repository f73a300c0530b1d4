//! `UDSServerRs`.

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::Gd;
use godot::prelude::godot_api;
use stream_socket::BindAddress;

use crate::peer::{StreamPeerSocketRs, misuse};
use crate::server::SocketServerRs;
use crate::text;

#[godot_api(secondary)]
impl SocketServerRs {
    #[func]
    fn uds_listen(&self, path: GString) -> Error {
        if path.is_empty() {
            return misuse(Error::ERR_INVALID_PARAMETER, &"listen: the path is empty");
        }
        self.listen(&BindAddress::Unix(text::path(&path)))
    }

    #[func]
    fn uds_take_connection(&self) -> Option<Gd<StreamPeerSocketRs>> {
        self.take_socket_connection()
    }
}
