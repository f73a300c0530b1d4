//! One direction of a connection, in use by one thread.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Mutex, MutexGuard};

use crate::group::Memberships;
use crate::lock::{lock, try_lock};

/// Lets groups know when a direction can be looked into again. A poll on behalf of a group does not wait for the thread
/// that is using a direction, and nobody else would tell the group of what that thread leaves there.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    pub(crate) groups: Memberships,
    /// Somebody could not look.
    was_missed: AtomicBool,
}

/// The use of a direction, to its end.
#[derive(Debug)]
pub(crate) struct InUse<'a, T> {
    // In this order: it is unlocked before the end is told.
    side: MutexGuard<'a, T>,
    _end: End<'a>,
}

#[derive(Debug)]
struct End<'a>(&'a Occupancy);

impl Occupancy {
    /// Waits until nobody else uses `side`.
    #[inline]
    pub(crate) fn enter<'a, T>(&'a self, side: &'a Mutex<T>) -> InUse<'a, T> {
        self.used(lock(side))
    }

    /// `None` if somebody else uses `side`.
    #[inline]
    pub(crate) fn try_enter<'a, T>(&'a self, side: &'a Mutex<T>) -> Option<InUse<'a, T>> {
        let free = try_lock(side).or_else(|| self.miss(side));
        free.map(|side| self.used(side))
    }

    fn used<'a, T>(&'a self, side: MutexGuard<'a, T>) -> InUse<'a, T> {
        InUse {
            side,
            _end: End(self),
        }
    }

    #[cold]
    fn miss<'a, T>(&self, side: &'a Mutex<T>) -> Option<MutexGuard<'a, T>> {
        if !self.groups.are_any() {
            return None;
        }
        self.was_missed.store(true, Ordering::Relaxed);
        // Either this attempt finds the side free, or its user finds the note: see `End`.
        fence(Ordering::SeqCst);
        try_lock(side)
    }

    #[cold]
    fn tell_if_missed(&self) {
        fence(Ordering::SeqCst);
        if self.was_missed.swap(false, Ordering::Relaxed) {
            self.groups.tell();
        }
    }
}

impl Drop for End<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.0.groups.are_any() {
            self.0.tell_if_missed();
        }
    }
}

impl<T> Deref for InUse<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.side
    }
}

impl<T> DerefMut for InUse<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.side
    }
}
