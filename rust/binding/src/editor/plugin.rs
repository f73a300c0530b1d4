//! The plugins of the editor and of its debugger. They need not be enabled.

use std::collections::HashMap;

use godot::builtin::{Callable, GString, VarArray, varray};
use godot::classes::{
    EditorDebuggerPlugin, EditorPlugin, IEditorDebuggerPlugin, IEditorPlugin, Timer,
};
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, NewAlloc, NewGd, WithBaseField};
use godot::prelude::{GodotClass, godot_api};

use super::table::Table;
use crate::debugger::{LIST, PREFIX, RECORD, WATCH};

/// The time between two requests to the running game, in seconds.
const INTERVAL: f64 = 0.5;

/// Adds the plugin of the debugger to the editor.
#[derive(GodotClass)]
#[class(tool, init, internal, base = EditorPlugin)]
struct StreamSocketsEditorPluginRs {
    debugger: Option<Gd<StreamSocketsDebuggerRs>>,
    base: Base<EditorPlugin>,
}

#[godot_api]
impl IEditorPlugin for StreamSocketsEditorPluginRs {
    fn enter_tree(&mut self) {
        let debugger = StreamSocketsDebuggerRs::new_gd();
        self.debugger = Some(debugger.clone());
        self.base_mut().add_debugger_plugin(&debugger);
    }

    fn exit_tree(&mut self) {
        if let Some(debugger) = self.debugger.take() {
            self.base_mut().remove_debugger_plugin(&debugger);
        }
    }
}

/// Adds a tab to each session of the debugger. There is one session, unless several games run at
/// once.
#[derive(GodotClass)]
#[class(tool, init, internal, base = EditorDebuggerPlugin)]
struct StreamSocketsDebuggerRs {
    tables: HashMap<i32, Table>,
    base: Base<EditorDebuggerPlugin>,
}

#[godot_api]
impl IEditorDebuggerPlugin for StreamSocketsDebuggerRs {
    fn setup_session(&mut self, session: i32) {
        let Some(mut debugger_session) = self.base().get_session(session) else {
            return;
        };
        let table = Table::new();
        let mut timer = Timer::new_alloc();
        timer.set_wait_time(INTERVAL);
        timer.set_autostart(true);
        let ask = Callable::from_object_method(&self.to_gd(), "ask");
        timer.connect("timeout", &ask.bind(&[session.to_variant()]));
        table.control().add_child(&timer);
        debugger_session.add_session_tab(&table.control());
        self.tables.insert(session, table);
    }

    fn has_capture(&self, prefix: GString) -> bool {
        prefix == PREFIX
    }

    fn capture(&mut self, message: GString, answer: VarArray, session: i32) -> bool {
        let (message, Some(table)) = (message.to_string(), self.tables.get_mut(&session)) else {
            return false;
        };
        match message
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix(':'))
        {
            Some(LIST) => table.show(&answer),
            Some(RECORD) => table.show_record(&answer),
            _ => return false,
        }
        true
    }
}

#[godot_api]
impl StreamSocketsDebuggerRs {
    /// Sends a request to the game of a session, if the tab of the session is visible.
    #[func]
    fn ask(&mut self, session: i32) {
        let Some(mut debugger_session) = self.base().get_session(session) else {
            return;
        };
        let Some(table) = self.tables.get_mut(&session) else {
            return;
        };
        if !debugger_session.is_active() {
            table.has_ended();
            return;
        }
        if debugger_session.is_breaked() {
            return;
        }
        if let Some(number) = table.take_watched() {
            debugger_session
                .send_message_ex(&format!("{PREFIX}:{WATCH}"))
                .data(&varray![number])
                .done();
        }
        if table.is_visible() {
            debugger_session.send_message(&format!("{PREFIX}:{LIST}"));
        }
    }
}
