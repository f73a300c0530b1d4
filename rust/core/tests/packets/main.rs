//! Packets: framing a stream, and reading packets from it.

mod packet_reader;
#[cfg(all(unix, not(stream_socket_simulated)))]
mod random_streams;
#[cfg(all(unix, not(stream_socket_simulated)))]
#[path = "../simple_packets/mod.rs"]
mod simple_packets;
#[path = "../support/mod.rs"]
mod support;
#[cfg(all(unix, not(stream_socket_simulated)))]
#[path = "../simulation/system.rs"]
#[allow(dead_code, reason = "only its random numbers are used")]
mod system;
