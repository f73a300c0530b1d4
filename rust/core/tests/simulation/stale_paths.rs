//! Several threads listen at the same path, at which a stale file is left now and then. At most one
//! of them succeeds at a time, and that one is reached by the path.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stream_socket::simulated::control::{self as world, Fault};
use stream_socket::{Address, BindAddress, BindError, ListenError, ListenOptions, Listener};

use super::simulated::{Simulated, connect_raw};
use super::system::{Random, System};
use super::trace::{note, step};

const PATH: &str = "/run/contended";

/// Plays the program.
pub fn run(mut random: Random) {
    if random.once_in(4) {
        world::set_fault(Fault::NoLock, random.choose(&[2, 20]));
    }
    let owners = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (1..=random.size(4))
        .map(|number| {
            let mut own = Random::new(random.number());
            let owners = owners.clone();
            world::spawn(move || contend(number, &owners, &mut own))
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    // A stale file is replaced.
    world::clear_faults();
    let last = Listener::new();
    last.listen(&BindAddress::Unix(PATH.into()), ListenOptions::new(5))
        .expect("the path is free");
}

fn contend(number: usize, owners: &AtomicUsize, random: &mut Random) {
    let (bind, address) = (BindAddress::Unix(PATH.into()), Address::Unix(PATH.into()));
    for _ in 0..random.size(20) {
        step();
        if random.once_in(4) {
            // As after a crash.
            let _ = world::create_file(Path::new(PATH), true);
        }
        let listener = Listener::new();
        match listener.listen(&bind, ListenOptions::new(5)) {
            Ok(()) => {
                note(|| format!("{number} listens"));
                let before = owners.fetch_add(1, Ordering::SeqCst);
                assert_eq!(before, 0, "{number} has taken the path of another listener");
                if random.once_in(2) {
                    world::sleep(Simulated::patience(random));
                }
                let client = connect_raw(&address);
                assert!(
                    client.is_ok(),
                    "{number} listens and is not reached: {client:?}"
                );
                let accepted = listener.accept().expect("no descriptor is missing");
                assert!(
                    accepted.is_some(),
                    "another listener than {number} was reached"
                );
                note(|| format!("{number} stops"));
                owners.fetch_sub(1, Ordering::SeqCst);
                listener.stop();
            }
            Err(ListenError::Bind(BindError::Os { source, .. })) => {
                note(|| format!("{number} cannot listen: {source}"));
                assert!(
                    matches!(source.raw_os_error(), Some(libc::EADDRINUSE)),
                    "{source}"
                );
            }
            Err(error) => panic!("{number}: {error}"),
        }
        if random.once_in(2) {
            world::sleep(Simulated::patience(random));
        }
    }
}
