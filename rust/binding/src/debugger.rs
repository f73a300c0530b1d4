//! The running game's side of the Sockets tab in the debugger of the editor: answers the requests
//! of the tab. Without a debugger there are no requests.
//!
//! The constants are the protocol. The editor's side is [`editor`](crate::editor).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use godot::builtin::{
    Callable, GString, PackedByteArray, PackedStringArray, VarArray, Variant, varray,
};
use godot::classes::EngineDebugger;
use godot::meta::ToGodot;
use godot::obj::Singleton;
use stream_socket::Status;

use crate::origin;
use crate::parts::live::{self, LiveObject, LivePart};
use crate::parts::{PeerPart, ServerPart};

/// The prefix of all messages between the tab and the game.
pub(crate) const PREFIX: &str = "stream_sockets";
/// The request for all peers and servers, and the answer to it: the seconds since the game began to
/// answer, and then an array for each object. The array has the object's number, class, status,
/// local and remote address, the bytes received and sent since the connect, the bytes queued, the
/// age in seconds or a negative number, the last error, and the line of the script that has made
/// the object.
pub(crate) const LIST: &str = "list";
/// The request to record only the peer with this number from now on, or no peer if it is 0.
pub(crate) const WATCH: &str = "watch";
/// Sent before an answer to [`LIST`] if a peer is recorded: its number, its events in words, and
/// its last bytes received and sent.
pub(crate) const RECORD: &str = "record";

/// The number of the peer that is recorded, 0 for none.
static WATCHED: AtomicI64 = AtomicI64::new(0);

/// Starts to answer, if there is a debugger.
pub(crate) fn attach() {
    let mut debugger = EngineDebugger::singleton();
    if !debugger.is_active() || debugger.has_capture(PREFIX) {
        return;
    }
    origin::keep(true);
    live::keep(true);
    let start = Instant::now();
    let answer =
        Callable::from_sync_fn("answer the Sockets tab", move |arguments: &[&Variant]| {
            let question = arguments.first().map(|message| message.to_string());
            match question.as_deref() {
                Some(LIST) => send_list(start),
                Some(WATCH) => {
                    let data = arguments.get(1).and_then(|data| data.try_to().ok());
                    watch(&data.unwrap_or_default());
                }
                _ => return false,
            }
            true
        });
    debugger.register_message_capture(PREFIX, &answer);
}

/// Stops answering. The debugger must not call a library that is unloaded.
pub(crate) fn detach() {
    if !origin::keep(false) {
        return;
    }
    let mut debugger = EngineDebugger::singleton();
    if debugger.has_capture(PREFIX) {
        debugger.unregister_message_capture(PREFIX);
    }
}

/// Records the peer with the number in `data`, and no other one.
fn watch(data: &VarArray) {
    let number = data.get(0).and_then(|number| number.try_to().ok());
    let number: i64 = number.unwrap_or(0);
    let before = WATCHED.swap(number, Ordering::Relaxed);
    for object in live::objects() {
        if let LivePart::Peer(peer) = &object.part
            && [number, before].contains(&object.number)
        {
            peer.connection.record(object.number == number);
        }
    }
}

fn send_list(start: Instant) {
    let mut debugger = EngineDebugger::singleton();
    let watched = WATCHED.load(Ordering::Relaxed);
    let mut answer = varray![start.elapsed().as_secs_f64()];
    for object in live::objects() {
        answer.push(&row(&object).to_variant());
        if let LivePart::Peer(peer) = &object.part
            && object.number == watched
            && let Some(record) = record(&object, peer, start)
        {
            debugger.send_message(&format!("{PREFIX}:{RECORD}"), &record);
        }
    }
    debugger.send_message(&format!("{PREFIX}:{LIST}"), &answer);
}

/// The record of a peer. The times of its events are in seconds since `start`.
fn record(object: &LiveObject, peer: &PeerPart, start: Instant) -> Option<VarArray> {
    let now = Instant::now();
    let recording = peer.connection.recording(now)?;
    let time = now.saturating_duration_since(start);
    let events = recording.events.iter().map(|(age, event)| {
        let seconds = time.saturating_sub(*age).as_secs_f64();
        GString::from(&format!("{seconds:10.3} s  {event:?}"))
    });
    Some(varray![
        object.number,
        &events.collect::<PackedStringArray>(),
        &PackedByteArray::from(recording.received),
        &PackedByteArray::from(recording.sent)
    ])
}

fn row(object: &LiveObject) -> VarArray {
    let LiveObject {
        number,
        class,
        origin,
        part,
    } = object;
    let mut row = varray![*number, *class];
    match part {
        LivePart::Peer(peer) => row.extend_array(&of_peer(peer)),
        LivePart::Server(server) => row.extend_array(&of_server(server)),
    }
    row.push(&origin.to_variant());
    row
}

fn of_peer(peer: &PeerPart) -> VarArray {
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
        peer.details().message
    ]
}

fn of_server(server: &ServerPart) -> VarArray {
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
