//! Ownership of one direction by a blocking call, across the times when it does not hold the lock.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::connection::inner::Inner;
use crate::connection::interrupters;
use crate::connection::owner::Owner;
use crate::connection::recv::state::RecvState;
use crate::connection::send::state::SendState;
use crate::connection::spin::SPIN_TICKS;
use crate::connection::{Connection, StateWord};
use crate::deadline::{Deadline, TimedOut};
use crate::event::Status;
use crate::sync::atomic::Ordering;
use crate::sync::{MutexGuard, wait, wait_timeout};
use crate::sys::{self, Interests, Socket};

/// One of the two directions of a connection.
pub(super) trait Direction {
    fn owner(inner: &mut Inner) -> &mut Owner;

    /// Does the work that other calls have left to the owner. Called when the owner releases the
    /// direction.
    fn released(connection: &Connection, inner: &mut Inner);
}

impl Direction for RecvState {
    fn owner(inner: &mut Inner) -> &mut Owner {
        &mut inner.owners.get().recv
    }

    fn released(connection: &Connection, inner: &mut Inner) {
        // Polls ignored what the kernel reported meanwhile, so the groups have to visit again.
        inner.recv.has_unreported = true;
        connection.report_received(inner);
    }
}

impl Direction for SendState {
    fn owner(inner: &mut Inner) -> &mut Owner {
        &mut inner.owners.get().send
    }

    fn released(connection: &Connection, inner: &mut Inner) {
        inner.shut_down_if_drained();
        connection.report_work(inner);
        // The end of a connection whose peer has ended may have waited for this call.
        connection.subscriptions.report();
    }
}

/// Ownership of a direction by the current thread, until the guard is dropped.
///
/// Other calls see that the direction is taken, whether or not the owner holds the lock. The guard
/// remembers the state word. When the connection ends meanwhile, the methods of the guard return
/// [`Interrupted::Disconnected`], and the guard has nothing to release.
///
/// | owner | thread that disconnects |
/// | --- | --- |
/// | takes the direction, unlocks, waits for the socket | |
/// | | changes the state word, moves both directions out of `Inner` |
/// | | interrupts the wait |
/// | locks, finds another state word: `Disconnected` | |
pub(super) struct DirectionGuard<'a, D: Direction> {
    connection: &'a Connection,
    state: StateWord,
    socket: Arc<Socket>,
    locked: Option<MutexGuard<'a, Inner>>,
    _direction: std::marker::PhantomData<D>,
}

/// How [`DirectionGuard::spin`] has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpinEnd {
    /// There is something to receive.
    Found,
    /// The time has passed.
    Missed,
    /// The queue has data, or a send has failed.
    Interrupted,
}

/// Why a blocking call stops waiting.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// The connection has ended.
    Disconnected,
    /// The deadline has passed.
    TimedOut,
    /// The wait or the transfer itself has failed.
    Os(std::io::Error),
}

impl From<TimedOut> for Interrupted {
    fn from(_: TimedOut) -> Interrupted {
        Interrupted::TimedOut
    }
}

