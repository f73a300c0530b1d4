//! Which line of a script has made an object, for the debugger.

use std::sync::atomic::{AtomicBool, Ordering};

use godot::builtin::AnyArray;
use godot::classes::Engine;
use godot::meta::ToGodot;
use godot::obj::Singleton;

/// Whether origins are looked up.
static IS_KEPT: AtomicBool = AtomicBool::new(false);

/// Sets whether origins are looked up from now on. Returns whether they were before.
pub(crate) fn keep(enabled: bool) -> bool {
    IS_KEPT.swap(enabled, Ordering::Relaxed)
}

/// The line of the script that runs on this thread, such as `res://game.gd:12`, if there is a
/// debugger. Empty if no script runs, and before Godot 4.5, which has no function for it.
pub(crate) fn origin() -> String {
    const CAPTURE: &str = "capture_script_backtraces";
    let mut engine = Engine::singleton();
    if !IS_KEPT.load(Ordering::Relaxed) || !engine.has_method(CAPTURE) {
        return String::new();
    }
    // One trace for each scripting language.
    let traces = engine.call(CAPTURE, &[]).try_to::<AnyArray>();
    let place = traces
        .iter()
        .flat_map(AnyArray::iter_shared)
        .find_map(|trace| {
            let frames: i64 = trace.call("get_frame_count", &[]).try_to().ok()?;
            let first = [0.to_variant()];
            (frames > 0).then(|| {
                let file = trace.call("get_frame_file", &first);
                let line = trace.call("get_frame_line", &first);
                format!("{file}:{line}")
            })
        });
    place.unwrap_or_default()
}
