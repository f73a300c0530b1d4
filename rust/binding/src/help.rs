//! The class documentation in the help of the editor.

use godot::sys;

/// The documentation in the addon, one file per class. The library contains it, because Godot takes
/// the text and not the file. A new class needs a line here.
const CLASSES: [&str; 13] = [
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/HTTPServerRequestRs.xml"),
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/HTTPServerRs.xml"),
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
    include_str!("../../../addons/stream_peer_socket_rs/doc_classes/WebSocketPeerRs.xml"),
];

/// Passes the class documentation to the editor, which does not load it itself. Called in the
/// editor only.
pub(crate) fn load() {
    for class in CLASSES {
        let length = sys::GDExtensionInt::try_from(class.len()).expect("a text fits the memory");
        // SAFETY: gdext has loaded Godot's interface before any level is initialised. Godot reads
        // `length` bytes of UTF-8, and copies them.
        unsafe {
            sys::interface_fn!(editor_help_load_xml_from_utf8_chars_and_len)(
                class.as_ptr().cast(),
                length,
            );
        }
    }
}
