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
use crate::parts::{FramePoll, FramePolled, ObjectAddress, PolledObject, hints};

/// The objects that want to be polled, and those that did a frame ago.
static LIST: Mutex<Vec<Arc<PolledObject>>> = Mutex::new(Vec::new());

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

impl FramePoll {
    /// Starts or stops polling `object`, whose field this is, once a frame. From another thread, or
    /// before there is a scene tree, this takes effect with the deferred calls of the main thread.
    /// An object that is being freed is not polled any more, even while its script is notified of
    /// that.
    /// `part` is the part of the object, if it has one.
    pub(crate) fn set(
        &self,
        object: ObjectAddress,
        part: Option<Weak<dyn FramePolled>>,
        enabled: bool,
    ) {
        if !enabled {
            if let Some(entry) = self.get() {
                entry.is_wanted.store(false, Ordering::Relaxed);
            }
            return;
        }
        let entry = self.get_or_begin();
        entry.is_wanted.store(true, Ordering::Relaxed);
        entry.presence.begin(object);
        if let Some(part) = part {
            entry.part.get_or_init(|| part);
        }
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
                    None => godot_error!("auto_poll: the main loop is not a SceneTree"),
                });
                connect.call_deferred(&[]);
            }
        }
    }

    /// Whether the object is polled and something is connected to one of `signals`, which are
    /// signals of its class: a script expects them. The object may be being freed.
    pub(crate) fn is_expected(&self, signals: &[&str]) -> bool {
        let entry = self.get();
        entry.is_some_and(|entry| {
            let mut signals = signals.iter();
            entry.is_wanted.load(Ordering::Relaxed)
                && signals.any(|signal| entry.presence.has_connections(signal))
        })
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
            let stays = entry.is_wanted.load(Ordering::Relaxed) && !entry.presence.is_over();
            if !stays {
                entry.is_listed.store(false, Ordering::Relaxed);
            }
            stays
        });
    }
}

/// Polls the object, as a call of its method `poll` does. Returns false if the object is freed or
/// being freed, or does not want to be polled.
fn poll_entry(entry: &PolledObject, poll: &StringName) -> bool {
    let object = match entry.is_wanted.load(Ordering::Relaxed) {
        true => entry.presence.hold(),
        false => None,
    };
    let Some(object) = object else {
        return false;
    };
    match entry.part.get().and_then(Weak::upgrade) {
        // A call through Godot takes longer than to poll an idle connection.
        Some(part) if !object.has_script_method(poll) => {
            bridge::guarded((), || part.poll_object());
        }
        _ => object.call(&poll.to_variant()),
    }
    true
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
