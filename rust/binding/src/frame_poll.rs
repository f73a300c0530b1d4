//! `auto_poll`: an object's `poll` is called once a frame.
//!
//! The scene tree's signal `process_frame` calls it, so on the main thread, whether the tree is paused or not. The
//! connection holds the object by its id only, and goes with the object.

use godot::builtin::Callable;
use godot::classes::{Engine, Object, SceneTree};
use godot::init::is_main_thread;
use godot::meta::ToGodot;
use godot::obj::{Gd, Singleton};

/// Begins or stops to poll `object` once a frame. From another thread, or before there is a scene tree, it takes effect
/// when the main thread comes to its deferred calls.
pub(crate) fn set(object: &Gd<Object>, enabled: bool) {
    let tree = if is_main_thread() { tree() } else { None };
    let Some(mut tree) = tree else {
        object
            .clone()
            .call_deferred("set_auto_poll", &[enabled.to_variant()]);
        return;
    };
    let poll = Callable::from_object_method(object, "poll");
    if tree.is_connected("process_frame", &poll) == enabled {
        return;
    }
    if enabled {
        tree.connect("process_frame", &poll);
    } else {
        tree.disconnect("process_frame", &poll);
    }
}

fn tree() -> Option<Gd<SceneTree>> {
    Engine::singleton()
        .get_main_loop()?
        .try_cast::<SceneTree>()
        .ok()
}
