//! Sending: blocking and partial writes, the queue, and coalesced writes.

#[cfg(target_os = "linux")]
mod accepted_order;
mod queue;
mod sending;
#[path = "../support/mod.rs"]
mod support;
mod time_limits;
