//! Packets that stay incomplete, because the other side uses another framing.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::switch::{LONGEST_STEP, PATIENCE, place, print};

static WATCHED: Mutex<Vec<PacketWatch>> = Mutex::new(Vec::new());

/// The packets of a stream, until their hint is given.
struct PacketWatch {
    packets: Weak<dyn HintedPackets>,
    /// The line of the script that has made the packet peer.
    place: String,
    /// Where the stream was at the last step.
    position: Position,
    unchanged: Duration,
}

/// The generation of a connection, and how many bytes of it were received.
pub(crate) type Position = (u64, u64);

/// A stream of packets, the next of which may have arrived in part.
pub(crate) trait HintedPackets: Send + Sync {
    /// The position of the stream, if a packet has arrived in part.
    fn incomplete_position(&self) -> Option<Position>;

    /// The hint for that packet. `None` if more of it has arrived, and nobody has polled.
    fn hint(&self) -> Option<String>;
}

/// Watches `packets` as long as they exist.
pub(crate) fn watch_packets(packets: Weak<dyn HintedPackets>) {
    let place = place();
    let mut watched = watched();
    if watched.len() == watched.capacity() {
        watched.retain(|watch| watch.packets.strong_count() > 0);
    }
    watched.push(PacketWatch {
        packets,
        place,
        position: (0, 0),
        unchanged: Duration::ZERO,
    });
}

/// Counts `step` for all packets.
pub(super) fn step(step: Duration) {
    let step = step.min(LONGEST_STEP);
    // The packets are looked at without the lock: the last reference to a peer may be dropped here,
    // which runs code of its script.
    let mut packets = std::mem::take(&mut *watched());
    let mut hints = Vec::new();
    packets.retain_mut(|watch| match watch.packets.upgrade() {
        Some(packets) => {
            let is_due = watch.count(&*packets, step);
            let hint = is_due.then(|| packets.hint()).flatten();
            let is_over = hint.is_some();
            hints.extend(hint.map(|hint| hint + &watch.place));
            !is_over
        }
        None => false,
    });
    let mut watched = watched();
    packets.append(&mut watched);
    *watched = packets;
    drop(watched);
    print(hints);
}

pub(super) fn forget() {
    *watched() = Vec::new();
}

impl PacketWatch {
    /// Counts the time of `packets`. Returns whether the hint is due.
    fn count(&mut self, packets: &dyn HintedPackets, step: Duration) -> bool {
        match packets.incomplete_position() {
            Some(position) if position == self.position => self.unchanged += step,
            other => {
                self.position = other.unwrap_or_default();
                self.unchanged = Duration::ZERO;
            }
        }
        self.unchanged >= PATIENCE
    }
}

fn watched() -> MutexGuard<'static, Vec<PacketWatch>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
