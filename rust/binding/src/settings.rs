//! The project settings that the engine's classes obey.

use std::time::Duration;

use godot::builtin::Variant;
use godot::classes::ProjectSettings;
use godot::meta::ToGodot;
use godot::obj::Singleton;

/// The engine's default, and that of the Unix domain setting on engines that do not have it yet.
const DEFAULT_SECONDS: i64 = 30;

/// How long a TCP connect may take.
pub(crate) fn tcp_connect_timeout() -> Duration {
    seconds("network/limits/tcp/connect_timeout_seconds")
}

/// How long a Unix domain connect may take.
pub(crate) fn unix_connect_timeout() -> Duration {
    seconds("network/limits/unix/connect_timeout_seconds")
}

/// Read anew each time: a script may change it.
fn seconds(setting: &str) -> Duration {
    let value: Variant = ProjectSettings::singleton()
        .get_setting_ex(setting)
        .default_value(&DEFAULT_SECONDS.to_variant())
        .done();
    let seconds = value
        .try_to::<i64>()
        .or_else(|_| value.try_to::<f64>().map(|seconds| seconds as i64))
        .unwrap_or(DEFAULT_SECONDS);
    Duration::from_secs(seconds.max(0).unsigned_abs())
}
