//! Groups: visits and waits.

#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod unread_data;
mod visits;
mod waits;
