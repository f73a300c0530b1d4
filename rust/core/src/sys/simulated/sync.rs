//! Locks, condition variables, atomics and threads under the seeded scheduler. Each use is a point
//! where another thread may run.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

use super::blocking::{self, Waiter};
use super::wait_queue::Key;
use super::world;

const GUARD_IS_LOCKED: &str = "a guard holds the lock until it is dropped";

/// [`std::sync::Mutex`] under the seeded scheduler.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized> {
    inner: std::sync::Mutex<T>,
}

/// The guard of a [`Mutex`].
pub struct MutexGuard<'a, T: ?Sized> {
    /// `None` only while it is being dropped.
    inner: Option<std::sync::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    /// Creates an unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        let inner = std::sync::Mutex::new(value);
        Mutex { inner }
    }

    /// Consumes the mutex and returns the value.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// The key of the threads that wait for the lock: its address.
    fn key(&self) -> Key {
        (&raw const self.inner).cast::<()>() as Key
    }

    fn guard<'a>(&'a self, inner: std::sync::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard {
            inner: Some(inner),
            mutex: self,
        }
    }

    /// Locks the mutex. Blocks until it is unlocked.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        blocking::pause();
        world::try_with(|world| world.locks += 1);
        loop {
            match self.inner.try_lock() {
                Ok(inner) => return Ok(self.guard(inner)),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return Err(PoisonError::new(self.guard(poisoned.into_inner())));
                }
                Err(TryLockError::WouldBlock) => blocking::block("a lock", &[self.key()]),
            }
        }
    }

    /// Locks the mutex if it is unlocked.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        blocking::pause();
        match self.inner.try_lock() {
            Ok(inner) => Ok(self.guard(inner)),
            Err(TryLockError::Poisoned(poisoned)) => Err(TryLockError::Poisoned(PoisonError::new(
                self.guard(poisoned.into_inner()),
            ))),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        }
    }

    /// The value. The exclusive reference shows that the mutex is unlocked.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect(GUARD_IS_LOCKED)
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect(GUARD_IS_LOCKED)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.inner = None;
        let key = self.mutex.key();
        world::try_with(|world| world.wait_queue.wake_all(key));
        blocking::pause();
    }
}

/// [`std::sync::Condvar`] under the seeded scheduler, with the clock of the world.
#[derive(Debug, Default)]
pub struct Condvar {
    /// Gives each an address of its own, which is its key.
    _byte: u8,
}

/// Whether a wait with a time limit has timed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the wait has timed out.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// Creates a condition variable.
    pub const fn new() -> Condvar {
        Condvar { _byte: 0 }
    }

    fn key(&self) -> Key {
        (&raw const self._byte) as Key
    }

    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<u64>,
    ) -> LockResult<MutexGuard<'a, T>> {
        let mutex = guard.mutex;
        // The wait is registered before the mutex is unlocked, so no notification is lost.
        let waiter = Waiter::register("a condition variable", &[self.key()], deadline);
        drop(guard);
        waiter.sleep();
        mutex.lock()
    }

    /// Unlocks the mutex and blocks until a notification.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_until(guard, None)
    }

    /// Unlocks the mutex and blocks until a notification, or until `limit` is over.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let deadline = world::with(|world| world.deadline(limit));
        let with_result = |guard| {
            let time = world::with(|world| world.time);
            (
                guard,
                WaitTimeoutResult(deadline.is_some_and(|deadline| time >= deadline)),
            )
        };
        match self.wait_until(guard, deadline) {
            Ok(guard) => Ok(with_result(guard)),
            Err(poisoned) => Err(PoisonError::new(with_result(poisoned.into_inner()))),
        }
    }

    /// Wakes one of the threads that wait.
    pub fn notify_one(&self) {
        blocking::pause();
        world::try_with(|world| {
            world.calls.notifications += 1;
            world.wait_queue.wake_one(self.key(), &mut world.random);
        });
    }

    /// Wakes all threads that wait.
    pub fn notify_all(&self) {
        blocking::pause();
        world::try_with(|world| {
            world.calls.notifications += 1;
            world.wait_queue.wake_all(self.key());
        });
    }
}

/// Atomics whose every use is a point where another thread may run.
pub mod atomic {
    pub use std::sync::atomic::{Ordering, fence};

    use super::super::blocking::pause;

    macro_rules! atomic {
        ($name:ident, $value:ty, $($extra:ident),*) => {
            /// The type of the same name in [`std::sync::atomic`].
            #[derive(Debug, Default)]
            pub struct $name(std::sync::atomic::$name);

            #[allow(missing_docs, dead_code, reason = "the same names and meanings as std's")]
            impl $name {
                pub const fn new(value: $value) -> $name {
                    $name(std::sync::atomic::$name::new(value))
                }

                #[track_caller]
                pub fn load(&self, order: Ordering) -> $value {
                    pause();
                    self.0.load(order)
                }

                pub fn store(&self, value: $value, order: Ordering) {
                    pause();
                    self.0.store(value, order);
                }

                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    pause();
                    self.0.swap(value, order)
                }

                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    pause();
                    self.0.compare_exchange(current, new, success, failure)
                }

                pub fn compare_exchange_weak(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(current, new, success, failure)
                }

                pub fn get_mut(&mut self) -> &mut $value {
                    self.0.get_mut()
                }

                pub fn into_inner(self) -> $value {
                    self.0.into_inner()
                }

                $(pub fn $extra(&self, value: $value, order: Ordering) -> $value {
                    pause();
                    self.0.$extra(value, order)
                })*
            }
        };
    }

    atomic!(AtomicBool, bool, fetch_or, fetch_and, fetch_xor);

    macro_rules! integer {
        ($name:ident, $value:ty) => {
            atomic!(
                $name, $value, fetch_or, fetch_and, fetch_add, fetch_sub, fetch_max, fetch_min
            );
        };
    }

    integer!(AtomicU8, u8);
    integer!(AtomicU32, u32);
    integer!(AtomicU64, u64);
    integer!(AtomicUsize, usize);
}

/// Threads under the seeded scheduler.
pub mod thread {
    pub use shuttle::thread::{Builder, JoinHandle, ThreadId, current, yield_now};

    /// Sleeps until `time` has passed on the simulated clock.
    pub fn sleep(time: std::time::Duration) {
        super::blocking::sleep(time);
    }
}
