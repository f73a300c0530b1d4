//! Binding to a path: the socket's file, its owner, and what is left after a failure.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use stream_socket::{
    Address, BindAddress, BindError, Connection, ListenError, ListenOptions, Listener, Status,
};

use crate::support::*;

fn listening(path: &Path) -> Listener {
    let listener = Listener::new();
    listener
        .listen(&BindAddress::Unix(path.into()), ListenOptions::new(8))
        .unwrap();
    listener
}

fn refusal(path: &Path) -> BindError {
    match Listener::new().listen(&BindAddress::Unix(path.into()), ListenOptions::new(8)) {
        Err(ListenError::Bind(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_unix_connection_can_be_bound_too() {
    let _only = only_test();
    let server = Server::new(AddressFamily::Unix);
    let directory = TemporaryDirectory::new();
    let path = directory.file("client");
    let client = Connection::new();
    client.bind(&BindAddress::Unix(path.clone())).unwrap();
    connect(&client, &server.address);
    server.accept().write_fully(b"x").unwrap();
    assert_eq!(read(&client, 1).unwrap(), b"x");
    assert!(path.exists());
    client.disconnect();
    assert!(!path.exists(), "the socket file is removed");
}

#[test]
fn a_served_path_is_not_taken_over() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let server = listening(&path);
    assert!(matches!(refusal(&path), BindError::Os { .. }));
    let client = Connection::new();
    assert!(client.bind(&BindAddress::Unix(path.clone())).is_err());
    assert!(
        !server.is_connection_available().unwrap(),
        "the attempts left no trace"
    );
    let _client = connected(&Address::Unix(path.clone()));
    assert!(server.is_connection_available().unwrap());
    server.stop();
    assert!(!path.exists());
}

#[test]
fn a_path_that_is_bound_but_not_listened_on_is_not_taken_over() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let owner = Connection::new();
    owner.bind(&BindAddress::Unix(path.clone())).unwrap();
    assert!(matches!(refusal(&path), BindError::Os { .. }));
    assert!(path.exists());
}

#[test]
fn a_stale_path_is_reclaimed() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    // std leaves the file behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let server = listening(&path);
    connected(&Address::Unix(path.clone()));
    assert!(server.is_connection_available().unwrap());
}

#[test]
fn stopping_leaves_the_file_of_a_successor_alone() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let old = listening(&path);
    fs::remove_file(&path).unwrap();
    let new = listening(&path);
    old.stop();
    assert!(path.exists());
    connected(&Address::Unix(path.clone()));
    drop(new);
    assert!(!path.exists());
}

#[test]
fn files_that_are_not_sockets_are_not_touched() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let file = directory.file("file");
    fs::write(&file, "content").unwrap();
    let folder = directory.file("folder");
    fs::create_dir(&folder).unwrap();
    let dangling = directory.file("dangling");
    symlink("nowhere", &dangling).unwrap();
    for path in [&file, &folder, &dangling] {
        assert!(
            matches!(refusal(path), BindError::NotASocket { .. }),
            "{path:?}"
        );
        fs::symlink_metadata(path).unwrap();
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "content");
}

#[test]
fn invalid_paths_are_refused() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    for path in [
        Path::new(""),
        Path::new("a\0b"),
        &directory.file(&"x".repeat(110)),
    ] {
        assert!(
            matches!(refusal(path), BindError::InvalidPath { .. }),
            "{path:?}"
        );
        let address = Address::Unix(path.into());
        let client = Connection::new();
        start_connect(&client, &address).unwrap_err();
        assert_eq!(client.status(), Status::None);
    }
    assert!(matches!(
        refusal(&directory.file("missing/s")),
        BindError::Os { .. }
    ));
}

#[test]
#[cfg(target_os = "linux")]
fn the_longest_path_is_106_bytes() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let room = 106 - directory.file("").as_os_str().len();
    let longest = directory.file(&"x".repeat(room));
    let _server = listening(&longest);
    connected(&Address::Unix(longest));
    let longer = directory.file(&"x".repeat(room + 1));
    assert!(matches!(refusal(&longer), BindError::InvalidPath { .. }));
}

#[test]
fn a_connect_without_a_listener_fails_at_once() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let file = directory.file("file");
    fs::write(&file, "").unwrap();
    for path in [&file, &directory.file("missing"), &directory.0] {
        let client = Connection::new();
        let error = start_connect(&client, &Address::Unix(path.clone())).unwrap_err();
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert_eq!(client.status(), Status::None);
    }
}

#[test]
fn a_socket_file_gets_its_mode() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let listener = Listener::new();
    let address = BindAddress::Unix(path.clone());
    listener
        .listen(&address, ListenOptions::new(8).with_mode(0o600))
        .unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
