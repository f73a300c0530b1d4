//! The Godot classes of the addon: `StreamPeerTCPRs`, `StreamPeerUDSRs`, `TCPServerRs`, `UDSServerRs` with their
//! abstract bases, and what is made of them, on top of the sockets of the crate `stream-socket`.
//!
//! The class documentation for users of GDScript is in the addon's `doc_classes`. This crate translates: Godot's types
//! and error codes to Rust's and back, in the modules of the peers and the servers, and Godot's class system to one that
//! has inheritance and cheap calls, in the bridge.

mod bridge;
mod debugger;
mod editor;
mod families;
mod frame_poll;
mod group;
mod help;
mod json;
mod monitors;
mod packet_peer;
mod parts;
mod peer;
mod peer_tcp;
mod peer_uds;
mod relay;
mod seconds;
mod server;
mod server_tcp;
mod server_uds;
mod settings;
mod statistics;
mod text;

use godot::classes::Engine;
use godot::init::{ExtensionLibrary, InitStage, gdextension};
use godot::obj::Singleton;
use godot::sys;

struct Extension;

// SAFETY: The entry symbol that Godot calls is `stream_peer_socket_rs_init`, which calls this one as Godot would.
#[gdextension(entry_symbol = stream_peer_socket_rs_gdext_entry)]
unsafe impl ExtensionLibrary for Extension {
    fn on_stage_init(stage: InitStage) {
        match stage {
            InitStage::Scene => {
                stream_socket::process::start_up();
                settings::register();
                if is_debugged_game() {
                    if settings::has_monitors() {
                        monitors::add();
                    }
                    debugger::attach();
                }
            }
            InitStage::Editor => help::load(),
            _ => {}
        }
    }

    fn on_stage_deinit(stage: InitStage) {
        match stage {
            InitStage::Scene => {
                frame_poll::end();
                debugger::detach();
                monitors::remove();
                parts::live::keep(false);
                stream_socket::process::shut_down();
            }
            InitStage::Core => {
                bridge::forget_library();
                bridge::forget_late_methods();
            }
            _ => {}
        }
    }
}

/// Whether this process is a game that can be debugged: neither the editor, nor a game that was exported to be played.
fn is_debugged_game() -> bool {
    !Engine::singleton().is_editor_hint() && bridge::has_feature("debug")
}

/// The entry symbol that the manifest names.
///
/// # Safety
/// Only Godot calls it, with the arguments that gdextension_interface.h documents.
#[unsafe(no_mangle)]
unsafe extern "C" fn stream_peer_socket_rs_init(
    get_proc_address: sys::GDExtensionInterfaceGetProcAddress,
    library: sys::GDExtensionClassLibraryPtr,
    init: *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool {
    // SAFETY: Passed on as they came.
    unsafe {
        bridge::initialize(
            &families::ALL,
            stream_peer_socket_rs_gdext_entry,
            get_proc_address,
            library,
            init,
        )
    }
}
