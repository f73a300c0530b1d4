//! Somebody else keeps the folder of a socket file locked, for as long as it likes: whoever may read /tmp can do that.
#![cfg(target_os = "linux")]

mod support;

use stream_socket::{BindAddress, Connection, Listener};
use support::*;

fn locked(directory: &TemporaryDirectory) -> std::fs::File {
    let folder = std::fs::File::open(&directory.0).unwrap();
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    folder
}

/// Leaving needs no lock, so it waits for none.
#[test]
fn files_are_removed_from_a_locked_folder() {
    let directory = TemporaryDirectory::new();
    let listener = Listener::new();
    let (of_listener, of_client) = (directory.file("l"), directory.file("c"));
    let address = BindAddress::Unix(of_listener.clone());
    listener.listen(&address, 5, None).unwrap();
    let client = Connection::new();
    client.bind(&BindAddress::Unix(of_client.clone())).unwrap();
    let _lock = locked(&directory);
    client.disconnect();
    assert!(!of_client.exists());
    listener.stop();
    assert!(!of_listener.exists());
}

/// A bind without the lock could take a path from somebody else, so it fails, and says why.
#[test]
fn a_bind_into_a_locked_folder_is_refused() {
    let directory = TemporaryDirectory::new();
    let lock = locked(&directory);
    let client = Connection::new();
    let address = BindAddress::Unix(directory.file("c"));
    let error = client.bind(&address).unwrap_err().to_string();
    assert!(
        error.contains("keeps the socket's folder locked"),
        "{error}"
    );
    drop(lock);
    client.bind(&address).unwrap();
}