impl<'a, D: Direction> DirectionGuard<'a, D> {
    /// Takes the direction of an established connection. Waits until no other call owns it.
    pub(super) fn take(
        connection: &'a Connection,
        mut locked: MutexGuard<'a, Inner>,
        deadline: &mut Deadline<'_>,
    ) -> Result<DirectionGuard<'a, D>, Interrupted> {
        let state = connection.state();
        while D::owner(&mut locked).is_taken() {
            let left = deadline.left()?;
            locked.owners.get().waiting += 1;
            locked = match left {
                None => wait(&connection.released, locked),
                Some(left) => wait_timeout(&connection.released, locked, left),
            };
            locked.owners.get().waiting -= 1;
            if connection.state().generation() != state.generation() {
                return Err(Interrupted::Disconnected);
            }
        }
        let socket = locked
            .transport
            .share_socket()
            .ok_or(Interrupted::Disconnected)?;
        debug_assert_eq!(state.status(), Status::Connected);
        D::owner(&mut locked).take();
        Ok(DirectionGuard {
            connection,
            state,
            socket,
            locked: Some(locked),
            _direction: std::marker::PhantomData,
        })
    }

    /// Calls `body` with the socket while the lock is free, and returns its result. The second
    /// value is an error if the connection has ended meanwhile. The lock is then not held, because
    /// `Inner` no longer contains this connection.
    pub(super) fn unlocked<R>(
        &mut self,
        body: impl FnOnce(&Socket) -> R,
    ) -> (R, Result<(), Interrupted>) {
        self.locked = None;
        let result = body(&self.socket);
        self.locked = Some(self.connection.lock());
        let checked = self.check_state();
        if checked.is_err() {
            self.locked = None;
        } else {
            debug_assert!(D::owner(self).is_taken(), "the owner lost its direction");
        }
        (result, checked)
    }

    /// Waits for `interests`, for an interrupt, or for the end of a slice of the deadline. The
    /// caller checks the connection after each. Returns how long it was, in [ticks](sys::ticks).
    pub(super) fn wait(
        &mut self,
        interests: Interests,
        deadline: &mut Deadline<'_>,
    ) -> Result<u64, Interrupted> {
        let left = deadline.left()?;
        let interrupter = interrupters::take();
        D::owner(self).interrupter.clone_from(&interrupter);
        // Without a descriptor for an interrupter the wait is short, and the caller checks more
        // often.
        let left = match (&interrupter, left) {
            (None, left) => {
                Some(left.map_or(interrupters::SLICE, |left| left.min(interrupters::SLICE)))
            }
            (Some(_), left) => left,
        };
        let begin = sys::ticks();
        let (outcome, checked) =
            self.unlocked(|socket| socket.wait(interests, left, interrupter.as_deref()));
        let slept = sys::ticks().wrapping_sub(begin);
        let was_triggered = checked.is_err() || D::owner(self).interrupter.take().is_none();
        if let Some(interrupter) = interrupter {
            interrupters::give_back(interrupter, was_triggered);
        }
        checked?;
        outcome.map_err(Interrupted::Os)?;
        Ok(slept)
    }

    /// Busy-waits for data for about 20 microseconds, or until the connection ends or has
    /// something to send. The caller checks the connection after it, as after a wait.
    pub(super) fn spin(&mut self) -> Result<SpinEnd, Interrupted> {
        let (connection, state) = (self.connection, self.state);
        let (end, checked) = self.unlocked(|socket| {
            let begin = sys::ticks();
            loop {
                // An interrupt reaches only a call that waits, so this reads what it would report.
                if connection.state() != state || connection.has_work.load(Ordering::Relaxed) {
                    return SpinEnd::Interrupted;
                }
                if socket.is_readable() {
                    return SpinEnd::Found;
                }
                if sys::ticks().wrapping_sub(begin) >= SPIN_TICKS {
                    return SpinEnd::Missed;
                }
            }
        });
        checked.map(|()| end)
    }

    fn check_state(&self) -> Result<(), Interrupted> {
        if self.connection.state() == self.state {
            Ok(())
        } else {
            Err(Interrupted::Disconnected)
        }
    }

    /// Releases the direction and returns the lock. The connection must not have ended.
    pub(super) fn release(mut self) -> MutexGuard<'a, Inner> {
        self.release_if_owned();
        self.locked.take().expect("the connection has not ended")
    }

    fn release_if_owned(&mut self) {
        let connection = self.connection;
        let has_ended = self.check_state().is_err();
        let Some(inner) = &mut self.locked else {
            return;
        };
        // The owner has ended with its connection.
        if has_ended || !D::owner(inner).is_taken() {
            return;
        }
        *D::owner(inner) = Owner::default();
        D::released(connection, inner);
        connection.wake_waiting_calls(inner);
    }
}

impl<D: Direction> Deref for DirectionGuard<'_, D> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        self.locked.as_ref().expect("the connection has not ended")
    }
}

impl<D: Direction> DerefMut for DirectionGuard<'_, D> {
    fn deref_mut(&mut self) -> &mut Inner {
        self.locked.as_mut().expect("the connection has not ended")
    }
}

impl<D: Direction> Drop for DirectionGuard<'_, D> {
    fn drop(&mut self) {
        self.release_if_owned();
    }
}
