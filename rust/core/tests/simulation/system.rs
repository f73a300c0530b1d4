//! What a program needs of the system it runs on, simulated or real.

use std::io;
use std::time::{Duration, Instant};

use stream_socket::Address;

/// Numbers that look random and follow from a seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(end)) >> 64) as u64
    }

    pub fn once_in(&mut self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }

    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A number between 1 and `end`, small ones as often as large ones.
    pub fn size(&mut self, end: usize) -> usize {
        let bits = u64::from(usize::BITS - end.max(1).leading_zeros());
        let bound = 1_u64 << (self.below(bits) + 1);
        (1 + self.below(bound) as usize).min(end.max(1))
    }
}

/// A socket of somebody who does not use the library.
pub trait Peer: Send + Sync + Sized + 'static {
    fn send(&self, data: &[u8]) -> io::Result<usize>;
    fn receive(&self, limit: usize) -> io::Result<Vec<u8>>;
    fn shut_down_writing(&self) -> io::Result<()>;
    fn reset(self);
    /// Has the reader stop behind what was sent so far.
    fn mark(&self);
    fn wait_readable(&self, limit: Duration);
}

/// A system.
pub trait System: Copy + Send + Sync + 'static {
    type Peer: Peer;
    const IS_SIMULATED: bool;

    fn now() -> Instant;
    fn sleep(time: Duration);
    /// A connected socket of somebody who does not use the library.
    fn connect(address: &Address) -> io::Result<Self::Peer>;
    /// How much it is worth sending at a time.
    fn buffer_size() -> usize;
    /// How long a program waits for something that may not come.
    fn patience(random: &mut Random) -> Duration;
    /// A path at which nobody listens.
    fn fresh_path() -> std::path::PathBuf;
}
