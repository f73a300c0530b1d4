//! What a program needs of the system it runs on, simulated or real.

use std::io;
use std::time::{Duration, Instant};

use stream_socket::Address;

pub use super::random::Random;

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
