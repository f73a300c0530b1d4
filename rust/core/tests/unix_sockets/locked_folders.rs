//! Another user locks the folder of a socket file for an unlimited time, as every reader of /tmp
//! can, or puts something in the place of this library's lock file.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FlockOperation, Timespec, Timestamps};
use stream_socket::{
    Address, BindAddress, Connection, ListenError, ListenOptions, Listener, os_code,
};

use crate::support::*;

fn lock(file: &File, operation: FlockOperation) {
    rustix::fs::flock(file, operation).unwrap();
}

fn locked(directory: &TemporaryDirectory, operation: FlockOperation) -> File {
    let folder = File::open(&directory.0).unwrap();
    lock(&folder, operation);
    folder
}

fn listen(path: &Path) -> Result<Listener, ListenError> {
    let listener = Listener::new();
    listener.listen(&BindAddress::Unix(path.into()), ListenOptions::new(5))?;
    Ok(listener)
}

/// Leaves a stale socket file behind that was made at this time.
fn leave_behind(path: &Path, made: SystemTime) {
    drop(UnixListener::bind(path).unwrap());
    let made = made.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let time = Timespec::try_from(made).unwrap();
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// The lock file of `path`.
fn lock_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap().to_str().unwrap();
    path.with_file_name(format!(".{name}.stream-socket-lock"))
}

/// The lock file of `path`, as this library makes it.
fn lock_file(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options.open(lock_of(path)).unwrap()
}

#[test]
fn a_locked_folder_does_not_prevent_binding() {
    let _only = only_test();
    for operation in [FlockOperation::LockShared, FlockOperation::LockExclusive] {
        let directory = TemporaryDirectory::new();
        let _lock = locked(&directory, operation);
        let (fresh, stale, of_client) = (
            directory.file("fresh"),
            directory.file("stale"),
            directory.file("client"),
        );
        let first = listen(&fresh).unwrap();
        leave_behind(&stale, SystemTime::now());
        let second = listen(&stale).unwrap();
        let client = Connection::new();
        client.bind(&BindAddress::Unix(of_client.clone())).unwrap();
        client.disconnect();
        assert!(!of_client.exists());
        first.stop();
        second.stop();
        assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 0);
    }
}

/// Whatever another user puts in the place of the lock file, locked or not, a path can be bound.
/// Without the lock only a file that is not new counts as stale.
#[test]
fn a_foreign_file_at_the_lock_path_does_not_prevent_binding() {
    let _only = only_test();
    type Put = fn(&Path);
    let places: [(&str, Put); 4] = [
        ("a file that every user can open", |place| {
            File::create(place).unwrap();
            fs::set_permissions(place, fs::Permissions::from_mode(0o666)).unwrap();
        }),
        ("a file with contents", |place| {
            fs::write(place, "precious").unwrap();
            fs::set_permissions(place, fs::Permissions::from_mode(0o600)).unwrap();
        }),
        ("a link", |place| symlink("nowhere", place).unwrap()),
        ("a folder", |place| fs::create_dir(place).unwrap()),
    ];
    for (what, put) in places {
        let directory = TemporaryDirectory::new();
        let path = directory.file("s");
        let place = lock_of(&path);
        put(&place);
        let held = File::open(&place).ok();
        if let Some(held) = &held {
            lock(held, FlockOperation::LockExclusive);
        }
        let fresh = listen(&path).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(listen(&path).is_err(), "{what}: the path is served");
        fresh.stop();
        // It stays new, however slow the machine is.
        leave_behind(&path, SystemTime::now() + PATIENCE);
        assert!(listen(&path).is_err(), "{what}: the file is new");
        fs::remove_file(&path).unwrap();
        leave_behind(&path, SystemTime::now() - Duration::from_secs(10));
        let stale = listen(&path).unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(connected(&Address::Unix(path.clone())));
        stale.stop();
        let left = fs::read_dir(&directory.0).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [place], "{what}");
    }
}

/// Another process of this user is just making the socket file. It gets the path, and no other call
/// waits.
#[test]
fn a_path_that_is_being_bound_is_in_use() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let file = lock_file(&path);
    lock(&file, FlockOperation::LockExclusive);
    let error = listen(&path).unwrap_err();
    assert_eq!(os_code(&error), Some(libc::EADDRINUSE), "{error}");
    assert!(!path.exists());
    // Another path in the folder is free.
    listen(&directory.file("other")).unwrap();
    drop(file);
    // The lock file that a killed process has left is taken over and removed.
    let listener = listen(&path).unwrap();
    assert!(!lock_of(&path).exists());
    drop(listener);
}
