//! What belongs to the process and not to an object: background work, sharing, totals.
//!
//! A forked child needs no word of its own: process-wide state begins anew there ([`ProcessWide`](crate::sync::ProcessWide)).

use std::time::Duration;

pub use crate::totals::{Totals, count_traffic, totals, uncounted};

use crate::connect::resolver;
use crate::connection;
use crate::poll::shared_poller;

/// Allows background work again after a [`shut_down`], for a library that was kept mapped and is loaded once more.
pub fn start_up() {
    resolver::start_up();
    connection::start_up();
}

/// Ends what goes on in the background: of the connections that were let go, what the system takes without waiting is sent;
/// lookups that have not begun are forgotten. Called before the library is unloaded, or the process exits. If a lookup is
/// still under way, the library stays mapped for it, for the rest of the process.
pub fn shut_down() {
    connection::shut_down();
    resolver::shut_down();
    shared_poller::shut_down();
}

/// For how long idle connections share what the kernel tells of them: about 3 microseconds at first. With zero each
/// [`poll`](crate::Connection::poll) asks the kernel itself, and sees at once also what has come past this library, however
/// fast; a frame over a thousand idle connections then makes a thousand system calls.
pub fn set_sharing(lifetime: Duration) {
    shared_poller::set_sharing(lifetime);
}
