//! What may go wrong, how often, and how the world is by itself.

use std::io;

use super::random::Random;

/// A system call that fails, or does less than it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EMFILE where a descriptor is made.
    NoDescriptor,
    /// ENOMEM there.
    NoMemory,
    /// ENOBUFS when sending.
    NoBuffers,
    /// A send takes less than there is room for.
    ShortSend,
    /// A receive gives less than there is.
    ShortReceive,
    /// A wait ends although nothing has happened.
    EarlyReturn,
    /// A poller tells of a socket to which nothing has happened.
    FalseEdge,
    /// ETIMEDOUT: the peer's system does not answer any more.
    Silence,
    /// ECONNABORTED: a connection is gone when it is accepted.
    Aborted,
    /// EAGAIN where a thread is made.
    NoThread,
    /// EACCES where a folder is locked.
    NoLock,
}

const COUNT: usize = Fault::NoLock as usize + 1;

/// How often each fault happens: once in so many times, 0 for never.
#[derive(Clone, Debug, Default)]
pub struct Faults([u64; COUNT]);

impl Faults {
    /// Sets how often `fault` happens.
    pub fn set(&mut self, fault: Fault, once_in: u64) {
        self.0[fault as usize] = once_in;
    }

    pub(super) fn rate(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }
}

/// What has happened in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Connections that were established.
    pub connections: u64,
    /// Bytes that have arrived.
    pub bytes: u64,
    /// System calls that have failed on purpose, or did less than they could.
    pub faults: u64,
    /// Resets that have arrived.
    pub resets: u64,
    /// Ends of streams that have arrived.
    pub ends: u64,
    /// How long the world was, in nanoseconds of its own.
    pub nanoseconds: u64,
    /// A number that follows from every choice: two runs of one seed have the same.
    pub fingerprint: u64,
}

/// How fast and how large things are in a world.
#[derive(Clone, Debug)]
pub(super) struct Regime {
    /// A look at the clock moves it by at most so many nanoseconds.
    pub(super) tick: u64,
    /// Another thread may go on once in so many points.
    pub(super) pauses: u64,
    /// Something arrives before it has to once in so many times, while threads are at work.
    pub(super) early: u64,
    /// How long bytes are on their way at most, in nanoseconds.
    pub(super) latency: u64,
    /// How large the buffers are at most.
    pub(super) buffer: usize,
}

impl Regime {
    /// One in which nothing takes long: what can happen does, and the clock hardly moves.
    pub(super) fn plain() -> Regime {
        Regime {
            tick: 1,
            pauses: 16,
            early: 2,
            latency: 1,
            buffer: 1 << 18,
        }
    }

    pub(super) fn new(random: &mut Random) -> Regime {
        Regime {
            tick: random.choose(&[50, 200, 2_000]),
            pauses: random.choose(&[1, 2, 4, 16]),
            early: random.choose(&[2, 4, 16]),
            latency: random.choose(&[500, 5_000, 100_000, 10_000_000, 300_000_000]),
            buffer: 1 << random.below(17),
        }
    }
}

/// The system's error of this number.
pub(super) fn os_error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}
