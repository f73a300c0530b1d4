//! Many sockets watched with one system call: epoll(7) on Linux and Android, kqueue(2) on Apple's systems and the BSDs, both
//! edge-triggered, through mio.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Poll, Token};

use super::socket::Socket;
use crate::sys::descriptors::obtain;
use crate::sys::{Interests, check_watching};

/// How many sockets one system call can tell of. More are told by the next one.
const CAPACITY: usize = 1024;

/// Tells which of the sockets added to it have changed. Of each change it tells once.
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
}

/// Adds sockets to a [`Poller`], also while another thread waits for it.
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

    /// Waits at most `limit` until something has changed, or a signal comes, and calls `tell` with
    /// the token of each socket that has.
    pub(crate) fn wait(
        &mut self,
        mut limit: Option<Duration>,
        mut tell: impl FnMut(usize),
    ) -> io::Result<()> {
        loop {
            match self.poll.poll(&mut self.events, limit) {
                Ok(()) => {}
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                // The caller of a long wait checks its clock. If the process was stopped for longer
                // than `limit`, that is the end of the wait, so one more look reports what has come.
                Err(_) => {
                    limit = Some(Duration::ZERO);
                    continue;
                }
            }
            let mut count = 0;
            for event in &self.events {
                tell(event.token().0);
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
    /// Has the poller tell of `socket` by `token`, beginning with what is there already. Closing the socket ends it.
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

    /// Ends what [`add`](Self::add) has begun.
    pub(crate) fn remove(&self, socket: &Socket) -> io::Result<()> {
        self.0.deregister(&mut SourceFd(&socket.0.as_raw_fd()))
    }

    /// A waker of the poller, which tells of it by `token`.
    pub(crate) fn waker(&self, token: usize) -> io::Result<Waker> {
        obtain(|| mio::Waker::new(&self.0, Token(token))).map(Waker)
    }
}

impl Waker {
    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.wake()
    }
}
