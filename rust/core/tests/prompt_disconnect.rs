//! A disconnect hands over what is left to be done; it does not do it.
#![cfg(target_os = "linux")]

mod support;

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use support::*;

/// The processor time that this thread has used, the kernel's on its behalf included.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: The kernel writes the structure only.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(outcome, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// While a peer reads as fast as it can, the rest of the queue could be sent for as long as it lasts. What a part of it
/// costs, sent by this thread itself, is the measure.
#[test]
fn a_disconnect_does_not_chase_its_peer() {
    const MUCH: usize = 256 << 20;
    for family in [AddressFamily::Unix, AddressFamily::Ipv4] {
        let (connection, mut peer) = raw_peer(family);
        connection.set_queue_limit(MUCH);
        connection.write_fully(&vec![7; MUCH]).unwrap();
        let is_reading = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut block = vec![0; 4 << 20];
                while peer.read(&mut block).is_ok_and(|count| count > 0) {
                    is_reading.store(true, Ordering::Relaxed);
                }
            });
            until("the peer reads", || {
                is_reading.load(Ordering::Relaxed).then_some(())
            });
            // A quarter of it.
            let begin = processor_time();
            while connection.pending_bytes() > MUCH / 4 * 3 {
                let _ = connection.flush_queue();
            }
            let quarter = processor_time() - begin;
            let begin = processor_time();
            connection.disconnect();
            let disconnect = processor_time() - begin;
            assert!(
                disconnect < quarter,
                "{family:?}: {disconnect:?}, and {quarter:?} for a third of what was left"
            );
        });
    }
}
