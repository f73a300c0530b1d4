//! A blocking call's use of one direction, while it waits and does not hold the lock.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::connection::inner::Inner;
use crate::connection::interrupters;
use crate::connection::owner::Owner;
use crate::connection::recv::state::RecvState;
use crate::connection::send::state::SendState;
use crate::connection::{Connection, StateWord};
use crate::deadline::{Deadline, TimedOut};
use crate::event::Status;
use crate::sync::{MutexGuard, wait, wait_timeout};
use crate::sys::{Interests, Socket};

/// One of the two directions.
pub(super) trait Direction {
    fn owner(inner: &mut Inner) -> &mut Owner;

    /// What was asked for while the direction was in use is done now.
    fn ended(connection: &Connection, inner: &mut Inner);
}

impl Direction for RecvState {
    fn owner(inner: &mut Inner) -> &mut Owner {
        &mut inner.recv.owner
    }

    fn ended(connection: &Connection, inner: &mut Inner) {
        // Polls have left everything to its user, also what the kernel has reported meanwhile.
        inner.recv.has_unreported = true;
        connection.report_received(inner);
    }
}

impl Direction for SendState {
    fn owner(inner: &mut Inner) -> &mut Owner {
        &mut inner.send.owner
    }

    fn ended(connection: &Connection, inner: &mut Inner) {
        inner.shut_down_if_drained();
        connection.note_queue(inner);
        // The peer's end may have waited for this call.
        connection.subscriptions.report();
    }
}

/// The right of one thread to use a direction until it is dropped. Others find it taken, whether the lock is held at the
/// moment or not. If the session ends meanwhile, the calls of this say so, and there is nothing more to do for it.
pub(super) struct DirectionGuard<'a, D: Direction> {
    connection: &'a Connection,
    state: StateWord,
    socket: Arc<Socket>,
    locked: Option<MutexGuard<'a, Inner>>,
    _direction: std::marker::PhantomData<D>,
}

/// Why a turn could not go on.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// The session has ended.
    Disconnected,
    /// The time is over.
    TimedOut,
    /// The system cannot wait.
    Os(std::io::Error),
}

impl From<TimedOut> for Interrupted {
    fn from(_: TimedOut) -> Interrupted {
        Interrupted::TimedOut
    }
}

impl<'a, D: Direction> DirectionGuard<'a, D> {
    /// Takes the direction of the connected session, once nobody else uses it.
    pub(super) fn take(
        connection: &'a Connection,
        mut locked: MutexGuard<'a, Inner>,
        deadline: &mut Deadline<'_>,
    ) -> Result<DirectionGuard<'a, D>, Interrupted> {
        let state = connection.state();
        while D::owner(&mut locked).is_taken() {
            let left = deadline.left()?;
            locked.waiting += 1;
            locked = match left {
                None => wait(&connection.released, locked),
                Some(left) => wait_timeout(&connection.released, locked, left),
            };
            locked.waiting -= 1;
            if connection.state().generation() != state.generation() {
                return Err(Interrupted::Disconnected);
            }
        }
        let socket = locked.transport.connected_socket().cloned();
        let socket = socket.ok_or(Interrupted::Disconnected)?;
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

    /// Calls `body` with the socket while the lock is free. The first value is what it gave. If the session has ended
    /// meanwhile, the lock is not taken again: there is nothing of it left in the connection.
    pub(super) fn unlocked<R>(
        &mut self,
        body: impl FnOnce(&Socket) -> R,
    ) -> (R, Result<(), Interrupted>) {
        self.locked = None;
        let result = body(&self.socket);
        self.locked = Some(self.connection.lock());
        let checked = self.check();
        if checked.is_err() {
            self.locked = None;
        } else {
            debug_assert!(D::owner(self).is_taken(), "the direction was taken away");
        }
        (result, checked)
    }

    /// Waits for `interests`, or until something else has happened that is worth a look.
    pub(super) fn sleep(
        &mut self,
        interests: Interests,
        deadline: &mut Deadline<'_>,
    ) -> Result<(), Interrupted> {
        let left = deadline.left()?;
        let wake = interrupters::take();
        D::owner(self).wake.clone_from(&wake);
        // Without a wake-up call, since the system has no descriptor left for one, it looks for news by itself.
        let left = match (&wake, left) {
            (None, left) => {
                Some(left.map_or(interrupters::SLICE, |left| left.min(interrupters::SLICE)))
            }
            (Some(_), left) => left,
        };
        let (outcome, checked) =
            self.unlocked(|socket| socket.wait(interests, left, wake.as_deref()));
        let was_woken = checked.is_err() || D::owner(self).wake.take().is_none();
        if let Some(wake) = wake {
            interrupters::give_back(wake, was_woken);
        }
        checked?;
        outcome.map_err(Interrupted::Os)
    }

    fn check(&self) -> Result<(), Interrupted> {
        if self.connection.state() == self.state {
            Ok(())
        } else {
            Err(Interrupted::Disconnected)
        }
    }

    /// Gives the lock, with the direction no longer taken.
    pub(super) fn end(mut self) -> MutexGuard<'a, Inner> {
        self.release();
        self.locked.take().expect("the state has not ended")
    }

    fn release(&mut self) {
        let connection = self.connection;
        let is_over = self.check().is_err();
        let Some(inner) = &mut self.locked else {
            return;
        };
        // The owner of a session that has ended is gone with it.
        if is_over || !D::owner(inner).is_taken() {
            return;
        }
        *D::owner(inner) = Owner::default();
        D::ended(connection, inner);
        connection.wake_waiting(inner);
    }
}

impl<D: Direction> Deref for DirectionGuard<'_, D> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        self.locked.as_ref().expect("the state has not ended")
    }
}

impl<D: Direction> DerefMut for DirectionGuard<'_, D> {
    fn deref_mut(&mut self) -> &mut Inner {
        self.locked.as_mut().expect("the state has not ended")
    }
}

impl<D: Direction> Drop for DirectionGuard<'_, D> {
    fn drop(&mut self) {
        self.release();
    }
}
