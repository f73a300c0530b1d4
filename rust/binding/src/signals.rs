//! The signals: what `poll` has found, told to the scripts that want to know.

use std::sync::OnceLock;

use godot::builtin::StringName;
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, Gd, GodotClass, InstanceId};
use stream_socket::Notice;

use crate::error::{connect_end_code, disconnect_code};
use crate::peer::{Peer, StreamPeerSocketRs};
use crate::server::SocketServerRs;

/// Emits the signals of the object with the id `object`: what has happened, in the order in which it did, and then
/// `data_available` if there is something to read. No lock is held meanwhile, and the object lives until all handlers
/// have run, whatever they do.
pub(crate) fn emit(object: u64, peer: &Peer) {
    let Some(mut object) = find::<StreamPeerSocketRs>(object) else {
        return;
    };
    let names = Names::get();
    while let Some(notice) = peer.connection.next_notice() {
        match notice {
            Notice::Status(status) => {
                object.emit_signal(&names.status_changed, &[(status as i64).to_variant()])
            }
            Notice::ConnectFinished(end) => object.emit_signal(
                &names.connect_finished,
                &[i64::from(connect_end_code(end).ord()).to_variant()],
            ),
            Notice::Disconnected(cause) => object.emit_signal(
                &names.disconnected,
                &[i64::from(disconnect_code(cause).ord()).to_variant()],
            ),
            Notice::Drained => object.emit_signal(&names.drained, &[]),
        };
    }
    if peer.connection.has_unread() {
        object.emit_signal(&names.data_available, &[]);
    }
}

/// The names of a peer's signals. Making them anew in each poll that has something to tell would cost as much as the poll.
struct Names {
    status_changed: StringName,
    connect_finished: StringName,
    disconnected: StringName,
    drained: StringName,
    data_available: StringName,
}

impl Names {
    fn get() -> &'static Names {
        static NAMES: OnceLock<Names> = OnceLock::new();
        NAMES.get_or_init(|| Names {
            status_changed: "status_changed".into(),
            connect_finished: "connect_finished".into(),
            disconnected: "disconnected".into(),
            drained: "drained".into(),
            data_available: "data_available".into(),
        })
    }
}

/// The name of the signal that `poll` emits as long as there is something to read.
pub(crate) fn data_available() -> &'static StringName {
    &Names::get().data_available
}

/// The names of all signals of a peer.
pub(crate) fn names() -> impl Iterator<Item = &'static StringName> {
    let names = Names::get();
    [
        &names.status_changed,
        &names.connect_finished,
        &names.disconnected,
        &names.drained,
        &names.data_available,
    ]
    .into_iter()
}

/// Emits the signal of the server with the id `object`, with the same guarantees.
pub(crate) fn emit_connection_available(object: u64) {
    if let Some(mut object) = find::<SocketServerRs>(object) {
        object.emit_signal("connection_available", &[]);
    }
}

fn find<T: GodotClass>(object: u64) -> Option<Gd<T>> {
    Gd::try_from_instance_id(InstanceId::try_from_i64(object as i64)?).ok()
}
