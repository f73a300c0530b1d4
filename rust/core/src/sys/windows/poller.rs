//! Watching many sockets with one system call, through `polling`: a completion port and the poll
//! request of the socket driver.

use std::io;
use std::os::windows::io::AsRawSocket;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use polling::Events;

use super::socket::Socket;
use super::watches::WatchSet;
use crate::sys::descriptors::obtain;
use crate::sys::portable::check_watching;
use crate::sys::types::Interests;

/// Reports the sockets in its registry whose readiness has changed. It reports each change once.
#[derive(Debug)]
pub(crate) struct Poller {
    set: Arc<WatchSet>,
    events: Events,
}

/// Adds sockets to a [`Poller`] and removes them, also while another thread waits for it.
#[derive(Debug)]
pub(crate) struct Registry(Arc<WatchSet>);

/// Ends the wait of another thread.
#[derive(Debug)]
pub(crate) struct Waker(Arc<WatchSet>);

impl Poller {
    pub(crate) fn new() -> io::Result<(Registry, Poller)> {
        check_watching()?;
        let set = Arc::new(WatchSet::new(obtain(polling::Poller::new)?));
        let events = Events::new();
        Ok((Registry(set.clone()), Poller { set, events }))
    }

    /// Waits at most `limit` until a socket is ready or the waker is called. Calls `report` with
    /// the token of each.
    pub(crate) fn wait(
        &mut self,
        mut limit: Option<Duration>,
        mut report: impl FnMut(usize),
    ) -> io::Result<()> {
        loop {
            self.events.clear();
            self.set.poller.wait(&mut self.events, limit)?;
            self.set.report(self.events.iter(), &mut report);
            if self.set.is_woken.swap(false, Ordering::AcqRel) {
                report(self.set.waker.load(Ordering::Relaxed));
            }
            if self.events.len() < self.events.capacity().get() {
                return Ok(());
            }
            limit = Some(Duration::ZERO);
        }
    }
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
        let raw = socket.as_raw_socket();
        socket.watches.add(&self.0, raw, token, interests)
    }

    /// Removes what [`add`](Self::add) has added.
    pub(crate) fn remove(&self, socket: &Socket) -> io::Result<()> {
        socket.watches.remove(&self.0)
    }

    /// Creates the waker of the poller, which reports it as `token`.
    pub(crate) fn waker(&self, token: usize) -> io::Result<Waker> {
        self.0.waker.store(token, Ordering::Relaxed);
        Ok(Waker(self.0.clone()))
    }
}

impl Waker {
    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.is_woken.store(true, Ordering::Release);
        self.0.poller.notify()
    }
}
