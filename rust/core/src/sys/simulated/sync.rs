//! Locks, conditions, atomics and threads under the seeded scheduler. Each use is a point where another thread may go on.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

use super::id::Id;
use super::waiting;
use super::world;

/// A lock like std's.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized> {
    inner: std::sync::Mutex<T>,
}

/// What a lock gives.
pub struct MutexGuard<'a, T: ?Sized> {
    /// `None` only while it is being dropped.
    inner: Option<std::sync::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Mutex<T> {
        let inner = std::sync::Mutex::new(value);
        Mutex { inner }
    }

    /// The value of a lock that nobody has any more.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Who waits for the lock waits for this key.
    fn key(&self) -> Id {
        (&raw const self.inner).cast::<()>() as Id
    }

    fn guard<'a>(&'a self, inner: std::sync::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard {
            inner: Some(inner),
            mutex: self,
        }
    }

    /// Waits until the lock is free, and takes it.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        waiting::pause();
        world::try_with(|world| world.locks += 1);
        loop {
            match self.inner.try_lock() {
                Ok(inner) => return Ok(self.guard(inner)),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return Err(PoisonError::new(self.guard(poisoned.into_inner())));
                }
                Err(TryLockError::WouldBlock) => waiting::block("a lock", &[self.key()], None),
            }
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        waiting::pause();
        match self.inner.try_lock() {
            Ok(inner) => Ok(self.guard(inner)),
            Err(TryLockError::Poisoned(poisoned)) => Err(TryLockError::Poisoned(PoisonError::new(
                self.guard(poisoned.into_inner()),
            ))),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        }
    }

    /// The value, which nobody else can have.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner
            .as_ref()
            .expect("it is locked until it is dropped")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner
            .as_mut()
            .expect("it is locked until it is dropped")
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
        world::try_with(|world| world.wake(key));
        waiting::pause();
    }
}

/// A condition like std's. Its times are those of the world.
#[derive(Debug, Default)]
pub struct Condvar {
    /// So that each has an address of its own.
    _byte: u8,
}

/// Whether a wait has ended for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether it has.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// A condition for which nobody waits.
    pub const fn new() -> Condvar {
        Condvar { _byte: 0 }
    }

    fn key(&self) -> Id {
        (&raw const self._byte) as Id
    }

    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<u64>,
    ) -> LockResult<MutexGuard<'a, T>> {
        let mutex = guard.mutex;
        // Whoever notifies after the lock is free finds the waiter.
        let waiter = waiting::Waiter::register("a condition", &[self.key()], deadline);
        drop(guard);
        waiter.sleep();
        mutex.lock()
    }

    /// Waits until it is notified.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_until(guard, None)
    }

    /// Waits until it is notified, at most `limit`.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let deadline = world::with(|world| world.deadline(limit));
        let is_over = |guard| {
            let time = world::with(|world| world.time);
            (
                guard,
                WaitTimeoutResult(deadline.is_some_and(|deadline| time >= deadline)),
            )
        };
        match self.wait_until(guard, deadline) {
            Ok(guard) => Ok(is_over(guard)),
            Err(poisoned) => Err(PoisonError::new(is_over(poisoned.into_inner()))),
        }
    }

    /// Wakes one of those who wait.
    pub fn notify_one(&self) {
        waiting::pause();
        world::try_with(|world| {
            world.calls.notifications += 1;
            world.wake_one(self.key());
        });
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        waiting::pause();
        world::try_with(|world| {
            world.calls.notifications += 1;
            world.wake(self.key());
        });
    }
}

/// Atomics like std's.
pub mod atomic {
    pub use std::sync::atomic::{Ordering, fence};

    use super::super::waiting::pause;

    macro_rules! atomic {
        ($name:ident, $value:ty, $($extra:ident),*) => {
            /// Like std's.
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
    atomic!(
        AtomicU8, u8, fetch_or, fetch_and, fetch_add, fetch_sub, fetch_max, fetch_min
    );
    atomic!(
        AtomicU32, u32, fetch_or, fetch_and, fetch_add, fetch_sub, fetch_max, fetch_min
    );
    atomic!(
        AtomicU64, u64, fetch_or, fetch_and, fetch_add, fetch_sub, fetch_max, fetch_min
    );
    atomic!(
        AtomicUsize,
        usize,
        fetch_or,
        fetch_and,
        fetch_add,
        fetch_sub,
        fetch_max,
        fetch_min
    );
}

/// Threads of the execution.
pub mod thread {
    pub use shuttle::thread::{Builder, JoinHandle, ThreadId, current, yield_now};

    /// Lets `time` of the world pass.
    pub fn sleep(time: std::time::Duration) {
        super::waiting::sleep(time);
    }
}
