//! Connecting: from a name or an address to a connected socket.
//!
//! | file | content |
//! | --- | --- |
//! | `connecting` | a connect under way: lookup, attempts, time limit |
//! | `race` | attempts to the addresses of one name |
//! | `attempt` | one attempt to one address |
//! | `attempt_log` | the outcome of each attempt, for users |
//! | `connect_deadline` | the time limit of a connect |
//! | `happy_eyeballs` | when to try which address |
//! | `resolver` | looking up names on worker threads |
//!
//! # Attempts
//!
//! A connect to an address is one non-blocking connect(2), which each poll advances. A connect to a
//! name first asks the [`resolver`], and then races attempts to its addresses. `localhost` is not
//! looked up: it stands for both loopback addresses (RFC 6761, section 6.3).
//!
//! The race follows Happy Eyeballs Version 2 (RFC 8305): the address families alternate, and the
//! next attempt starts when the one before has failed, or after 250 milliseconds. The first attempt
//! that succeeds becomes the connection, and the others are closed. A socket that was bound before
//! can serve only one attempt, so such a connect tries one address.
//!
//! # Time limits
//!
//! The limit covers the lookup and all attempts. Time in which the connect was not polled does not
//! count in full. After an absence of more than 100 milliseconds, at least a quarter of the limit
//! is left: no less than 250 milliseconds, no more than 5 seconds. This is granted once for the
//! work that was under way, and once more for addresses that had not been tried. See
//! `connect_deadline` and [`deadline`](crate::deadline).

pub(crate) mod attempt;
pub(crate) mod attempt_log;
mod connect_deadline;
pub(crate) mod connecting;
mod happy_eyeballs;
mod race;
pub(crate) mod resolver;
