//! Hints for mistakes that nothing else reports: a connect that nobody polls, packets with another
//! framing than the other side's, and a server or a group that is freed at once.
//!
//! There are hints in a game that can be debugged, and not in the editor or in an exported release
//! build. Each object gives at most one of each kind. Times are counted while the game runs: a
//! pause, such as a breakpoint, counts as at most [`LONGEST_STEP`].

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use godot::classes::Engine;
use godot::obj::Singleton;
use godot::prelude::godot_warn;
use stream_socket::Status;

use super::peer::PeerPart;
use crate::origin;

/// How long a connect is not polled, or a packet is incomplete, before there is a hint.
const PATIENCE: Duration = Duration::from_secs(5);

/// A step of time is at most this long, so that a game that has stopped is not blamed.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// How often [`tick`] does its work.
const INTERVAL: Duration = Duration::from_millis(500);

/// A server or a group with `auto_poll` that is freed within this time, and within the same frame,
/// was in a local variable.
const AT_ONCE: Duration = Duration::from_millis(100);

static IS_ON: AtomicBool = AtomicBool::new(false);
/// Whether a connect is watched.
static HAS_CONNECTS: AtomicBool = AtomicBool::new(false);
/// Whether a server or a group is watched.
static HAS_NEW: AtomicBool = AtomicBool::new(false);
/// Whether a group was polled since the last [`tick`].
static WAS_GROUP_POLLED: AtomicBool = AtomicBool::new(false);

static WATCHED: Mutex<Watched> = Mutex::new(Watched {
    last_tick: None,
    connects: Vec::new(),
    packets: Vec::new(),
    new: Vec::new(),
});

/// The objects that may give a hint.
struct Watched {
    last_tick: Option<Instant>,
    connects: Vec<ConnectWatch>,
    packets: Vec<PacketWatch>,
    new: Vec<NewWatch>,
}

/// A connect that nobody has polled yet, or a peer that has given its hint.
struct ConnectWatch {
    peer: Weak<PeerPart>,
    version: u64,
    /// The class and the target, and the line of the script.
    what: String,
    place: String,
    unpolled: Duration,
    last_step: Instant,
    is_reported: bool,
}

/// The packets of a stream, until they have given their hint.
struct PacketWatch {
    packets: Weak<dyn Unfinished>,
    place: String,
    /// Where the stream was at the last tick.
    position: Position,
    unchanged: Duration,
}

/// The generation of a connection, and how many bytes of it were received.
type Position = (u64, u64);

/// A server that has just begun to listen, or a group that has just got its first member. Nobody
/// has used it since.
struct NewWatch {
    /// The address of its part, which is alive.
    address: usize,
    what: String,
    since: Instant,
    frame: u64,
    place: String,
}

/// Packets of which the next one may have arrived in part.
pub(super) trait Unfinished: Send + Sync {
    /// Whether they were polled since the last call. `by_group` is whether groups were.
    fn take_polled(&self, by_group: bool) -> bool;

    /// The position of the stream, and the hint, if a packet has arrived in part.
    fn unfinished(&self) -> Option<(Position, String)>;
}

/// Turns hints on or off, for objects that are made from now on.
pub(crate) fn enable(enabled: bool) {
    IS_ON.store(enabled, Ordering::Relaxed);
    if !enabled {
        let mut watched = watched();
        watched.connects = Vec::new();
        watched.packets = Vec::new();
        watched.new = Vec::new();
    }
}

/// Whether there are hints.
#[inline]
pub(crate) fn are_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// Watches a connect of `peer`, which has begun. `what` describes it, such as `StreamPeerTCPRs:
/// connect to 127.0.0.1:4000`.
pub(crate) fn connecting(peer: &Arc<PeerPart>, what: String) {
    if !are_on() || peer.connection.status() != Status::Connecting {
        return;
    }
    let place = place();
    let mut watched = watched();
    let is_it = |watch: &ConnectWatch| std::ptr::eq(watch.peer.as_ptr(), Arc::as_ptr(peer));
    watched
        .connects
        .retain(|watch| watch.peer.strong_count() > 0 && (watch.is_reported || !is_it(watch)));
    if watched.connects.iter().any(is_it) {
        return;
    }
    watched.connects.push(ConnectWatch {
        peer: Arc::downgrade(peer),
        version: peer.connection.version(),
        what,
        place,
        unpolled: Duration::ZERO,
        last_step: Instant::now(),
        is_reported: false,
    });
    HAS_CONNECTS.store(true, Ordering::Relaxed);
}

/// The status of `peer`, which is connecting, was asked for.
#[inline]
pub(super) fn status_asked(peer: &PeerPart) {
    if HAS_CONNECTS.load(Ordering::Relaxed) {
        step_connects(Some(peer));
    }
}

/// Counts the time of the connects, or of that of `peer` alone.
#[cold]
fn step_connects(peer: Option<&PeerPart>) {
    let now = Instant::now();
    let mut hints = Vec::new();
    let mut watched = watched();
    watched.connects.retain_mut(|watch| {
        if peer.is_some_and(|peer| !std::ptr::eq(watch.peer.as_ptr(), peer)) {
            return true;
        }
        let Some(peer) = watch.peer.upgrade() else {
            return false;
        };
        if watch.is_reported {
            return true;
        }
        let connection = &peer.connection;
        if connection.version() != watch.version || !connection.is_unpolled_connect() {
            return false;
        }
        let step = now.saturating_duration_since(watch.last_step);
        watch.unpolled += step.min(LONGEST_STEP);
        watch.last_step = now;
        if watch.unpolled >= PATIENCE {
            watch.is_reported = true;
            let ConnectWatch { what, place, .. } = watch;
            hints.push(format!(
                "{what} was never polled; call poll() each frame or set auto_poll{place}"
            ));
        }
        true
    });
    let has_some = watched.connects.iter().any(|watch| !watch.is_reported);
    HAS_CONNECTS.store(has_some, Ordering::Relaxed);
    drop(watched);
    print(hints);
}

