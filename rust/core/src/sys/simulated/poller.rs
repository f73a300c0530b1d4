//! Many sockets watched at once, edge-triggered.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::faults::{Fault, os_error};
use super::id::Id;
use super::socket::Socket;
use super::waiting;
use super::watching::{PollerState, Registration};
use super::world;
use crate::sys::Interests;
use crate::sys::descriptors::obtain;

/// One set of sockets, which lives as long as anything that belongs to it.
#[derive(Debug)]
struct Watched(Id);

impl Drop for Watched {
    fn drop(&mut self) {
        world::try_with(|world| world.pollers.remove(&self.0));
    }
}

/// Tells which of the sockets added to it have changed. Of each change it tells once.
#[derive(Debug)]
pub(crate) struct Poller(Arc<Watched>);

/// Adds sockets to a [`Poller`].
#[derive(Debug)]
pub(crate) struct Registry(Arc<Watched>);

/// Ends the wait of another thread.
#[derive(Debug)]
pub(crate) struct Waker {
    watched: Arc<Watched>,
    token: usize,
}

impl Poller {
    pub(crate) fn new() -> io::Result<(Registry, Poller)> {
        obtain(Self::open)
    }

    fn open() -> io::Result<(Registry, Poller)> {
        waiting::pause();
        world::with(|world| {
            world.may_open()?;
            let id = world.next_id();
            let state = PollerState {
                process: world.forks,
                ..PollerState::default()
            };
            world.pollers.insert(id, state);
            world.calls.descriptors += 1;
            let watched = Arc::new(Watched(id));
            Ok((Registry(watched.clone()), Poller(watched)))
        })
    }

    /// Waits at most `limit` until something has changed, and calls `tell` with the token of each socket that has.
    pub(crate) fn wait(
        &mut self,
        limit: Option<Duration>,
        mut tell: impl FnMut(usize),
    ) -> io::Result<()> {
        waiting::pause();
        world::with(|world| match limit {
            Some(Duration::ZERO) => world.calls.looks += 1,
            _ => world.calls.waits += 1,
        });
        let id = self.0.0;
        let told = waiting::wait_until("a poller", &[id], limit, |world| {
            if limit != Some(Duration::ZERO) && world.fails(Fault::EarlyReturn) {
                return Some(Vec::new());
            }
            let process = world.forks;
            let poller = world.pollers.get_mut(&id).expect("the poller is open");
            assert_eq!(
                poller.process, process,
                "a child waits for its parent's poller"
            );
            let mut told: Vec<usize> = poller.woken.take().into_iter().collect();
            let edges: Vec<(Id, usize, Interests)> = poller
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
                let (is_readable, is_writable) = world.readiness(socket);
                if is_readable && interests.readable
                    || is_writable && interests.writable
                    || is_readable && is_writable
                {
                    let place = world.random.index(told.len() + 1);
                    told.insert(place, token);
                }
            }
            if world.fails(Fault::FalseEdge) {
                let poller = &world.pollers[&id];
                let tokens: Vec<usize> = poller.registrations.values().map(|it| it.token).collect();
                if !tokens.is_empty() {
                    told.push(world.random.choose(&tokens));
                }
            }
            (!told.is_empty()).then_some(told)
        });
        told.into_iter().flatten().for_each(&mut tell);
        Ok(())
    }
}

impl Registry {
    /// Has the poller tell of `socket` by `token`, beginning with what is there already. Closing the socket ends it.
    pub(crate) fn add(
        &self,
        socket: &Socket,
        token: usize,
        interests: Interests,
    ) -> io::Result<()> {
        waiting::pause();
        world::with(|world| {
            world.calls.watches += 1;
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
            // Whoever watches for room is told once there is some.
            world.readiness(socket.0);
            world.wake(id);
            Ok(())
        })
    }

    /// Ends what [`add`](Self::add) has begun.
    pub(crate) fn remove(&self, socket: &Socket) -> io::Result<()> {
        waiting::pause();
        world::with(|world| {
            world.calls.removals += 1;
            let poller = world
                .pollers
                .get_mut(&self.0.0)
                .ok_or_else(|| os_error(libc::EBADF))?;
            let removed = poller.registrations.remove(&socket.0);
            removed.map(drop).ok_or_else(|| os_error(libc::ENOENT))
        })
    }

    /// A waker of the poller, which tells of it by `token`.
    pub(crate) fn waker(&self, token: usize) -> io::Result<Waker> {
        waiting::pause();
        world::with(|world| world.may_open())?;
        let watched = self.0.clone();
        Ok(Waker { watched, token })
    }
}

impl Waker {
    pub(crate) fn wake(&self) -> io::Result<()> {
        waiting::pause();
        world::with(|world| {
            world.calls.wakes += 1;
            if let Some(poller) = world.pollers.get_mut(&self.watched.0) {
                poller.woken = Some(self.token);
            }
            world.wake(self.watched.0);
        });
        Ok(())
    }
}
