//! All methods of the engine's classes that the library calls.
//!
//! They are looked up when the library is loaded. A Godot that lacks one of them is refused. No
//! other method that gdext could call is looked up before it is called, because engines that people
//! build for their games often lack some of them.
//!
//! A debug build that calls a method which is not listed here prints an error with the line to add,
//! so the tests in Godot show what is missing.

use std::fmt;

use godot::builtin::StringName;
use godot::sys::{self, GodotFfi};

use super::interface::interface;

/// A method of a class of the engine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EngineMethod {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    /// The hash of the method's signature, from Godot's extension_api.json.
    hash: i64,
}

/// The methods that the bridge calls itself.
pub(super) const HAS_CONNECTIONS: EngineMethod = of("Object", "has_connections", 2619796661);
pub(super) const CALL: EngineMethod = of("Object", "call", 3400424181);
pub(super) const EMIT_SIGNAL: EngineMethod = of("Object", "emit_signal", 4047867050);
pub(super) const REFERENCE: EngineMethod = of("RefCounted", "reference", 2240911060);
pub(super) const UNREFERENCE: EngineMethod = of("RefCounted", "unreference", 2240911060);
pub(super) const NOTIFICATION: EngineMethod = of("Object", "notification", 4023243586);
pub(super) const HAS_FEATURE: EngineMethod = of("OS", "has_feature", 3927539163);

const NEEDED: &[EngineMethod] = &[
    HAS_CONNECTIONS,
    REFERENCE,
    UNREFERENCE,
    NOTIFICATION,
    HAS_FEATURE,
    // Called by the classes.
    of("Engine", "get_main_loop", 1016888095),
    of("Engine", "is_printing_error_messages", 36873697),
    of("Engine", "set_print_error_messages", 2586408642),
    of("JSON", "stringify", 462733549),
    CALL,
    of("Object", "connect", 1518946055),
    EMIT_SIGNAL,
    of("Performance", "add_custom_monitor", ADD_CUSTOM_MONITOR),
    of("Performance", "has_custom_monitor", 2041966384),
    of("Performance", "remove_custom_monitor", 3304788590),
    of("ProjectSettings", "add_property_info", 4155329257),
    of("ProjectSettings", "get_setting", 223050753),
    of("ProjectSettings", "globalize_path", 3135753539),
    of("ProjectSettings", "has_setting", 3927539163),
    of("ProjectSettings", "set_initial_value", 402577236),
    of("ProjectSettings", "set_setting", 402577236),
    // Called by gdext for the classes: when it is loaded, for casts, and to make and keep objects.
    of("Engine", "is_editor_hint", 36873697),
    of("Object", "is_class", IS_CLASS),
    of("RefCounted", "init_ref", 2240911060),
];

/// Called by gdext to check the registered classes, in debug builds for Godot 4.5 and later.
const NEEDED_FOR_CHECKS: &[EngineMethod] = &[
    of("ClassDB", "class_exists", 2619796661),
    of("ClassDB", "class_get_integer_constant_list", 3031669221),
    of("ClassDB", "class_get_property_getter", 3770832642),
    of("ClassDB", "class_get_property_list", 3504980660),
    of("ClassDB", "class_get_property_setter", 3770832642),
    of("ClassDB", "class_has_integer_constant", 471820014),
    of("ClassDB", "class_has_method", 3860701026),
    of("ClassDB", "class_has_signal", 471820014),
    of("Engine", "has_singleton", 2619796661),
];

/// The type of its argument has changed in Godot 4.7.
const IS_CLASS: i64 = if cfg!(feature = "api-4-7") {
    2619796661
} else {
    3927539163
};

