//! Locks, atomics and threads, from std. In a simulation they come from its deterministic
//! scheduler.

#[cfg(not(stream_socket_simulated))]
mod process_wide;

#[cfg(not(stream_socket_simulated))]
pub(crate) use {
    process_wide::ProcessWide,
    std::thread_local,
    std::{
        sync::{Condvar, Mutex, MutexGuard, atomic},
        thread,
    },
};

#[cfg(stream_socket_simulated)]
pub(crate) use crate::sys::imp::{
    ProcessWide,
    sync::{Condvar, Mutex, MutexGuard, atomic, thread},
};
#[cfg(stream_socket_simulated)]
pub(crate) use shuttle::thread_local;

use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

/// Locks `mutex`. Ignores poisoning: no code of this crate leaves protected data inconsistent when
/// it panics.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks `mutex`, unless it is locked.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
    }
}

/// Waits for `condvar`. The mutex is unlocked during the wait.
pub(crate) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Like [`wait`], for at most `limit`.
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    limit: Duration,
) -> MutexGuard<'a, T> {
    let waited = condvar.wait_timeout(guard, limit);
    waited.unwrap_or_else(PoisonError::into_inner).0
}
