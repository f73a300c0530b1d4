//! Project settings: settings of the engine's classes that the addon's classes obey too, and the
//! addon's own.

use std::sync::Once;
use std::time::Duration;

use godot::builtin::{Variant, vdict};
use godot::classes::ProjectSettings;
use godot::meta::{FromGodot, ToGodot};
use godot::obj::{EngineEnum, Singleton};
use godot::register::info::PropertyHint;

/// The engine's default, also for the Unix domain setting, which older engines do not have.
const DEFAULT_SECONDS: i64 = 30;

/// The time limit of a TCP connect.
pub(crate) fn tcp_connect_timeout() -> Duration {
    seconds("network/limits/tcp/connect_timeout_seconds")
}

/// The time limit of a Unix domain connect.
pub(crate) fn unix_connect_timeout() -> Duration {
    seconds("network/limits/unix/connect_timeout_seconds")
}

/// How long idle peers share one answer of the system, in microseconds. 0: they do not share.
const SHARED_ANSWER: ProjectSetting = ProjectSetting {
    name: "network/limits/stream_sockets/shared_answer_usec",
    default: || 3.to_variant(),
    hint: (PropertyHint::RANGE, "0,1000,1,or_greater,suffix:\u{b5}s"),
};

/// Whether a game that is debugged has monitors.
const MONITORS: ProjectSetting = ProjectSetting {
    name: "debug/settings/stream_sockets/monitors",
    default: || true.to_variant(),
    hint: (PropertyHint::NONE, ""),
};

/// Whether a game that is debugged gives hints.
const HINTS: ProjectSetting = ProjectSetting {
    name: "debug/settings/stream_sockets/hints",
    default: || true.to_variant(),
    hint: (PropertyHint::NONE, ""),
};

/// A project setting of the addon's own.
struct ProjectSetting {
    name: &'static str,
    default: fn() -> Variant,
    hint: (PropertyHint, &'static str),
}

impl ProjectSetting {
    /// Adds the setting to those that the editor shows.
    fn register(&self) {
        let mut settings = ProjectSettings::singleton();
        let default = (self.default)();
        if !settings.has_setting(self.name) {
            settings.set_setting(self.name, &default);
        }
        // Godot does not write a setting with its initial value into the file of the project.
        settings.set_initial_value(self.name, &default);
        settings.add_property_info(
            &vdict! {
                "name" => self.name,
                "type" => default.get_type().ord(),
                "hint" => self.hint.0.ord(),
                "hint_string" => self.hint.1,
            }
            .upcast_any_dictionary(),
        );
    }

    /// The value in the project; the default if the value has another type.
    fn get<T: FromGodot>(&self) -> T {
        let value = ProjectSettings::singleton().get_setting(self.name);
        value.try_to().unwrap_or_else(|_| (self.default)().to())
    }
}

/// Adds the addon's own settings to those that the editor shows.
pub(crate) fn register() {
    SHARED_ANSWER.register();
    MONITORS.register();
    HINTS.register();
}

/// Applies the addon's own settings, when the first object is made.
pub(crate) fn apply() {
    static APPLIED: Once = Once::new();
    APPLIED.call_once(|| {
        let usec: i64 = SHARED_ANSWER.get();
        stream_socket::process::set_sharing(Duration::from_micros(usec.max(0).unsigned_abs()));
    });
}

/// Whether a game that is debugged has monitors.
pub(crate) fn has_monitors() -> bool {
    MONITORS.get()
}

/// Whether a game that is debugged gives hints.
pub(crate) fn has_hints() -> bool {
    HINTS.get()
}

/// Read each time, because a script may change it.
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
