//! The Godot classes of the addon.

use godot::prelude::*;

struct Extension;

// SAFETY: nothing here yet.
#[gdextension(entry_symbol = stream_peer_socket_rs_init)]
unsafe impl ExtensionLibrary for Extension {}
