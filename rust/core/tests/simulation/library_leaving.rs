//! How an end that uses the library leaves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use stream_socket::Status;

use super::library::LibraryEnd;
use super::raw::Leaving;
use super::system::{Random, System};
use super::trace::{note, step};

impl<S: System> LibraryEnd<S> {
    /// Starts to leave: from now on the end only reads, or it is closed.
    pub fn leave(&self, how: Leaving, random: &mut Random) {
        step();
        note(|| format!("{} leaves: {how:?}", self.name));
        match how {
            Leaving::Drain => {
                self.incoming.state().is_read_to_its_end = true;
                self.shut_down();
            }
            Leaving::AwaitEnd => self.incoming.state().is_read_to_its_end = true,
            Leaving::Close => {
                if random.once_in(4) {
                    self.connection.set_write_timeout(Some(S::patience(random)));
                    self.outgoing
                        .excuse("the write timeout ends the lingering close");
                }
                self.has_left.store(true, Ordering::Relaxed);
                self.connection.disconnect();
            }
            Leaving::Abort => {
                self.has_left.store(true, Ordering::Relaxed);
                for stream in [&self.incoming, &self.outgoing] {
                    stream.excuse("aborted");
                }
                self.connection.abort();
            }
        }
    }

    /// Continues to read, without blocking if one thread plays both ends. Returns whether more may
    /// come.
    pub fn drain(&self, random: &mut Random) -> bool {
        step();
        let goes_on = if self.is_alone {
            self.poll();
            self.try_read(random.size(1 << 16))
        } else if self.group.is_some() && !self.connection.is_read_closed() && random.once_in(2) {
            // The group visits the connection again while it has unread data. The end is reported
            // once.
            self.poll_group(None);
            self.try_read(random.size(1 << 16))
        } else {
            self.connection
                .set_read_timeout(random.choose(&[None, Some(Duration::from_millis(10))]));
            self.read_waiting(random.size(1 << 16), random.once_in(8))
        };
        self.take_events();
        let goes_on = goes_on && self.connection.status() == Status::Connected;
        if !goes_on {
            self.has_left.store(true, Ordering::Relaxed);
            self.connection.disconnect();
        }
        goes_on
    }

    /// Closes the connection, and checks that the events add up.
    pub fn finish(&self) {
        self.has_left.store(true, Ordering::Relaxed);
        self.connection.disconnect();
        self.take_events();
        self.machine.lock().unwrap().finish(self.name);
    }
}
