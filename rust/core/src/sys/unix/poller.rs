//! Watching many sockets with one system call, edge-triggered, through mio: epoll(7) on Linux and
//! Android, kqueue(2) on Apple's systems and the BSDs.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Poll, Token};

use super::socket::Socket;
use crate::sys::descriptors::obtain;
use crate::sys::portable::check_watching;
use crate::sys::types::Interests;

/// How many sockets one system call can report. The next call reports the others.
const CAPACITY: usize = 1024;

/// Reports the sockets in its registry whose readiness has changed. It reports each change once.
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
}

/// Adds sockets to a [`Poller`] and removes them, also while another thread waits for it.
#[derive(Debug)]
pub(crate) struct Registry(mio::Registry);

/// Ends the wait of another thread.
#[derive(Debug)]
pub(crate) struct Waker(mio::Waker);

impl Poller {
    pub(crate) fn new() -> io::Result<(Registry, Poller)> {
        check_watching()?;
        let poll = obtain(Poll::new)?;
        let registry = Registry(obtain(|| poll.registry().try_clone())?);
        let events = Events::with_capacity(CAPACITY);
        Ok((registry, Poller { poll, events }))
    }

    /// Waits at most `limit` until a socket is ready, the waker is called, or a signal arrives.
    /// Calls `report` with the token of each.
    pub(crate) fn wait(
        &mut self,
        mut limit: Option<Duration>,
        mut report: impl FnMut(usize),
    ) -> io::Result<()> {
        loop {
            match self.poll.poll(&mut self.events, limit) {
                Ok(()) => {}
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                // The caller checks the clock and waits again. If the process was stopped for
                // longer than `limit`, the caller does not wait again, so events are collected once
                // more.
                Err(_) => {
                    limit = Some(Duration::ZERO);
                    continue;
                }
            }
            let mut count = 0;
            for event in &self.events {
                report(event.token().0);
                count += 1;
            }
            if count < CAPACITY {
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
        let interests = match interests {
            Interests::BOTH => mio::Interest::READABLE | mio::Interest::WRITABLE,
            Interests::WRITABLE => mio::Interest::WRITABLE,
            _ => mio::Interest::READABLE,
        };
        self.0.register(
            &mut SourceFd(&socket.0.as_raw_fd()),
            Token(token),
            interests,
        )
    }

    /// Removes what [`add`](Self::add) has added.
    pub(crate) fn remove(&self, socket: &Socket) -> io::Result<()> {
        self.0.deregister(&mut SourceFd(&socket.0.as_raw_fd()))
    }

    /// Creates the waker of the poller, which reports it as `token`.
    pub(crate) fn waker(&self, token: usize) -> io::Result<Waker> {
        obtain(|| mio::Waker::new(&self.0, Token(token))).map(Waker)
    }
}

impl Waker {
    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.wake()
    }
}
