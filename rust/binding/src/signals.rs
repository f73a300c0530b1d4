//! The signals of a peer: what `poll` has found, told to the scripts that want to know.

use godot::builtin::StringName;
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, Gd, InstanceId};
use stream_socket::Notice;

use crate::error::{connect_end_code, disconnect_code};
use crate::peer::{Peer, StreamPeerSocketRs};

/// Emits the signals of the object with the id `object`: what has happened, in the order in which it did, and then
/// `data_available` if there is something to read. No lock is held meanwhile, and the object lives until all handlers
/// have run, whatever they do.
pub(crate) fn emit(object: u64, peer: &Peer) {
    let Some(id) = InstanceId::try_from_i64(object as i64) else {
        return;
    };
    let Ok(mut object) = Gd::<StreamPeerSocketRs>::try_from_instance_id(id) else {
        return;
    };
    for notice in peer.connection.take_notices() {
        match notice {
            Notice::Status(status) => {
                object.emit_signal("status_changed", &[(status as i64).to_variant()])
            }
            Notice::ConnectFinished(end) => object.emit_signal(
                "connect_finished",
                &[i64::from(connect_end_code(end).ord()).to_variant()],
            ),
            Notice::Disconnected(cause) => object.emit_signal(
                "disconnected",
                &[i64::from(disconnect_code(cause).ord()).to_variant()],
            ),
            Notice::Drained => object.emit_signal("drained", &[]),
        };
    }
    // Asking first is cheaper than emitting to nobody, and this is asked in every poll that finds data.
    let data_available = StringName::from("data_available");
    if peer.connection.has_unread() && object.has_connections(&data_available) {
        object.emit_signal(&data_available, &[]);
    }
}
