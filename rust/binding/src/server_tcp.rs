//! `TCPServerRs`.

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::Gd;
use godot::prelude::godot_api;

use crate::peer::{StreamPeerSocketRs, misuse};
use crate::server::SocketServerRs;
use crate::text;

#[godot_api(secondary)]
impl SocketServerRs {
    #[func]
    fn tcp_listen(&self, port: i64, #[opt(default = "*")] bind_address: GString) -> Error {
        let Ok(port) = u16::try_from(port) else {
            let what = "The port number must be between 0 and 65535 (inclusive).";
            return misuse(Error::ERR_INVALID_PARAMETER, &what);
        };
        let Some(address) = text::bind_address(&bind_address, port) else {
            let what = format!("listen: {bind_address:?} is not an IP address");
            return misuse(Error::ERR_INVALID_PARAMETER, &what);
        };
        self.listen(&address)
    }

    #[func]
    fn tcp_get_local_port(&self) -> i32 {
        self.local_port().into()
    }

    #[func]
    fn tcp_take_connection(&self) -> Option<Gd<StreamPeerSocketRs>> {
        self.take_socket_connection()
    }
}
