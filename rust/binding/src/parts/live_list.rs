//! The list of the parts that exist, whatever their type is.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::origin::origin;

static IS_KEPT: AtomicBool = AtomicBool::new(false);
static LIST: Mutex<List> = Mutex::new(List {
    entries: Vec::new(),
    last_number: 0,
    most: 0,
});

/// In a list of at most this length, freed objects are not searched for.
const FEW: usize = 64;

/// The objects that were made after [`keep`] was called. Some may have been freed.
struct List {
    entries: Vec<LiveEntry>,
    last_number: i64,
    /// When the list reaches this length, the entries of freed objects are removed. Twice the
    /// number of remaining entries, so freed objects never take more room than live ones.
    most: usize,
}

/// An object that was made after [`keep`] was called.
#[derive(Clone)]
pub(super) struct LiveEntry {
    pub(super) number: i64,
    pub(super) class: &'static str,
    pub(super) origin: String,
    pub(super) part: Weak<dyn Any + Send + Sync>,
}

/// Starts to list the objects that are made from now on, or stops and clears the list.
pub(crate) fn keep(enabled: bool) {
    IS_KEPT.store(enabled, Ordering::Relaxed);
    if !enabled {
        list().entries = Vec::new();
    }
}

/// Adds an object of `class`, which this thread is making, if the list is kept.
pub(super) fn add<P: Any + Send + Sync>(class: &'static str, part: &Arc<P>) {
    if !IS_KEPT.load(Ordering::Relaxed) {
        return;
    }
    let origin = origin();
    let part: Arc<dyn Any + Send + Sync> = part.clone();
    let mut list = list();
    if list.entries.len() >= list.most {
        list.entries.retain(|entry| entry.part.strong_count() > 0);
        list.most = (2 * list.entries.len()).max(FEW);
    }
    list.last_number += 1;
    let number = list.last_number;
    list.entries.push(LiveEntry {
        number,
        class,
        origin,
        part: Arc::downgrade(&part),
    });
}

/// The objects, in the order in which they were made.
pub(super) fn entries() -> Vec<LiveEntry> {
    list().entries.clone()
}

fn list() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}
