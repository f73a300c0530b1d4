//! What a connection and an event loop report: events, recordings and statistics.

mod connection_events;
mod event_loops;
mod loops;
mod packet_limits;
mod recording;
mod silences;
mod stalls;
mod statistics;
#[path = "../support/mod.rs"]
mod support;
