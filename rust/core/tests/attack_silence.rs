//! "With nothing left to send, so much silence": it counts from the last byte that was sent, not from the disconnect.
#![cfg(target_os = "linux")]

mod support;

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use support::*;

const MUCH: usize = 11 << 20;

/// The queue takes longer than the silence that is waited for. The peer answers a moment after it has all.
fn a_peer_that_is_slow_can_answer(family: Family) {
    let (connection, mut peer) = raw_peer(family);
    connection.set_queue_limit(MUCH);
    connection.write_all(&pattern(MUCH)).unwrap();
    connection.disconnect();
    thread::sleep(Duration::from_millis(6000));
    let mut received = vec![0; MUCH];
    peer.read_exact(&mut received).unwrap();
    thread::sleep(Duration::from_millis(300));
    let sent = peer.write_all(b"thanks");
    thread::sleep(Duration::from_millis(100));
    let again = peer.write_all(b"thanks");
    let end = peer.read(&mut [0; 8]);
    assert!(sent.is_ok() && again.is_ok() && matches!(end, Ok(0)), "{sent:?} {again:?} {end:?}");
}

for_each_family!(a_peer_that_is_slow_can_answer);
