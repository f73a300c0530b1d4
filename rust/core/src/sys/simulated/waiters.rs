//! The threads that wait.

use std::task::Waker;

use super::id::Id;

/// A thread that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: Id,
    pub(super) what: &'static str,
    pub(super) thread: String,
    pub(super) keys: [Id; 3],
    pub(super) deadline: Option<u64>,
    pub(super) is_woken: bool,
    pub(super) waker: Option<Waker>,
}