/// Called only in a game that is debugged, in the editor, or by a server of files. They are looked
/// up when they are called, so that a Godot without them is not refused.
const LATE: &[(&str, &str)] = &[
    ("CanvasItem", "hide"),
    ("CanvasItem", "is_visible_in_tree"),
    ("CanvasItem", "show"),
    ("ClassDB", "is_parent_class"),
    ("Control", "get_theme_font"),
    ("Control", "set_custom_minimum_size"),
    ("Control", "set_h_size_flags"),
    ("Control", "set_v_size_flags"),
    ("DirAccess", "dir_exists_absolute"),
    ("EditorDebuggerPlugin", "get_session"),
    ("EditorDebuggerSession", "add_session_tab"),
    ("EditorDebuggerSession", "is_active"),
    ("EditorDebuggerSession", "is_breaked"),
    ("EditorDebuggerSession", "send_message"),
    ("EditorPlugin", "add_debugger_plugin"),
    ("EditorPlugin", "remove_debugger_plugin"),
    ("Engine", "get_process_frames"),
    ("EngineDebugger", "has_capture"),
    ("EngineDebugger", "is_active"),
    ("EngineDebugger", "register_message_capture"),
    ("EngineDebugger", "send_message"),
    ("EngineDebugger", "unregister_message_capture"),
    ("FileAccess", "file_exists"),
    ("FileAccess", "get_buffer"),
    ("FileAccess", "get_length"),
    ("FileAccess", "get_md5"),
    ("FileAccess", "get_modified_time"),
    ("FileAccess", "open"),
    ("FileAccess", "seek"),
    ("Label", "set_text"),
    ("Node", "add_child"),
    ("Node", "set_name"),
    ("Object", "has_method"),
    ("Object", "get_class"),
    ("RichTextLabel", "add_text"),
    ("RichTextLabel", "clear"),
    ("RichTextLabel", "pop_all"),
    ("RichTextLabel", "push_font"),
    ("RichTextLabel", "set_autowrap_mode"),
    ("RichTextLabel", "set_selection_enabled"),
    ("TLSOptions", "client"),
    ("TLSOptions", "is_server"),
    ("Timer", "set_autostart"),
    ("Timer", "set_wait_time"),
    ("Tree", "create_item"),
    ("Tree", "get_selected"),
    ("Tree", "set_column_clip_content"),
    ("Tree", "set_column_custom_minimum_width"),
    ("Tree", "set_column_expand"),
    ("Tree", "set_column_title"),
    ("Tree", "set_column_titles_visible"),
    ("Tree", "set_columns"),
    ("Tree", "set_hide_root"),
    ("Tree", "set_select_mode"),
    ("TreeItem", "set_text"),
    ("TreeItem", "set_tooltip_text"),
];

/// It has one more argument since Godot 4.6.
const ADD_CUSTOM_MONITOR: i64 = if cfg!(any(feature = "api-4-6", feature = "api-4-7")) {
    3655788610
} else {
    4099036814
};

/// The classes that ours inherit from and that an engine may lack. Godot calls their methods; the
/// library does not.
pub(super) const BASE_CLASSES: [&str; 2] = ["StreamPeerExtension", "PacketPeerExtension"];

const fn of(class: &'static str, name: &'static str, hash: i64) -> EngineMethod {
    EngineMethod { class, name, hash }
}

impl fmt::Display for EngineMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.class, self.name)
    }
}

impl EngineMethod {
    /// The pointer that Godot calls the method by, or null if Godot does not have the method.
    pub(super) fn find(&self) -> sys::GDExtensionMethodBindPtr {
        let (class, name) = (StringName::from(self.class), StringName::from(self.name));
        find(&class, &name, self.hash)
    }
}

/// All methods that are needed in this build.
pub(super) fn needed() -> impl Iterator<Item = &'static EngineMethod> {
    let has_checks = cfg!(all(debug_assertions, not(feature = "api-4-4")));
    let for_checks = if has_checks { NEEDED_FOR_CHECKS } else { &[] };
    NEEDED.iter().chain(for_checks)
}

/// Whether a method is listed as needed. gdext looks up every method of the engine, so the names,
/// which are slow to read, are compared last.
pub(super) fn is_needed(
    hash: i64,
    class: impl FnOnce() -> String,
    name: impl FnOnce() -> String,
) -> bool {
    let mut candidates = needed().filter(|method| method.hash == hash).peekable();
    if candidates.peek().is_none() {
        return false;
    }
    let (class, name) = (class(), name());
    candidates.any(|method| method.class == class && method.name == name)
}

/// Whether a method may be looked up when it is called.
pub(super) fn may_be_late(class: &str, name: &str) -> bool {
    LATE.contains(&(class, name))
}

/// The pointer that Godot calls a method by, or null if Godot does not have the method. A missing
/// class does not make Godot print an error.
pub(super) fn find(
    class: &StringName,
    name: &StringName,
    hash: i64,
) -> sys::GDExtensionMethodBindPtr {
    if !has_class(class) {
        return std::ptr::null_mut();
    }
    // SAFETY: Both are names that Godot only reads.
    unsafe { (interface().find_method)(class.sys().cast(), name.sys().cast(), hash) }
}

/// Whether Godot has a class of this name.
pub(super) fn has_class(class: &StringName) -> bool {
    // SAFETY: Godot only reads the name.
    !unsafe { (interface().class_tag)(class.sys().cast()) }.is_null()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_listed(class: &str, name: &str, hash: i64) -> bool {
        is_needed(hash, || class.to_owned(), || name.to_owned())
    }

    #[test]
    fn class_name_and_signature_identify_a_method() {
        for EngineMethod { class, name, hash } in needed() {
            assert!(is_listed(class, name, *hash));
            assert!(!is_listed(class, name, hash + 1));
            assert!(!is_listed("Node3D", name, *hash));
            assert!(!is_listed(class, "get_gizmos", *hash));
        }
    }

    #[test]
    fn names_are_read_only_if_the_signature_matches() {
        assert!(!is_needed(1, || unreachable!(), || unreachable!()));
    }

    #[test]
    fn no_method_is_listed_twice() {
        for (index, method) in NEEDED.iter().enumerate() {
            assert!(!NEEDED[..index].contains(method), "{method:?}");
        }
    }
}
