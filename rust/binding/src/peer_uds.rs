//! `StreamPeerUDSRs`.

use godot::builtin::GString;
use godot::global::Error;
use godot::prelude::godot_api;
use stream_socket::{Address, BindAddress};

use crate::peer::{StreamPeerSocketRs, misuse};
use crate::text;

#[godot_api(secondary)]
impl StreamPeerSocketRs {
    #[func]
    fn uds_bind(&self, path: GString) -> Error {
        self.bind(&BindAddress::Unix(text::path(&path)))
    }

    #[func]
    fn uds_connect_to_host(&self, path: GString) -> Error {
        if path.is_empty() {
            return misuse(Error::ERR_INVALID_PARAMETER, &"connect: the path is empty");
        }
        self.connect(vec![Address::Unix(text::path(&path))])
    }

    #[func]
    fn uds_get_connected_path(&self) -> GString {
        match self.connection.peer_address() {
            Some(Address::Unix(path)) => GString::from(path.to_string_lossy().as_ref()),
            _ => GString::new(),
        }
    }
}
