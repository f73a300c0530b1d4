//! `TCPServerRs`: the methods of TCP servers, which have the prefix `tcp_`.

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::Gd;
use godot::prelude::godot_api;

use crate::bridge::Bridged;
use crate::peer::StreamPeerSocketRs;
use crate::server::SocketServerRs;
use crate::shared_methods::Failing;
use crate::text;

#[godot_api(secondary)]
impl SocketServerRs {
    #[func]
    fn tcp_listen(port: i64, #[opt(default = "*")] bind_address: GString) -> Error {
        let this = Self::this();
        let Ok(port) = u16::try_from(port) else {
            return this.refuse(&"The port number must be between 0 and 65535 (inclusive).");
        };
        match this.accept(text::bind_address("listen", &bind_address, port)) {
            Ok(address) => this.listen(&address),
            Err(code) => code,
        }
    }

    #[func]
    fn tcp_get_local_port() -> i32 {
        Self::this().listener.local_port().into()
    }

    #[func]
    fn tcp_take_connection() -> Option<Gd<StreamPeerSocketRs>> {
        Self::take_socket_connection()
    }
}
