//! Binding, connecting and listening.

mod binding;
mod connecting;
#[cfg(target_os = "linux")]
mod full_backlogs;
mod listeners;
mod options;
mod racing_options;
#[cfg(target_os = "linux")]
mod reconnects;
#[path = "../support/mod.rs"]
mod support;
