//! Ending another thread's wait for a socket.

use std::io;

use super::id::Id;
use super::waiting;
use super::world;
use crate::sys::descriptors::obtain;

/// A wake-up call for one thread that is in `Socket::wait`, or about to be. It lasts until the thread has cleared it.
#[derive(Debug)]
pub(crate) struct Interrupter(pub(super) Id);

impl Interrupter {
    pub(crate) fn new() -> io::Result<Interrupter> {
        obtain(|| {
            waiting::pause();
            world::with(|world| {
                world.may_open()?;
                world.calls.descriptors += 1;
                let id = world.next_id();
                world.wakes.insert(id, false);
                Ok(Interrupter(id))
            })
        })
    }

    /// Ends the wait.
    pub(crate) fn wake(&self) {
        waiting::pause();
        world::with(|world| {
            world.calls.wakes += 1;
            world.wakes.insert(self.0, true);
            world.wake(self.0);
        });
    }

    /// Forgets the calls so far.
    pub(crate) fn clear(&self) {
        waiting::pause();
        world::with(|world| world.wakes.insert(self.0, false));
    }
}

impl Drop for Interrupter {
    fn drop(&mut self) {
        world::try_with(|world| world.wakes.remove(&self.0));
    }
}
