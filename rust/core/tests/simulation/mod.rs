//! A model of connections that knows nothing of how they are made, and random programs that are held against it. The programs
//! run on a simulated kernel, and the simpler ones on a real one.

#![allow(dead_code, reason = "each test program uses another part of it")]

#[cfg(stream_socket_simulated)]
pub mod connecting;
#[cfg(stream_socket_simulated)]
pub mod endings;
pub mod event_loops;
pub mod exchange;
#[cfg(stream_socket_simulated)]
pub mod forks;
#[cfg(stream_socket_simulated)]
pub mod groups;
pub mod library;
pub mod library_leaving;
pub mod library_reads;
pub mod library_writes;
#[cfg(stream_socket_simulated)]
pub mod listeners;
pub mod machine;
#[cfg(stream_socket_simulated)]
pub mod programs;
// The pseudo-random numbers of the simulated kernel, on the real kernel as well.
#[path = "../../src/sys/simulated/random.rs"]
pub mod random;
pub mod raw;
#[cfg(not(stream_socket_simulated))]
pub mod real;
#[cfg(stream_socket_simulated)]
pub mod relays;
#[cfg(stream_socket_simulated)]
pub mod sessions;
#[cfg(stream_socket_simulated)]
pub mod sharing;
#[cfg(stream_socket_simulated)]
pub mod simulated;
#[cfg(stream_socket_simulated)]
pub mod stale;
pub mod stream;
pub mod system;
pub mod tags;
#[cfg(stream_socket_simulated)]
pub mod targets;
pub mod trace;

use std::time::Duration;

/// After this time what was handed to the system can be seen at the other end.
fn notify_delay<S: system::System>() -> Duration {
    #[cfg(stream_socket_simulated)]
    let latency = stream_socket::simulated::control::latency();
    #[cfg(not(stream_socket_simulated))]
    let latency = Duration::from_millis(1);
    latency * 2 + Duration::from_micros(10)
}
