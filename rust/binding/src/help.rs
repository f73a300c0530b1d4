//! The class documentation in the editor's help.

use godot::sys;

/// The documentation as it lies in the addon, one file per class. It is part of the library, because Godot wants the
/// text and not the file.
const CLASSES: [&str; 10] = [
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/PacketPeerSocketRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/SocketConditionsRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/SocketRelayRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/SocketServerRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/StreamPeerSocketGroupRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/StreamPeerSocketRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/StreamPeerTCPRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/StreamPeerUDSRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/TCPServerRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/UDSServerRs.xml"),
];

/// Hands the class documentation to the editor, which does not look for it by itself. A running game never gets here.
pub(crate) fn load() {
    for class in CLASSES {
        let length = sys::GDExtensionInt::try_from(class.len()).expect("a text fits the memory");
        // SAFETY: gdext has loaded Godot's interface before it initialises any level. Godot reads `length` bytes of
        // UTF-8, and copies them.
        unsafe {
            sys::interface_fn!(editor_help_load_xml_from_utf8_chars_and_len)(
                class.as_ptr().cast(),
                length,
            );
        }
    }
}
