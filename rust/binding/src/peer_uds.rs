//! `StreamPeerUDSRs`: the methods of Unix domain peers, which have the prefix `uds_`.

use godot::builtin::{GString, VarArray, VarDictionary};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::prelude::{godot_api, godot_error, vdict};
use stream_socket::{Address, BindAddress, Connection, Target};

use crate::bridge::Bridged;
use crate::peer::UDS_PEER;
use crate::peer::{self, StreamPeerSocketRs};
use crate::shared_methods::Failing;
use crate::{settings, text};

#[godot_api(secondary)]
impl StreamPeerSocketRs {
    #[func]
    fn uds_bind(path: GString) -> Error {
        match text::path(&path) {
            Ok(path) => Self::this().bind(&BindAddress::Unix(path)),
            Err(what) => Self::this().refuse(&format!("bind: {what}")),
        }
    }

    #[func]
    fn uds_connect_to_host(path: GString) -> Error {
        match text::path(&path) {
            Ok(path) => {
                let target = Target::Address(Address::Unix(path));
                Self::this().connect(target, settings::unix_connect_timeout)
            }
            Err(what) => Self::this().refuse(&format!("connect: {what}")),
        }
    }

    #[func]
    fn uds_get_connected_path() -> GString {
        match Self::this().connection.peer_address() {
            Some(Address::Unix(path)) => GString::from(path.to_string_lossy().as_ref()),
            _ => GString::new(),
        }
    }

    #[func]
    fn uds_get_peer_credentials() -> VarDictionary {
        match Self::this().connection.peer_credentials() {
            Ok(credentials) => vdict! {
                "pid" => credentials.pid,
                "uid" => credentials.uid,
                "gid" => credentials.gid,
            },
            Err(error) => {
                Self::this().last_error.record(&error);
                VarDictionary::new()
            }
        }
    }

    #[func]
    fn uds_create_pair() -> VarArray {
        match Connection::pair() {
            Ok((one, other)) => [one, other]
                .into_iter()
                .map(|end| peer::from_connection(UDS_PEER, end).0.to_variant())
                .collect(),
            Err(error) => {
                godot_error!("{error}");
                VarArray::new()
            }
        }
    }
}
