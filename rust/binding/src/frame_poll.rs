//! `auto_poll`: calls the `poll` of an object once a frame. The same connection serves the hints.
//!
//! One connection to the scene tree's signal `process_frame` polls all objects that want it, on the
//! main thread, whether the tree is paused or not. A connection for each object would call the
//! object by its id, while another thread may be freeing it.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use godot::builtin::{Callable, StringName};
use godot::classes::{Engine, SceneTree};
use godot::init::is_main_thread;
use godot::meta::ToGodot;
use godot::obj::{Gd, NewGd, Singleton};
use godot::prelude::{GodotClass, godot_api, godot_error};

use crate::bridge;
use crate::parts::{FramePolled, hints};

/// The parts whose objects want to be polled, and those whose objects have stopped within a frame.
static LIST: Mutex<Vec<Weak<dyn FramePolled>>> = Mutex::new(Vec::new());

/// Whether the scene tree polls them.
static IS_CONNECTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The object that the scene tree calls, on the main thread. [`end`] drops it. A destructor
    /// here would keep the library from being unloaded.
    static CALLED: Cell<Option<ManuallyDrop<Gd<SocketFramePoll>>>> = const { Cell::new(None) };
}

/// The object that the scene tree calls. It is not a function: the tree keeps a function that it
/// has begun to call in a frame, even if the library is unloaded meanwhile, but looks up an object
/// by its id.
#[derive(GodotClass)]
#[class(tool, init, internal, base = RefCounted)]
struct SocketFramePoll {}

#[godot_api]
impl SocketFramePoll {
    #[func(gd_self)]
    fn poll(_this: Gd<Self>) {
        poll_all();
    }
}

/// Starts or stops polling the object of `part` once a frame. From another thread, or before there
/// is a scene tree, this takes effect with the deferred calls of the main thread. Once an object is
/// being freed, it is no longer polled, although its script still gets NOTIFICATION_PREDELETE.
pub(crate) fn set(part: &Arc<impl FramePolled + 'static>, enabled: bool) {
    let state = part.frame_poll();
    state.is_wanted.store(enabled, Ordering::Relaxed);
    if !enabled {
        return;
    }
    {
        let mut list = list();
        if !state.is_listed.swap(true, Ordering::Relaxed) {
            let part: Arc<dyn FramePolled> = part.clone();
            list.push(Arc::downgrade(&part));
        }
    }
    if IS_CONNECTED.load(Ordering::Relaxed) {
        return;
    }
    match tree().filter(|_| is_main_thread()) {
        Some(tree) => connect(tree),
        None => {
            let connect = Callable::from_sync_fn("auto_poll", |_| match tree() {
                Some(tree) => connect(tree),
                None => godot_error!("auto_poll: main loop is not a SceneTree"),
            });
            connect.call_deferred(&[]);
        }
    }
}

fn connect(mut tree: Gd<SceneTree>) {
    if !IS_CONNECTED.swap(true, Ordering::Relaxed) {
        let called = SocketFramePoll::new_gd();
        tree.connect("process_frame", &called.callable("poll"));
        CALLED.set(Some(ManuallyDrop::new(called)));
    }
}

/// Makes the scene tree give hints once a frame, if hints are on. From another thread, or before
/// there is a scene tree, leaves that to the next call. It makes an object, so it must not be
/// called while an object is being made.
pub(crate) fn begin_hints() {
    if hints::are_on()
        && !IS_CONNECTED.load(Ordering::Relaxed)
        && is_main_thread()
        && let Some(tree) = tree()
    {
        connect(tree);
    }
}

/// Stops all polling, on the main thread. The tree must not call a library that is unloaded.
pub(crate) fn end() {
    // Dropping the object removes the connection.
    drop(CALLED.take().map(ManuallyDrop::into_inner));
    IS_CONNECTED.store(false, Ordering::Relaxed);
    list().clear();
}

fn poll_all() {
    hints::tick();
    // Handlers may change the list, so it is taken out during their calls.
    let entries = std::mem::take(&mut *list());
    if entries.is_empty() {
        return;
    }
    let poll = StringName::from("poll");
    let mut are_all_polled = true;
    for entry in &entries {
        are_all_polled &= poll_entry(entry, &poll);
    }
    // Dropped after the list is unlocked: a part may hold the last reference to an object, whose
    // script is notified.
    let mut parts = Vec::new();
    let mut list = list();
    if !IS_CONNECTED.load(Ordering::Relaxed) {
        // A handler has unloaded the library.
        list.clear();
        return;
    }
    let added = std::mem::replace(&mut *list, entries);
    list.extend(added);
    if !are_all_polled {
        list.retain(|entry| {
            let Some(part) = entry.upgrade() else {
                return false;
            };
            let stays = part.frame_poll().is_wanted() && !part.object().is_over();
            if !stays {
                part.frame_poll().is_listed.store(false, Ordering::Relaxed);
            }
            parts.push(part);
            stays
        });
    }
}

/// Polls the object, as a call of its method `poll` does. Returns false if the object is freed or
/// being freed, or does not want to be polled.
fn poll_entry(entry: &Weak<dyn FramePolled>, poll: &StringName) -> bool {
    let part = entry.upgrade();
    let Some(part) = part.filter(|part| part.frame_poll().is_wanted()) else {
        return false;
    };
    let Some(object) = part.object().hold() else {
        return false;
    };
    match object.has_script_method(poll) {
        true => object.call(&poll.to_variant()),
        // A call through Godot takes longer than to poll an idle connection.
        false => bridge::guarded((), || part.poll_object()),
    }
    true
}

fn list() -> MutexGuard<'static, Vec<Weak<dyn FramePolled>>> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tree() -> Option<Gd<SceneTree>> {
    Engine::singleton()
        .get_main_loop()?
        .try_cast::<SceneTree>()
        .ok()
}
