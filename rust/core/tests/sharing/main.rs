//! Idle connections share one answer of the kernel. These tests have a program of their own and run
//! one at a time: any traffic makes all connections probe again, and the sharing time is a setting
//! of the process.

#[cfg(target_os = "linux")]
mod delayed_polls;
#[cfg(target_os = "linux")]
mod freshness;
#[cfg(target_os = "linux")]
mod partial_receives;
#[path = "../support/mod.rs"]
mod support;
mod unlimited_sharing;

use std::time::Duration;

use stream_socket::process::set_sharing;

/// Changes the sharing time. Dropping it restores the default, also after a failure.
struct Sharing;

impl Sharing {
    fn of(time: Duration) -> Sharing {
        set_sharing(time);
        Sharing
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        set_sharing(Duration::from_micros(3));
    }
}
