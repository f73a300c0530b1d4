//! `auto_poll`: an object's `poll` is called once a frame.
//!
//! The scene tree's signal `process_frame` is connected once, and polls all objects that want it, on the main thread, whether
//! the tree is paused or not. Connecting each object by itself would call it by its id, while a thread may be freeing it.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use godot::builtin::{Callable, StringName};
use godot::classes::{Engine, Object, RefCounted, SceneTree};
use godot::init::is_main_thread;
use godot::meta::ToGodot;
use godot::obj::{Gd, Inherits, NewGd, Singleton, WithBaseField};
use godot::prelude::{GodotClass, godot_api, godot_error};

use crate::bridge::Presence;

/// Those that want to be polled, and those that did a frame ago.
static LIST: Mutex<Vec<Arc<PolledObject>>> = Mutex::new(Vec::new());

/// The scene tree polls them.
static IS_CONNECTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Which object it calls, on the main thread. A destructor would keep the library from being unloaded; [`end`] drops it.
    static CALLED: Cell<Option<ManuallyDrop<Gd<SocketFramePoll>>>> = const { Cell::new(None) };
}

/// What the scene tree calls. It is an object, since the tree keeps a function that it has begun to call in a frame, also if
/// the library is unloaded meanwhile; an object it looks for by its id.
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

/// The `auto_poll` of an object. It is a field of the object's struct, and goes with it. Most objects never want it.
#[derive(Default)]
pub(crate) struct FramePoll(OnceLock<Arc<PolledObject>>);

#[derive(Default)]
struct PolledObject {
    presence: Presence,
    is_wanted: AtomicBool,
    /// It is in the list. Changed with the list locked.
    is_listed: AtomicBool,
}

impl FramePoll {
    /// Begins or stops to poll `object`, whose field this is, once a frame. From another thread, or before there is a scene
    /// tree, it takes effect with the deferred calls of the main thread. An object that is being freed, whose script still
    /// hears of that, is not polled any more.
    pub(crate) fn set<T>(&self, object: &T, enabled: bool)
    where
        T: WithBaseField<Base: Inherits<RefCounted> + Inherits<Object>>,
    {
        if !enabled {
            if let Some(entry) = self.0.get() {
                entry.is_wanted.store(false, Ordering::Relaxed);
            }
            return;
        }
        let entry = self.0.get_or_init(Arc::default);
        entry.is_wanted.store(true, Ordering::Relaxed);
        entry.presence.begin(object.base().instance_id());
        {
            let mut list = list();
            if !entry.is_listed.swap(true, Ordering::Relaxed) {
                list.push(entry.clone());
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
                    None => godot_error!("auto_poll needs a SceneTree as main loop"),
                });
                connect.call_deferred(&[]);
            }
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        let entry = self.0.get();
        entry.is_some_and(|entry| entry.is_wanted.load(Ordering::Relaxed))
    }
}

impl Drop for FramePoll {
    fn drop(&mut self) {
        if let Some(entry) = self.0.get() {
            entry.presence.end();
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

/// Ends all of it, on the main thread: the tree would call a library that is gone.
pub(crate) fn end() {
    // Its connection goes with it.
    drop(CALLED.take().map(ManuallyDrop::into_inner));
    IS_CONNECTED.store(false, Ordering::Relaxed);
    list().clear();
}

fn poll_all() {
    // Handlers may change the list.
    let entries = {
        let mut list = list();
        list.retain(|entry| {
            let stays = entry.is_wanted.load(Ordering::Relaxed) && !entry.presence.is_over();
            if !stays {
                entry.is_listed.store(false, Ordering::Relaxed);
            }
            stays
        });
        list.clone()
    };
    let poll = StringName::from("poll").to_variant();
    for entry in entries {
        if entry.is_wanted.load(Ordering::Relaxed)
            && let Some(object) = entry.presence.hold()
        {
            object.call(&poll);
        }
    }
}

fn list() -> MutexGuard<'static, Vec<Arc<PolledObject>>> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tree() -> Option<Gd<SceneTree>> {
    Engine::singleton()
        .get_main_loop()?
        .try_cast::<SceneTree>()
        .ok()
}
