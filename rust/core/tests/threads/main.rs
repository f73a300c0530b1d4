//! Several threads use one connection or one group.

mod blocked_calls;
#[cfg(target_os = "linux")]
mod concurrent_disconnect;
#[cfg(target_os = "linux")]
mod delayed_readers;
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod waiting_calls;
