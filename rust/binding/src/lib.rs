//! The Godot classes of the addon: `StreamPeerTCPRs`, `StreamPeerUDSRs`, `TCPServerRs`,
//! `UDSServerRs` with their abstract bases, and the classes that use them, on top of the sockets of
//! the crate `stream-socket`.
//!
//! The class documentation for GDScript is in the addon's `doc_classes`. This crate translates, and
//! does nothing else. The modules of the classes translate Godot's types and error codes to Rust's
//! and back. The `bridge` translates Godot's class system to one with inheritance and cheap calls,
//! as the class tree in each module says. The `parts` are the plain Rust halves of the objects that
//! several classes use. Imports go one way: classes, bridge, parts.
//!
//! | module | what it is |
//! | --- | --- |
//! | `peer`, `peer_tcp`, `peer_uds` | the methods of the peer classes |
//! | `server`, `server_tcp`, `server_uds` | the methods of the server classes |
//! | `packet_peer`, `websocket`, `group`, `relay`, `http` | the other classes |
//! | `shared_methods` | methods that several classes share |
//! | `frame_poll` | `auto_poll` |
//! | `statistics`, `monitors` | `get_statistics`; the monitors of the debugger |
//! | `debugger`, `editor` | the tab Sockets of the debugger: the game's half, and the editor's |
//! | `bridge` | inheritance between classes, their objects, and direct methods |
//! | `parts` | the Rust halves of the objects that several classes use |
//! | `help`, `settings` | the help of the scripts in the editor; project settings |
//! | `json`, `variant_format` | encodings of packets |
//! | `text`, `numbers`, `origin` | texts; counts and times; which line made an object |

mod bridge;
mod debugger;
mod editor;
mod frame_poll;
mod group;
mod help;
mod http;
mod json;
mod monitors;
mod numbers;
mod origin;
mod packet_peer;
mod parts;
mod peer;
mod peer_tcp;
mod peer_uds;
mod relay;
mod server;
mod server_tcp;
mod server_uds;
mod settings;
mod shared_methods;
mod statistics;
mod text;
mod variant_format;
mod websocket;

use godot::classes::Engine;
use godot::init::{ExtensionLibrary, InitStage, gdextension};
use godot::obj::Singleton;
use godot::sys;

use crate::bridge::ClassTree;

/// What the bridge makes the classes from.
static TREES: &[&ClassTree] = &[
    &peer::TREE,
    &server::TREE,
    &packet_peer::TREE,
    &websocket::TREE,
    &relay::CONDITIONS_TREE,
    &relay::TREE,
    &http::TREE,
    &http::REQUEST_TREE,
    &group::TREE,
];

struct Extension;

// SAFETY: The entry symbol that Godot calls is `stream_peer_socket_rs_init`, which calls this one
// as Godot would.
#[gdextension(entry_symbol = stream_peer_socket_rs_gdext_entry)]
unsafe impl ExtensionLibrary for Extension {
    fn on_stage_init(stage: InitStage) {
        match stage {
            InitStage::Scene => {
                bridge::check_tables();
                stream_socket::process::start_up();
                settings::register();
                if is_debugged_game() {
                    if settings::has_monitors() {
                        monitors::add();
                    }
                    parts::hints::enable(
                        gives_hints(&bridge::has_feature) && settings::has_hints(),
                    );
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
                parts::websocket::background::stop();
                debugger::detach();
                monitors::remove();
                parts::live::keep(false);
                parts::hints::enable(false);
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

/// Whether this process is a game that can be debugged: neither the editor nor an exported release
/// build.
fn is_debugged_game() -> bool {
    !Engine::singleton().is_editor_hint() && bridge::has_feature("debug")
}

/// Whether a game that is debugged gives hints: they are for who makes it, so no exported game has
/// them, not even a debug build.
fn gives_hints(has_feature: &dyn Fn(&str) -> bool) -> bool {
    !has_feature("template")
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
    // SAFETY: The arguments are those that Godot passes.
    unsafe {
        bridge::initialize(
            TREES,
            stream_peer_socket_rs_gdext_entry,
            get_proc_address,
            library,
            init,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_games_give_no_hints() {
        let of = |features: &'static [&str]| gives_hints(&|tag| features.contains(&tag));
        assert!(of(&["debug", "editor"]));
        assert!(!of(&["debug", "template", "template_debug"]));
    }
}
