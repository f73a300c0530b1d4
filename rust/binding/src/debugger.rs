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

use crate::origin;
use crate::parts::live::{self, LiveObject};

/// The prefix of all messages between the tab and the game.
pub(crate) const PREFIX: &str = "stream_sockets";
/// The request for all objects, and the answer to it: the seconds since the game began to answer,
/// and then an array for each object. The array has the object's number, class, status, local and
/// remote address, the bytes received and sent since the connect, the packets received and sent,
/// the bytes queued, the age in seconds or a negative number, the last error, and the line of the
/// script that has made the object.
pub(crate) const LIST: &str = "list";
/// The request to record only the object with this number from now on, or none if it is 0.
pub(crate) const WATCH: &str = "watch";
/// Sent before an answer to [`LIST`] if an object is recorded: its number, its events in words, and
/// its last bytes received and sent.
pub(crate) const RECORD: &str = "record";

/// The number of the object that is recorded, 0 for none.
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

/// Records the object with the number in `data`, and no other one.
fn watch(data: &VarArray) {
    let number = data.get(0).and_then(|number| number.try_to().ok());
    let number: i64 = number.unwrap_or(0);
    let before = WATCHED.swap(number, Ordering::Relaxed);
    // Two objects may have the same connection, so the old one is stopped first.
    let objects = live::objects();
    for (watched, is_recorded) in [(before, false), (number, true)] {
        if let Some(object) = objects.iter().find(|object| object.number == watched) {
            let part = &object.part;
            part.with_connection(&mut |connection| connection.record(is_recorded));
        }
    }
}

fn send_list(start: Instant) {
    let mut debugger = EngineDebugger::singleton();
    let watched = WATCHED.load(Ordering::Relaxed);
    let mut answer = varray![start.elapsed().as_secs_f64()];
    for object in live::objects() {
        answer.push(&row(&object).to_variant());
        if object.number == watched
            && let Some(record) = record(&object, start)
        {
            debugger.send_message(&format!("{PREFIX}:{RECORD}"), &record);
        }
    }
    debugger.send_message(&format!("{PREFIX}:{LIST}"), &answer);
}

/// The record of an object's connection. The times of its events are in seconds since `start`.
fn record(object: &LiveObject, start: Instant) -> Option<VarArray> {
    let now = Instant::now();
    let mut recording = None;
    let part = &object.part;
    part.with_connection(&mut |connection| recording = connection.recording(now));
    let recording = recording?;
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
    let report = object.part.report(Instant::now());
    varray![
        object.number,
        object.class,
        report.status,
        report.local,
        report.remote,
        report.received as i64,
        report.sent as i64,
        report.packets_received as i64,
        report.packets_sent as i64,
        report.queued as i64,
        report.age.map_or(-1.0, |age| age.as_secs_f64()),
        report.error,
        &*object.origin
    ]
}
