//! Ends of connections: disconnects, half-close, and the lingering close.

mod delivery;
mod disconnect;
mod half_open;
#[cfg(target_os = "linux")]
mod lingering_close;
#[path = "../support/mod.rs"]
mod support;
