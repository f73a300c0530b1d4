//! `auto_poll`: an object's `poll` is called once a frame.
//!
//! The scene tree's signal `process_frame` calls it, so on the main thread, whether the tree is paused or not. The
//! connection holds the object by its id only, and goes with the object.

use godot::builtin::{Callable, Variant};
use godot::classes::{Engine, Object, SceneTree};
use godot::init::is_main_thread;
use godot::obj::{Gd, InstanceId, Singleton};
use godot::prelude::godot_error;

/// Begins or stops to poll the object with the id `object` once a frame, as `is_wanted` says. From another thread, or
/// before there is a scene tree, that is left to the deferred calls of the main thread.
pub(crate) fn update(object: InstanceId, is_wanted: impl Fn() -> bool + Send + Sync + 'static) {
    if is_main_thread()
        && let Some(tree) = tree()
    {
        apply(tree, object, is_wanted());
        return;
    }
    // What is wanted is asked then: it may have changed by that time.
    let deferred = Callable::from_sync_fn("auto_poll", move |_| -> Variant {
        match tree() {
            Some(tree) => apply(tree, object, is_wanted()),
            None => godot_error!("auto_poll needs a SceneTree as main loop"),
        }
        Variant::nil()
    });
    deferred.call_deferred(&[]);
}

fn apply(mut tree: Gd<SceneTree>, object: InstanceId, is_wanted: bool) {
    let Ok(object) = Gd::<Object>::try_from_instance_id(object) else {
        return;
    };
    let poll = Callable::from_object_method(&object, "poll");
    if tree.is_connected("process_frame", &poll) == is_wanted {
        return;
    }
    if is_wanted {
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
