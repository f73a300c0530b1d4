//! `TCPServerRs`: the methods of TCP servers, which have the prefix `tcp_`.

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::Gd;
use godot::prelude::godot_api;
use stream_socket::BindAddress;

use crate::bridge::Bridged;
use crate::peer::StreamPeerSocketRs;
use crate::server::SocketServerRs;
use crate::shared_methods::Failing;

#[godot_api(secondary)]
impl SocketServerRs {
    #[func]
    fn tcp_listen(port: i64, #[opt(default = "*")] bind_address: GString) -> Error {
        let Ok(port) = u16::try_from(port) else {
            return Self::this()
                .refuse(&"The port number must be between 0 and 65535 (inclusive).");
        };
        let Some(address) = BindAddress::new(&bind_address.to_string(), port) else {
            return Self::this().refuse(&format!("listen: {bind_address:?} is not an IP address"));
        };
        Self::this().listen(&address)
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
