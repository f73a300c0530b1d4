//! `StreamPeerUDSRs`: the methods of Unix domain peers, which have the prefix `uds_`.

use godot::builtin::{GString, VarArray, VarDictionary};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::prelude::{godot_api, godot_error, vdict};
use stream_socket::{Address, BindAddress, Connection, Target};

use crate::class_trees::UDS_PEER;
use crate::peer::StreamPeerSocketRs;
use crate::shared_methods::Failing;
use crate::{settings, text};

#[godot_api(secondary)]
impl StreamPeerSocketRs {
    #[func]
    fn uds_bind(&self, path: GString) -> Error {
        match text::path(&path) {
            Ok(path) => self.bind(&BindAddress::Unix(path)),
            Err(what) => self.refuse(&format!("bind: {what}")),
        }
    }

    #[func]
    fn uds_connect_to_host(&self, path: GString) -> Error {
        match text::path(&path) {
            Ok(path) => {
                let target = Target::Address(Address::Unix(path));
                self.connect(target, settings::unix_connect_timeout)
            }
            Err(what) => self.refuse(&format!("connect: {what}")),
        }
    }

    #[func]
    fn uds_get_connected_path(&self) -> GString {
        match self.peer.connection.peer_address() {
            Some(Address::Unix(path)) => GString::from(path.to_string_lossy().as_ref()),
            _ => GString::new(),
        }
    }

    #[func]
    fn uds_get_peer_credentials(&self) -> VarDictionary {
        match self.peer.connection.peer_credentials() {
            Ok(credentials) => vdict! {
                "pid" => credentials.pid,
                "uid" => credentials.uid,
                "gid" => credentials.gid,
            },
            Err(error) => {
                self.peer.last_error.record(&error);
                VarDictionary::new()
            }
        }
    }

    #[func]
    fn uds_create_pair() -> VarArray {
        match Connection::pair() {
            Ok((one, other)) => [one, other]
                .into_iter()
                .map(|end| StreamPeerSocketRs::from_connection(UDS_PEER, end).to_variant())
                .collect(),
            Err(error) => {
                godot_error!("{error}");
                VarArray::new()
            }
        }
    }
}
