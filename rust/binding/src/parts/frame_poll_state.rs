//! The `auto_poll` of an object, whether the object has a part or a struct of gdext's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use super::presence::Presence;

/// The `auto_poll` of an object: a field of its part or of its struct. Empty until the object first
/// wants to be polled.
#[derive(Debug, Default)]
pub(crate) struct FramePoll(OnceLock<Arc<PolledObject>>);

/// A part whose object can be polled once a frame.
pub(crate) trait FramePolled: Send + Sync {
    /// Does what the method `poll` of the object's class does.
    fn poll_object(self: Arc<Self>);
}

/// An object that wants to be polled, or has wanted it.
#[derive(Debug, Default)]
pub(crate) struct PolledObject {
    pub(crate) presence: Presence,
    /// The part of the object, if it has one.
    pub(crate) part: OnceLock<Weak<dyn FramePolled>>,
    pub(crate) is_wanted: AtomicBool,
    /// Whether it is in the list. Changed only while the list is locked.
    pub(crate) is_listed: AtomicBool,
}

impl FramePoll {
    pub(crate) fn is_wanted(&self) -> bool {
        self.get()
            .is_some_and(|object| object.is_wanted.load(Ordering::Relaxed))
    }

    pub(crate) fn get(&self) -> Option<&Arc<PolledObject>> {
        self.0.get()
    }

    pub(crate) fn get_or_begin(&self) -> &Arc<PolledObject> {
        self.0.get_or_init(Arc::default)
    }

    /// The object is being freed, and is not polled any more.
    pub(crate) fn end(&self) {
        if let Some(object) = self.get() {
            object.presence.end();
        }
    }
}

impl Drop for FramePoll {
    fn drop(&mut self) {
        self.end();
    }
}
