//! `auto_poll`: an object's `poll` is called once a frame.
//!
//! The scene tree's signal `process_frame` calls it, so on the main thread, whether the tree is paused or not. The
//! connection holds the object by its id only, and goes with the object.

use godot::builtin::{Callable, Variant};
use godot::classes::{Engine, Object, RefCounted, SceneTree};
use godot::init::is_main_thread;
use godot::meta::ToGodot;
use godot::obj::{Gd, Inherits, Singleton, WithBaseField};
use godot::prelude::godot_error;

/// Begins or stops to poll `object` once a frame, as `is_wanted` says. From another thread, or before there is a scene
/// tree, that is left to the deferred calls of the main thread, which keep the object until then. An object that is being
/// freed, whose script still hears of that, is not polled any more.
pub(crate) fn update<T>(object: &T, is_wanted: impl Fn() -> bool + Send + Sync + 'static)
where
    T: WithBaseField<Base: Inherits<RefCounted> + Inherits<Object>>,
{
    let base = object.base();
    if base.upcast_ref::<RefCounted>().get_reference_count() == 0 {
        return;
    }
    let object = base.clone().upcast::<Object>();
    if is_main_thread()
        && let Some(tree) = tree()
    {
        apply(tree, &object, is_wanted());
        return;
    }
    // What is wanted is asked then: it may have changed by that time.
    let deferred = Callable::from_sync_fn("auto_poll", move |arguments| -> Variant {
        let object = arguments.first().and_then(|object| object.try_to().ok());
        match (tree(), object) {
            (Some(tree), Some(object)) => apply(tree, &object, is_wanted()),
            _ => godot_error!("auto_poll needs a SceneTree as main loop"),
        }
        Variant::nil()
    });
    deferred.call_deferred(&[object.to_variant()]);
}

fn apply(mut tree: Gd<SceneTree>, object: &Gd<Object>, is_wanted: bool) {
    let poll = Callable::from_object_method(object, "poll");
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
