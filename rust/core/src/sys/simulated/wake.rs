//! Ending another thread's wait for a socket.

use std::io;

use super::id::Id;
use super::waiting;
use super::world;
use crate::sys::descriptors::obtain;

/// A wake-up call for one thread that is in `Socket::wait`, or about to be. It lasts until the thread has cleared it.
#[derive(Debug)]
pub(crate) struct Wake(pub(super) Id);

impl Wake {
    pub(crate) fn new() -> io::Result<Wake> {
        obtain(|| {
            waiting::pause();
            world::with(|world| {
                world.may_open()?;
                world.calls.descriptors += 1;
                let id = world.next_id();
                world.wakes.insert(id, false);
                Ok(Wake(id))
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

impl Drop for Wake {
    fn drop(&mut self) {
        world::try_with(|world| world.wakes.remove(&self.0));
    }
}
