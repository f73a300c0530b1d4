//! What belongs to the process and not to one object: background work, sharing of kernel answers,
//! totals.
//!
//! A forked child needs no call: it gets new process-wide state at the first use.
//!
//! A thread may still wait for the system's resolver after a [`shut_down`]; nothing can interrupt
//! that. So the library stays mapped, and the thread finds its code when the answer comes.

use std::time::Duration;

pub use crate::totals::{Totals, count_traffic, received_packet, sent_packet, totals, uncounted};

use crate::connect::resolver;
use crate::connection;
use crate::poll::shared_poller;

/// Allows background work again after a [`shut_down`], for a library that was kept mapped and is
/// loaded again. Not needed before the first use.
///
/// # Examples
///
/// ```
/// use stream_socket::process;
///
/// process::shut_down();
/// process::start_up();
/// ```
pub fn start_up() {
    resolver::start_up();
    connection::start_up();
}

/// Ends background work. Call it before the library is unloaded or the process exits.
///
/// Connections in a lingering close send what the kernel accepts without blocking, and are closed.
/// If data is left, a TCP peer sees a reset. Lookups that have not begun are dropped. If a lookup
/// is under way, the library stays mapped for the rest of the process.
///
/// # Examples
///
/// ```
/// use stream_socket::{Connection, process};
///
/// let (one, _other) = Connection::pair()?;
/// one.write_fully(b"goodbye")?;
/// one.disconnect();
/// process::shut_down();
/// # process::start_up();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn shut_down() {
    connection::shut_down();
    resolver::shut_down();
    shared_poller::shut_down();
}

/// Sets for how long idle connections share one answer of the kernel: about 3 microseconds by
/// default.
///
/// With zero, each [`poll`](crate::Connection::poll) asks the kernel, and sees at once even data
/// that did not come through this library. Polling a thousand idle connections then makes a
/// thousand system calls.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_socket::process;
///
/// process::set_sharing(Duration::ZERO);
/// # process::set_sharing(Duration::from_micros(3));
/// ```
pub fn set_sharing(lifetime: Duration) {
    shared_poller::set_sharing(lifetime);
}
