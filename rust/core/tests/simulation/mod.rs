//! A model of connections that is independent of the library, and random programs whose results are
//! compared with it. All programs run on a simulated kernel; the single-threaded ones also run on a
//! real kernel.

#![allow(dead_code, reason = "each test program uses a part of it")]

#[cfg(stream_socket_simulated)]
pub mod closing_writers;
#[cfg(stream_socket_simulated)]
pub mod connecting;
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
#[cfg(stream_socket_simulated)]
pub mod programs;
pub mod raw;
#[cfg(not(stream_socket_simulated))]
pub mod real;
#[cfg(stream_socket_simulated)]
pub mod reconnects;
#[cfg(stream_socket_simulated)]
pub mod relays;
#[cfg(stream_socket_simulated)]
pub mod shared_polls;
#[cfg(stream_socket_simulated)]
pub mod simulated;
#[cfg(stream_socket_simulated)]
pub mod stale_paths;
pub mod state_machine;
pub mod stream;
pub mod system;
pub mod tags;
#[cfg(stream_socket_simulated)]
pub mod targets;
pub mod trace;
#[cfg(stream_socket_simulated)]
pub mod websockets;

use std::time::Duration;

/// The longest time until what was handed to the system can be seen at the other end.
fn notify_delay<S: system::System>() -> Duration {
    #[cfg(stream_socket_simulated)]
    let latency = stream_socket::simulated::control::latency();
    #[cfg(not(stream_socket_simulated))]
    let latency = Duration::from_millis(1);
    latency * 2 + Duration::from_micros(10)
}
