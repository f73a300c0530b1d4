//! What a connection and an event loop report: events, recordings and statistics.

mod connection_events;
mod event_loops;
mod loops;
mod recording;
mod stalls;
mod statistics;
#[path = "../support/mod.rs"]
mod support;
