//! What can go wrong in a world, how often, and how fast and large things are in it.

use std::io;

use super::random::Random;

/// A way in which a system call fails, or does less than it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EMFILE from a call that creates a descriptor.
    NoDescriptor,
    /// ENOMEM from such a call.
    NoMemory,
    /// ENOBUFS from a send.
    NoBuffers,
    /// A send accepts less than there is room for.
    ShortSend,
    /// A receive returns less than has arrived.
    ShortReceive,
    /// A wait returns although nothing has happened.
    SpuriousWakeup,
    /// A poller reports a socket to which nothing has happened.
    SpuriousEvent,
    /// ETIMEDOUT: the peer's host has stopped answering.
    PeerTimeout,
    /// ECONNABORTED: a connection was reset while it waited to be accepted.
    ConnectionAborted,
    /// EAGAIN from the creation of a thread.
    NoThread,
    /// EACCES from locking a folder.
    NoLock,
}

const COUNT: usize = Fault::NoLock as usize + 1;

/// How often each fault happens: once in how many calls on average. 0 is never.
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

/// The speeds and sizes of one world.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    /// The most nanoseconds by which one reading of the clock advances it.
    pub(super) clock_step: u64,
    /// How often a point where threads may switch does switch: once in this many.
    pub(super) switch_once_in: u64,
    /// How often something arrives before its latest time while threads run: once in this many
    /// steps of the world.
    pub(super) early_arrival_once_in: u64,
    /// The most nanoseconds that anything is in flight.
    pub(super) latency: u64,
    /// The largest size of a socket's buffers.
    pub(super) buffer_size: usize,
    /// Whether readers may look for answers in a loop.
    pub(super) has_several_cores: bool,
}

impl Parameters {
    /// Large buffers, hardly any latency, and a clock that hardly moves: calls can be counted.
    pub(super) fn for_counting() -> Parameters {
        Parameters {
            clock_step: 1,
            switch_once_in: 16,
            early_arrival_once_in: 2,
            latency: 1,
            buffer_size: 1 << 18,
            has_several_cores: false,
        }
    }

    pub(super) fn new(random: &mut Random) -> Parameters {
        Parameters {
            clock_step: random.choose(&[50, 200, 2_000]),
            switch_once_in: random.choose(&[1, 2, 4, 16]),
            early_arrival_once_in: random.choose(&[2, 4, 16]),
            latency: random.choose(&[500, 5_000, 100_000, 10_000_000, 300_000_000]),
            buffer_size: 1 << random.below(17),
            has_several_cores: true,
        }
    }
}

/// The error of the system with the number `code`.
pub(super) fn os_error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}
