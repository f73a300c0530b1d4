//! The running game's side of the Sockets tab in the editor's debugger: it answers what the tab asks. Without a debugger
//! nobody asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use godot::builtin::{Callable, VarArray, Variant, varray};
use godot::classes::EngineDebugger;
use godot::meta::ToGodot;
use godot::obj::Singleton;
use stream_socket::Status;

use crate::parts::live::{self, Member, Part};
use crate::parts::{Peer, Server};

/// What the messages of the tab and of the game begin with.
pub(crate) const PREFIX: &str = "stream_sockets";
/// The question for all peers and servers, and the answer: the seconds since the game began to answer, and then an array for
/// each of them: its number, class, status, local and remote address, the bytes received and sent since the connect, the bytes
/// queued, the age in seconds or a negative number, and the last error.
pub(crate) const LIST: &str = "list";

static IS_ATTACHED: AtomicBool = AtomicBool::new(false);

/// Answers from now on, if there is a debugger.
pub(crate) fn attach() {
    let mut debugger = EngineDebugger::singleton();
    if !debugger.is_active() || debugger.has_capture(PREFIX) {
        return;
    }
    IS_ATTACHED.store(true, Ordering::Relaxed);
    live::keep(true);
    let start = Instant::now();
    let answer =
        Callable::from_sync_fn("answer the Sockets tab", move |arguments: &[&Variant]| {
            let question = arguments.first().map(|message| message.to_string());
            let is_known = question.as_deref() == Some(LIST);
            if is_known {
                tell(start);
            }
            is_known
        });
    debugger.register_message_capture(PREFIX, &answer);
}

/// Answers no more: the debugger would call a library that is gone.
pub(crate) fn detach() {
    if !IS_ATTACHED.swap(false, Ordering::Relaxed) {
        return;
    }
    let mut debugger = EngineDebugger::singleton();
    if debugger.has_capture(PREFIX) {
        debugger.unregister_message_capture(PREFIX);
    }
}

fn tell(start: Instant) {
    let mut answer = varray![start.elapsed().as_secs_f64()];
    for member in live::members() {
        answer.push(&row(&member).to_variant());
    }
    EngineDebugger::singleton().send_message(&format!("{PREFIX}:{LIST}"), &answer);
}

fn row(member: &Member) -> VarArray {
    let Member {
        number,
        class,
        part,
    } = member;
    let mut row = varray![*number as i64, *class];
    match part {
        Part::Peer(peer) => row.extend_array(&of_peer(peer)),
        Part::Server(server) => row.extend_array(&of_server(server)),
    }
    row
}

fn of_peer(peer: &Peer) -> VarArray {
    let connection = &peer.connection;
    let counted = connection.statistics(Instant::now());
    let status = match connection.status() {
        Status::None => "not connected",
        Status::Connecting => "connecting",
        Status::Connected => "connected",
        Status::Error => "failed",
    };
    let local = connection.local_address();
    let remote = connection.peer_address();
    varray![
        status,
        local.map_or_else(String::new, |address| address.to_string()),
        remote.map_or_else(String::new, |address| address.to_string()),
        counted.received as i64,
        counted.sent as i64,
        counted.queued as i64,
        counted.age.map_or(-1.0, |age| age.as_secs_f64()),
        peer.last_error.get().message
    ]
}

fn of_server(server: &Server) -> VarArray {
    let address = server.listener.local_address();
    varray![
        if address.is_some() {
            "listening"
        } else {
            "not listening"
        },
        address.map_or_else(String::new, |address| address.to_string()),
        "",
        0,
        0,
        0,
        -1.0,
        server.last_error.get().message
    ]
}
