//! "Never waits": a disconnect costs no more than a moment, whatever the peers do.
#![cfg(target_os = "linux")]

mod support;

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use support::*;

/// While a peer reads as fast as it can.
#[test]
fn a_disconnect_does_not_chase_its_peer() {
    const MUCH: usize = 600 << 20;
    for family in [Family::Unix, Family::Ipv4] {
        let (connection, mut peer) = raw_peer(family);
        connection.set_queue_limit(MUCH);
        connection.write_all(&vec![7; MUCH]).unwrap();
        let longest = thread::scope(|scope| {
            scope.spawn(move || {
                let mut block = vec![0; 4 << 20];
                while peer.read(&mut block).is_ok_and(|count| count > 0) {}
            });
            thread::sleep(Duration::from_millis(20));
            let start = Instant::now();
            connection.disconnect();
            start.elapsed()
        });
        println!("{family:?}: {longest:?}");
        assert!(
            longest < Duration::from_millis(20),
            "{family:?}: the disconnect took {longest:?}"
        );
    }
}

/// While the rest of another connection goes to a peer that reads as fast as it can.
#[test]
fn a_disconnect_does_not_wait_for_a_long_farewell() {
    const MUCH: usize = 1 << 30;
    for family in [Family::Unix, Family::Ipv4] {
        let mut fresh: Vec<_> = (0..100).map(|_| raw_peer(family)).collect();
        let (connection, mut peer) = raw_peer(family);
        connection.set_queue_limit(MUCH);
        connection.write_all(&vec![7; MUCH]).unwrap();
        let (longest, during) = thread::scope(|scope| {
            connection.disconnect();
            let reader = scope.spawn(move || {
                let mut block = vec![0; 4 << 20];
                while peer.read(&mut block).is_ok_and(|count| count > 0) {}
            });
            let mut longest = Duration::ZERO;
            let mut during = 0;
            for (connection, _) in &mut fresh {
                let start = Instant::now();
                connection.disconnect();
                longest = longest.max(start.elapsed());
                during += usize::from(!reader.is_finished());
                thread::sleep(Duration::from_millis(1));
            }
            (longest, during)
        });
        println!("{family:?}: {longest:?}, {during} during");
        assert!(
            longest < Duration::from_millis(20),
            "{family:?}: a disconnect took {longest:?}"
        );
    }
}
