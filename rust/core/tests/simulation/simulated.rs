//! The simulated system.

use std::io;
use std::time::{Duration, Instant};

use stream_socket::Address;
use stream_socket::simulated::control as world;

use super::system::{Peer, Random, System};

#[derive(Clone, Copy, Debug)]
pub struct Simulated;

impl Peer for world::Raw {
    fn send(&self, data: &[u8]) -> io::Result<usize> {
        world::Raw::send(self, data)
    }

    fn receive(&self, limit: usize) -> io::Result<Vec<u8>> {
        world::Raw::receive(self, limit)
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        world::Raw::shut_down_writing(self)
    }

    fn reset(self) {
        world::Raw::reset(self);
    }

    fn mark(&self) {
        world::Raw::mark(self);
    }

    fn wait_readable(&self, limit: Duration) {
        world::Raw::wait_readable(self, limit);
    }
}

impl System for Simulated {
    type Peer = world::Raw;
    const IS_SIMULATED: bool = true;

    fn now() -> Instant {
        world::now()
    }

    fn sleep(time: Duration) {
        world::sleep(time);
    }

    fn connect(address: &Address) -> io::Result<world::Raw> {
        world::Raw::connect(address)
    }

    fn buffer_size() -> usize {
        world::buffer_size()
    }

    fn patience(random: &mut Random) -> Duration {
        Duration::from_nanos(random.size(50_000_000) as u64)
    }

    fn fresh_path() -> std::path::PathBuf {
        "/run/socket".into()
    }
}
