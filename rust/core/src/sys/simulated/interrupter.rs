//! Ending another thread's wait for a socket.

use std::io;

use super::blocking::call;
use super::objects::Id;
use super::world;
use crate::sys::descriptors::obtain;

/// Ends the `Socket::wait` of another thread. Once set, it ends every wait until it is cleared, so
/// a wait that has not begun yet is ended too.
#[derive(Debug)]
pub(crate) struct Interrupter(pub(super) Id);

impl Interrupter {
    pub(crate) fn new() -> io::Result<Interrupter> {
        obtain(|| {
            call(|world| {
                world.check_can_open()?;
                world.calls.descriptors += 1;
                let id = world.next_id();
                world.interrupters.insert(id, false);
                Ok(Interrupter(id))
            })
        })
    }

    /// Sets the interrupter.
    pub(crate) fn wake(&self) {
        call(|world| {
            world.calls.wakes += 1;
            world.interrupters.insert(self.0, true);
            world.wait_queue.wake_all(self.0);
        });
    }

    /// Clears the interrupter.
    pub(crate) fn clear(&self) {
        call(|world| world.interrupters.insert(self.0, false));
    }
}

impl Drop for Interrupter {
    fn drop(&mut self) {
        world::try_with(|world| world.interrupters.remove(&self.0));
    }
}
