//! The signals as values: the events of the core under the names that scripts connect to.

use std::sync::OnceLock;

use godot::builtin::{GString, PackedByteArray, StringName, Variant};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::EngineEnum;
use stream_socket::dispatch::EndpointEvent;
use stream_socket::{Event, Status};

use super::codes::{connect_end_code, disconnect_code};

/// A signal that is to be emitted.
#[derive(Clone, Debug)]
pub(crate) enum Signal {
    StatusChanged(Status),
    ConnectFinished(Error),
    Disconnected(Error),
    Drained,
    DataAvailable,
    ConnectionAvailable,
    PacketReceived(PackedByteArray),
    Failed(Error),
    /// A WebSocket is open.
    Connected,
    /// A message of a WebSocket, and whether it is text.
    MessageReceived(PackedByteArray, bool),
    /// A WebSocket has closed, with its close code and the reason.
    Closed(i64, GString),
}

impl From<Event> for Signal {
    fn from(event: Event) -> Signal {
        match event {
            Event::StatusChanged(status) => Signal::StatusChanged(status),
            Event::ConnectFinished(end) => Signal::ConnectFinished(connect_end_code(end)),
            Event::Disconnected(cause) => Signal::Disconnected(disconnect_code(cause)),
            Event::Drained => Signal::Drained,
        }
    }
}

impl From<EndpointEvent> for Signal {
    fn from(event: EndpointEvent) -> Signal {
        match event {
            EndpointEvent::Happened(event) => event.into(),
            EndpointEvent::DataAvailable => Signal::DataAvailable,
        }
    }
}

impl Signal {
    pub(crate) fn name(&self) -> &'static StringName {
        let names = SignalNames::get();
        match self {
            Signal::StatusChanged(_) => &names.status_changed,
            Signal::ConnectFinished(_) => &names.connect_finished,
            Signal::Disconnected(_) => &names.disconnected,
            Signal::Drained => &names.drained,
            Signal::DataAvailable => &names.data_available,
            Signal::ConnectionAvailable => &names.connection_available,
            Signal::PacketReceived(_) | Signal::MessageReceived(..) => &names.packet_received,
            Signal::Failed(_) => &names.failed,
            Signal::Connected => &names.connected,
            Signal::Closed(..) => &names.closed,
        }
    }

    /// The arguments, in order.
    pub(crate) fn arguments(&self) -> [Option<Variant>; 2] {
        let second = match self {
            Signal::MessageReceived(_, is_text) => Some(is_text.to_variant()),
            Signal::Closed(_, reason) => Some(reason.to_variant()),
            _ => None,
        };
        [self.first_argument(), second]
    }

    fn first_argument(&self) -> Option<Variant> {
        match self {
            Signal::StatusChanged(status) => Some((*status as i64).to_variant()),
            Signal::PacketReceived(packet) | Signal::MessageReceived(packet, _) => {
                Some(packet.to_variant())
            }
            Signal::Closed(code, _) => Some(code.to_variant()),
            Signal::ConnectFinished(error)
            | Signal::Disconnected(error)
            | Signal::Failed(error) => Some(i64::from(error.ord()).to_variant()),
            Signal::Drained
            | Signal::DataAvailable
            | Signal::ConnectionAvailable
            | Signal::Connected => None,
        }
    }

    /// The name of the signal with a packet.
    pub(crate) fn packet_received() -> &'static StringName {
        &SignalNames::get().packet_received
    }

    /// The name of the signal that data is available.
    pub(super) fn data_available() -> &'static StringName {
        &SignalNames::get().data_available
    }

    /// The names of all signals of a peer.
    pub(super) fn names_of_peer() -> impl Iterator<Item = &'static StringName> {
        let names = SignalNames::get();
        [
            &names.status_changed,
            &names.connect_finished,
            &names.disconnected,
            &names.drained,
            &names.data_available,
        ]
        .into_iter()
    }
}

/// The names, made once. Making them in each poll with an event would cost as much as the poll.
struct SignalNames {
    status_changed: StringName,
    connect_finished: StringName,
    disconnected: StringName,
    drained: StringName,
    data_available: StringName,
    connection_available: StringName,
    packet_received: StringName,
    failed: StringName,
    connected: StringName,
    closed: StringName,
}

impl SignalNames {
    fn get() -> &'static SignalNames {
        static NAMES: OnceLock<SignalNames> = OnceLock::new();
        NAMES.get_or_init(|| SignalNames {
            status_changed: "status_changed".into(),
            connect_finished: "connect_finished".into(),
            disconnected: "disconnected".into(),
            drained: "drained".into(),
            data_available: "data_available".into(),
            connection_available: "connection_available".into(),
            packet_received: "packet_received".into(),
            failed: "failed".into(),
            connected: "connected".into(),
            closed: "closed".into(),
        })
    }
}
