//! What a program needs of its system, which is simulated or real.

use std::io;
use std::time::{Duration, Instant};

use stream_socket::Address;

pub use self::random::Random;

// Shared with the simulated kernel, which the library contains in simulations only.
#[path = "../../src/sys/simulated/random.rs"]
mod random;

/// A socket that is used without the library.
pub trait Peer: Send + Sync + Sized + 'static {
    fn send(&self, data: &[u8]) -> io::Result<usize>;
    fn receive(&self, limit: usize) -> io::Result<Vec<u8>>;
    fn shut_down_writing(&self) -> io::Result<()>;
    fn reset(self);
    /// Makes reads of the other end stop after the bytes that were sent so far.
    fn mark(&self);
    fn wait_readable(&self, limit: Duration);
}

/// A simulated or a real system.
pub trait System: Copy + Send + Sync + 'static {
    type Peer: Peer;
    const IS_SIMULATED: bool;

    fn now() -> Instant;
    fn sleep(time: Duration);
    /// Connects to `address` without the library.
    fn connect(address: &Address) -> io::Result<Self::Peer>;
    /// About how many bytes the buffers of a socket hold.
    fn buffer_size() -> usize;
    /// How long a program waits for something that may not happen.
    fn patience(random: &mut Random) -> Duration;
    /// A path at which no socket listens.
    fn fresh_path() -> std::path::PathBuf;
}