/// Watches `packets` as long as they exist.
pub(super) fn watch_packets(packets: Weak<dyn Unfinished>) {
    let place = place();
    let mut watched = watched();
    if watched.packets.len() == watched.packets.capacity() {
        watched
            .packets
            .retain(|watch| watch.packets.strong_count() > 0);
    }
    watched.packets.push(PacketWatch {
        packets,
        place,
        position: (0, 0),
        unchanged: Duration::ZERO,
    });
}

/// A group was polled.
#[inline]
pub(crate) fn group_polled() {
    if are_on() {
        WAS_GROUP_POLLED.store(true, Ordering::Relaxed);
    }
}

/// Gives the hints that are due. Called in every frame.
pub(crate) fn tick() {
    if !are_on() {
        return;
    }
    let now = Instant::now();
    let mut watched = watched();
    let step = watched
        .last_tick
        .map_or(INTERVAL, |last| now.saturating_duration_since(last));
    if step < INTERVAL {
        return;
    }
    watched.last_tick = Some(now);
    watched.new.retain(|new| now - new.since < AT_ONCE);
    HAS_NEW.store(!watched.new.is_empty(), Ordering::Relaxed);
    // The packets are looked at without the lock, because the last reference to their objects may
    // be dropped here.
    let mut packets = std::mem::take(&mut watched.packets);
    drop(watched);
    if HAS_CONNECTS.load(Ordering::Relaxed) {
        step_connects(None);
    }
    let by_group = WAS_GROUP_POLLED.swap(false, Ordering::Relaxed);
    let mut hints = Vec::new();
    packets.retain_mut(|watch| {
        let Some(packets) = watch.packets.upgrade() else {
            return false;
        };
        if !packets.take_polled(by_group) {
            return true;
        }
        let Some((position, hint)) = packets.unfinished() else {
            watch.unchanged = Duration::ZERO;
            return true;
        };
        if position != watch.position {
            watch.position = position;
            watch.unchanged = Duration::ZERO;
            return true;
        }
        watch.unchanged += step.min(LONGEST_STEP);
        let is_due = watch.unchanged >= PATIENCE;
        if is_due {
            hints.push(format!("{hint}{}", watch.place));
        }
        !is_due
    });
    let mut watched = self::watched();
    packets.append(&mut watched.packets);
    watched.packets = packets;
    drop(watched);
    print(hints);
}

/// The server or the group whose part is `part` has begun something that it must live for. `what`
/// describes it.
pub(crate) fn begun<T>(part: &T, what: impl FnOnce() -> String) {
    if !are_on() {
        return;
    }
    let watch = NewWatch {
        address: std::ptr::from_ref(part).addr(),
        what: what(),
        since: Instant::now(),
        frame: frame(),
        place: place(),
    };
    let mut watched = watched();
    watched.new.retain(|new| {
        new.address != watch.address && watch.since.saturating_duration_since(new.since) < AT_ONCE
    });
    watched.new.push(watch);
    HAS_NEW.store(true, Ordering::Relaxed);
}

/// The server or the group whose part is `part` was used, so the script does not lack it.
#[inline]
pub(crate) fn used<T>(part: &T) {
    if HAS_NEW.load(Ordering::Relaxed) {
        drop(take_new(part));
    }
}

/// The server or the group whose part is `part` is being freed. Prints the hint for that if the
/// object has just begun, is polled by the frames (`auto_poll`), and has not been used: the script
/// expects its signals, and has no variable that keeps it. `end` says how it ended, if that matters.
pub(crate) fn freed<T>(part: &T, is_polled: bool, end: impl FnOnce() -> Option<String>) {
    if HAS_NEW.load(Ordering::Relaxed)
        && let Some(new) = take_new(part)
        && is_polled
        && new.since.elapsed() < AT_ONCE
        && new.frame == frame()
        && let Some(end) = end()
    {
        let NewWatch { what, place, .. } = new;
        print(vec![format!(
            "{what} {end}; keep it in a variable of the script{place}"
        )]);
    }
}

#[cold]
fn take_new<T>(part: &T) -> Option<NewWatch> {
    let address = std::ptr::from_ref(part).addr();
    let mut watched = watched();
    let index = watched.new.iter().position(|new| new.address == address)?;
    Some(watched.new.swap_remove(index))
}

/// The line of the script that runs, in parentheses, if a debugger knows it.
fn place() -> String {
    let mut place = origin::origin();
    if !place.is_empty() {
        place.insert_str(0, " (");
        let _ = place.write_char(')');
    }
    place
}

fn frame() -> u64 {
    Engine::singleton().get_process_frames()
}

/// Prints `hints`. A script may listen to what is printed, so no lock is held.
fn print(hints: Vec<String>) {
    for hint in hints {
        godot_warn!("{hint}");
    }
}

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
