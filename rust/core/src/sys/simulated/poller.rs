//! Watching many sockets at once, edge-triggered.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::blocking::{call, wait_until};
use super::faults::{Fault, os_error};
use super::objects::{Id, PollerState, Registration};
use super::socket::Socket;
use super::world::{self, World};
use crate::sys::descriptors::obtain;
use crate::sys::types::Interests;

/// The kernel's side of a poller. It is closed when the last of [`Poller`], [`Registry`] and
/// [`Waker`]s is dropped.
#[derive(Debug)]
struct Handle(Id);

impl Drop for Handle {
    fn drop(&mut self) {
        world::try_with(|world| world.pollers.remove(&self.0));
    }
}

/// Reports the sockets in its registry whose readiness has changed. It reports each change once.
#[derive(Debug)]
pub(crate) struct Poller(Arc<Handle>);

/// Adds sockets to a [`Poller`] and removes them.
#[derive(Debug)]
pub(crate) struct Registry(Arc<Handle>);

/// Ends the wait of another thread.
#[derive(Debug)]
pub(crate) struct Waker {
    handle: Arc<Handle>,
    token: usize,
}

impl Poller {
    pub(crate) fn new() -> io::Result<(Registry, Poller)> {
        obtain(|| {
            call(|world| {
                world.check_can_open()?;
                let id = world.next_id();
                let state = PollerState {
                    process: world.forks,
                    ..PollerState::default()
                };
                world.pollers.insert(id, state);
                world.calls.descriptors += 1;
                let handle = Arc::new(Handle(id));
                Ok((Registry(handle.clone()), Poller(handle)))
            })
        })
    }

    /// Waits at most `limit` until a socket is ready or the waker is called. Calls `report` with
    /// the token of each.
    pub(crate) fn wait(
        &mut self,
        limit: Option<Duration>,
        report: impl FnMut(usize),
    ) -> io::Result<()> {
        let may_wait = limit != Some(Duration::ZERO);
        call(|world| match may_wait {
            false => world.calls.polls += 1,
            true => world.calls.waits += 1,
        });
        let id = self.0.0;
        let tokens = wait_until("a poller", &[id], limit, |world| {
            if may_wait && world.fails(Fault::SpuriousWakeup) {
                return Some(Vec::new());
            }
            let tokens = take_events(world, id);
            (!tokens.is_empty()).then_some(tokens)
        });
        tokens.into_iter().flatten().for_each(report);
        Ok(())
    }
}

/// The tokens of what has happened since the last call.
fn take_events(world: &mut World, poller: Id) -> Vec<usize> {
    let process = world.forks;
    let state = world.pollers.get_mut(&poller).expect("the poller is open");
    assert_eq!(
        state.process, process,
        "a child waits for its parent's poller"
    );
    let mut tokens: Vec<usize> = state.woken.take().into_iter().collect();
    let edges: Vec<(Id, usize, Interests)> = state
        .registrations
        .iter_mut()
        .filter_map(|(socket, registration)| {
            std::mem::take(&mut registration.has_edge).then_some((
                *socket,
                registration.token,
                registration.interests,
            ))
        })
        .collect();
    for (socket, token, interests) in edges {
        debug_assert!(
            world.network.sockets.contains_key(&socket),
            "closing a socket removes it from its pollers"
        );
        let readiness = world.readiness(socket);
        let (is_readable, is_writable) = (readiness.is_readable, readiness.is_writable);
        if is_readable && interests.readable
            || is_writable && interests.writable
            || is_readable && is_writable
        {
            let place = world.random.index(tokens.len() + 1);
            tokens.insert(place, token);
        }
    }
    if world.fails(Fault::SpuriousEvent) {
        let registrations = world.pollers[&poller].registrations.values();
        let all: Vec<usize> = registrations.map(|one| one.token).collect();
        if !all.is_empty() {
            tokens.push(world.random.choose(&all));
        }
    }
    tokens
}

impl Registry {
    /// Makes the poller report `socket` as `token`. The first report is its present readiness.
    /// Closing the socket removes it.
    pub(crate) fn add(
        &self,
        socket: &Socket,
        token: usize,
        interests: Interests,
    ) -> io::Result<()> {
        call(|world| {
            world.calls.registrations += 1;
            if world.fails(Fault::NoMemory) {
                return Err(os_error(libc::ENOMEM));
            }
            let id = self.0.0;
            let poller = world
                .pollers
                .get_mut(&id)
                .ok_or_else(|| os_error(libc::EBADF))?;
            if poller.registrations.contains_key(&socket.0) {
                return Err(os_error(libc::EEXIST));
            }
            let registration = Registration {
                token,
                interests,
                has_edge: true,
            };
            poller.registrations.insert(socket.0, registration);
            // If the socket has no room to send, this call registers the sender to be notified once
            // there is room.
            world.readiness(socket.0);
            world.wait_queue.wake_all(id);
            Ok(())
        })
    }

    /// Removes what [`add`](Self::add) has added.
    pub(crate) fn remove(&self, socket: &Socket) -> io::Result<()> {
        call(|world| {
            world.calls.deregistrations += 1;
            let poller = world
                .pollers
                .get_mut(&self.0.0)
                .ok_or_else(|| os_error(libc::EBADF))?;
            let removed = poller.registrations.remove(&socket.0);
            removed.map(drop).ok_or_else(|| os_error(libc::ENOENT))
        })
    }

    /// Creates the waker of the poller, which reports it as `token`.
    pub(crate) fn waker(&self, token: usize) -> io::Result<Waker> {
        call(|world| world.check_can_open())?;
        let handle = self.0.clone();
        Ok(Waker { handle, token })
    }
}

impl Waker {
    pub(crate) fn wake(&self) -> io::Result<()> {
        call(|world| {
            world.calls.wakes += 1;
            if let Some(poller) = world.pollers.get_mut(&self.handle.0) {
                poller.woken = Some(self.token);
            }
            world.wait_queue.wake_all(self.handle.0);
        });
        Ok(())
    }
}
