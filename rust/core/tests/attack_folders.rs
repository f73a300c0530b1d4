//! "Never waits", "none blocks": also when somebody else has locked the folder of a socket file.
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use stream_socket::{BindAddress, Connection, Listener};
use support::*;

#[test]
fn nothing_waits_for_who_has_locked_the_folder() {
    let directory = TemporaryDirectory::new();
    let listener = Listener::new();
    listener
        .listen(&BindAddress::Unix(directory.file("l")), 5, None)
        .unwrap();
    let client = Connection::new();
    client
        .bind(&BindAddress::Unix(directory.file("c")))
        .unwrap();
    // Whoever may read the folder, /tmp say, may do this, for as long as it likes.
    let folder = std::fs::File::open(&directory.0).unwrap();
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let start = Instant::now();
    client.disconnect();
    let disconnect = start.elapsed();
    let start = Instant::now();
    listener.stop();
    let stop = start.elapsed();
    let limit = Duration::from_millis(20);
    assert!(
        disconnect < limit && stop < limit,
        "disconnect {disconnect:?}, stop {stop:?}"
    );
    assert!(!directory.file("l").exists(), "its file is left behind");
}
