//! Readiness: finding out, with few system calls, which of many sockets have something to do.
//!
//! | file | content |
//! | --- | --- |
//! | `group` | a set of connections and listeners that are polled together |
//! | `subscriptions` | the groups that one connection or listener is in |
//! | `ready_list` | the members of a group that are due, and their queued events |
//! | `shared_poller` | one poller for the idle connections of the process |
//! | `published` | the newest shared poll, published to all threads |
//! | `readiness_slab` | the words of all connections, beside each other |
//! | `readiness` | whether a connection that was found empty may have received data since |
//! | `freshness` | for how long an answer of the kernel may be reused |
//!
//! Each file uses only those below it in the table.
//!
//! # Readiness
//!
//! Sockets are registered with an edge-triggered poller (epoll(7), EPOLLET): the kernel reports a
//! socket when new data arrives, and not again for the same data. So a consumer that stops before
//! the kernel answers EAGAIN must probe again without a report. A connection that met EAGAIN twice
//! is registered with the shared poller, and *quiet* from then on: it has no unread data unless an
//! edge is reported. Its [`readiness::Readiness`] word records edges.
//!
//! Two kinds of poller report edges to that word:
//!
//! - A [`group::Group`] has a poller of its own. An edge makes the member *due*, and the next round
//!   visits it.
//! - The shared poller serves connections that are polled one by one. A *shared poll* is one system
//!   call, without waiting, that reports the edges of all of them.
//!
//! # Freshness
//!
//! A frame that polls a thousand idle connections must not make a thousand system calls. So a poll
//! of a quiet connection uses the newest shared poll instead of a system call of its own, as long
//! as that is *fresh* (see [`freshness`]): it is younger than about 3 microseconds, this library
//! has sent, received, accepted or closed nothing since, and this connection has not used it
//! before.
//!
//! # The order of memory operations
//!
//! The thread that makes a shared poll and a thread that uses it share no lock. What each does, in
//! order:
//!
//! | shared poll | poll of a quiet connection |
//! | --- | --- |
//! | reads the activity count | |
//! | asks the kernel, sets `NOTIFIED` in the word of each reported connection | |
//! | stores activity, ticks, number (release) | |
//! | | loads number, ticks, activity (acquire) |
//! | | reads its own word: sees every `NOTIFIED` of that poll |
//!
//! A connection that probes its socket races with edges that are reported meanwhile:
//!
//! | connection | thread that the kernel reports to |
//! | --- | --- |
//! | `begin_probe`: clears `NOTIFIED` | |
//! | | sets `NOTIFIED` |
//! | receives: EAGAIN or data | |
//! | `settle`: sees `NOTIFIED`, and does not become quiet | |
//!
//! `tests/memory_order.rs` runs these files on loom, in every order that the memory model allows.

pub(crate) mod freshness;
pub(crate) mod group;
mod published;
pub(crate) mod readiness;
pub(crate) mod readiness_slab;
pub(crate) mod ready_list;
pub(crate) mod shared_poller;
pub(crate) mod subscriptions;
