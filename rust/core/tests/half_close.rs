//! The peer's end asks for ours; it does not cut a call that is writing.

mod support;

use std::io::Read;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use support::*;

const MUCH: usize = 11 << 20;

fn a_write_goes_on_behind_the_peers_end(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    let data = pattern(MUCH);
    thread::scope(|scope| {
        let writer = asleep(scope, || connection.write_fully(&data));
        peer.shutdown(Shutdown::Write).unwrap();
        // A frame loop goes on meanwhile.
        for _ in 0..20 {
            let _ = connection.poll(Instant::now);
            thread::sleep(Duration::from_millis(5));
        }
        let mut received = Vec::new();
        let end = peer.read_to_end(&mut received);
        let written = writer.join().unwrap();
        assert!(
            written.is_ok() && received == data,
            "the write: {written:?}; the peer, which reads all: {} of {MUCH} bytes, {end:?}",
            received.len()
        );
    });
}

for_each_family!(a_write_goes_on_behind_the_peers_end);
