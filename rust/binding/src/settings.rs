//! Project settings: those that the engine's classes obey, and the addon's own.

use std::sync::Once;
use std::time::Duration;

use godot::builtin::{Variant, VariantType, vdict};
use godot::classes::ProjectSettings;
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, Singleton};
use godot::register::info::PropertyHint;

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

/// For how long idle peers share what the system tells of them, in microseconds. 0 is not at all.
const SHARED_ANSWER: &str = "network/limits/stream_sockets/shared_answer_usec";
const DEFAULT_SHARED_ANSWER_USEC: i64 = 3;

/// Shows the addon's own settings in the editor.
pub(crate) fn register() {
    let mut settings = ProjectSettings::singleton();
    let default = DEFAULT_SHARED_ANSWER_USEC.to_variant();
    if !settings.has_setting(SHARED_ANSWER) {
        settings.set_setting(SHARED_ANSWER, &default);
    }
    // One that has its initial value is not written into the project's file.
    settings.set_initial_value(SHARED_ANSWER, &default);
    settings.add_property_info(
        &vdict! {
            "name" => SHARED_ANSWER,
            "type" => VariantType::INT.ord(),
            "hint" => PropertyHint::RANGE.ord(),
            "hint_string" => "0,1000,1,or_greater,suffix:\u{b5}s",
        }
        .upcast_any_dictionary(),
    );
}

/// Obeys the addon's own settings, with the first object that is made.
pub(crate) fn apply() {
    static APPLIED: Once = Once::new();
    APPLIED.call_once(|| {
        let usec = ProjectSettings::singleton()
            .get_setting(SHARED_ANSWER)
            .try_to::<i64>()
            .unwrap_or(DEFAULT_SHARED_ANSWER_USEC);
        stream_socket::set_sharing(Duration::from_micros(usec.max(0).unsigned_abs()));
    });
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
