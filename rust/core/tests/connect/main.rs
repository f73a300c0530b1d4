//! Binding, connecting and listening.

mod binding;
mod connecting;
mod listeners;
mod options;
#[cfg(target_os = "linux")]
mod queue_limit_changes;
mod racing_options;
#[cfg(target_os = "linux")]
mod sessions;
#[path = "../support/mod.rs"]
mod support;
