//! Receiving: reads, lines, what is available, and ends of streams.

mod blocked_reads;
#[cfg(target_os = "linux")]
mod buffered_reads;
mod idle;
mod lines_and_counts;
mod received_data;
mod receiving;
#[path = "../support/mod.rs"]
mod support;
mod time_limits;
