//! The `auto_poll` of an object.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::presence::Presence;

/// The `auto_poll` of an object: a field of its part.
#[derive(Debug, Default)]
pub(crate) struct FramePoll {
    pub(crate) is_wanted: AtomicBool,
    /// Whether the part is in the list of those to poll. Changed only while the list is locked.
    pub(crate) is_listed: AtomicBool,
}

/// A part whose object can be polled once a frame.
pub(crate) trait FramePolled: Send + Sync {
    /// Whether the object is alive.
    fn object(&self) -> &Presence;

    fn frame_poll(&self) -> &FramePoll;

    /// Does what the method `poll` of the object's class does.
    fn poll_object(self: Arc<Self>);
}

impl FramePoll {
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }
}
