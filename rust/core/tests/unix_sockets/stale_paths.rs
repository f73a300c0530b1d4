//! When several sockets bind the same stale path at the same time, exactly one succeeds, and the
//! file at the path belongs to it. No other file is touched.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener};

use crate::support::*;

/// The maximum time for which a race is repeated.
const LONG: Duration = Duration::from_millis(1700);

/// Leaves a stale socket file behind.
fn leave_behind(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
}

fn listen(path: &Path, mode: Option<u32>) -> Option<Listener> {
    let listener = Listener::new();
    let address = BindAddress::Unix(path.into());
    listener
        .listen(&address, ListenOptions::new(8).with_mode(mode))
        .ok()?;
    Some(listener)
}

/// Asserts that the file at `path` is that of `listener`.
fn assert_reached(listener: &Listener, path: &Path) {
    let client = Connection::new();
    if let Err(error) = start_connect(&client, &Address::Unix(path.into())) {
        panic!("the listener has lost its file: {error}");
    }
    let accepted = listener.accept().unwrap();
    assert!(accepted.is_some(), "another socket has taken the file over");
}

/// The owner of a path.
enum Owner {
    Listener(Box<Listener>),
    /// A connection that is bound to the path.
    Connection(#[allow(dead_code, reason = "keeps the path bound")] Box<Connection>),
}

fn own(path: &Path, listens: bool) -> Option<Owner> {
    if listens {
        return listen(path, None).map(|listener| Owner::Listener(Box::new(listener)));
    }
    let connection = Connection::new();
    let bound = connection.bind(&BindAddress::Unix(path.into()));
    bound
        .is_ok()
        .then(|| Owner::Connection(Box::new(connection)))
}

#[test]
fn one_of_many_threads_gets_a_stale_path() {
    let _only = only_test();
    const THREADS: usize = 6;
    const ROUNDS: usize = 200;
    let mut doubles = 0;
    let end = Instant::now() + LONG;
    for _ in 0..16 {
        if Instant::now() > end {
            break;
        }
        let directory = TemporaryDirectory::new();
        let path = |round| directory.file(&format!("{round}"));
        (0..ROUNDS).for_each(|round| leave_behind(&path(round)));
        let start = Barrier::new(THREADS);
        let (path, start) = (&path, &start);
        let tries = |thread: usize| {
            let attempt = move |round: usize| {
                let path = path(round);
                start.wait();
                own(&path, !(thread + round).is_multiple_of(3))
            };
            move || (0..ROUNDS).map(attempt).collect()
        };
        let owners: Vec<Vec<Option<Owner>>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(tries(thread)))
                .collect();
            let results = threads.into_iter().map(|thread| thread.join().unwrap());
            results.collect()
        });
        for round in 0..ROUNDS {
            let winners: Vec<_> = owners.iter().filter_map(|of| of[round].as_ref()).collect();
            match winners[..] {
                [] => panic!("no thread gets the path in round {round}"),
                [Owner::Listener(listener)] => assert_reached(listener, &path(round)),
                [Owner::Connection(_)] => assert!(path(round).exists()),
                _ => doubles += 1,
            }
        }
    }
    assert_eq!(doubles, 0, "several threads got the same path");
}

/// How many stale paths there are at a time.
const BATCH: usize = 100;

/// The other processes of the test below. For each byte from its standard input a process tries to
/// listen on all paths of a batch. It reports on its standard error which ones it has, and serves
/// these until the next batch.
#[test]
fn child_that_listens() {
    let Some(directory) = argument() else { return };
    let mut listeners = Vec::new();
    while std::io::stdin().read_exact(&mut [0]).is_ok() {
        listeners.clear();
        let path = |index| Path::new(&directory).join(format!("{index}"));
        listeners.extend((0..BATCH).map(|index| listen(&path(index), None)));
        let owned: Vec<u8> = listeners
            .iter()
            .map(|listener| u8::from(listener.is_some()))
            .collect();
        std::io::stderr().write_all(&owned).unwrap();
    }
}

#[test]
fn one_of_many_processes_gets_a_stale_path() {
    if !can_start_itself("one_of_many_processes_gets_a_stale_path") {
        return;
    }
    let _only = only_test();
    const PROCESSES: usize = 4;
    const BATCHES: usize = 60;
    let directory = TemporaryDirectory::new();
    let mut children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            spawn_test(
                "stale_paths::child_that_listens",
                directory.0.to_str().unwrap(),
            )
        })
        .collect();
    let (mut doubles, mut lost, mut unowned) = (0, 0, 0);
    let end = Instant::now() + LONG;
    for batch in 0..BATCHES {
        if Instant::now() > end {
            break;
        }
        // The paths of the last batch are still served, so their files are removed first.
        let paths: Vec<_> = (0..BATCH)
            .map(|index| directory.file(&format!("{index}")))
            .collect();
        for path in &paths {
            let _ = fs::remove_file(path);
            leave_behind(path);
        }
        for child in &mut children {
            child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        }
        let mut winners = [0; BATCH];
        for child in &mut children {
            let mut owned = [0; BATCH];
            let outcome = child.stderr.as_mut().unwrap().read_exact(&mut owned);
            outcome.unwrap();
            for (winners, owned) in winners.iter_mut().zip(owned) {
                *winners += owned;
            }
        }
        for (path, winners) in paths.iter().zip(winners) {
            doubles += usize::from(winners > 1);
            unowned += usize::from(winners == 0);
            let client = Connection::new();
            let is_lost = start_connect(&client, &Address::Unix(path.clone())).is_err();
            lost += usize::from(is_lost);
        }
        assert_eq!((doubles, lost, unowned), (0, 0, 0), "in batch {batch}");
    }
    for mut child in children {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

/// A path that is bound repeatedly has one owner at a time, and an owner that stops removes only
/// its own file.
#[test]
fn a_path_that_changes_hands_is_never_taken_from_its_owner() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let (owners, missed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let end = Instant::now() + LONG;
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    if Instant::now() > end {
                        break;
                    }
                    let Some(listener) = listen(&path, None) else {
                        continue;
                    };
                    let others = owners.fetch_add(1, Ordering::SeqCst);
                    let identity = || fs::symlink_metadata(&path).map(|file| file.ino()).ok();
                    let (before, after) = (identity(), identity());
                    if others != 0 || before.is_none() || before != after {
                        missed.store(true, Ordering::SeqCst);
                    }
                    owners.fetch_sub(1, Ordering::SeqCst);
                    listener.stop();
                }
            });
        }
    });
    assert!(
        !missed.into_inner(),
        "two owners had the path at once, or one lost it"
    );
}

/// Another user puts a link in the place of the new socket file. The target of the link keeps its
/// permissions.
#[test]
fn a_mode_does_not_follow_a_link() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let (path, link, victim) = (
        directory.file("s"),
        directory.file("link"),
        directory.file("victim"),
    );
    fs::write(&victim, "secret").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    let is_over = AtomicBool::new(false);
    let mode = || fs::metadata(&victim).unwrap().permissions().mode() & 0o777;
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // Replaces each new socket file as soon as it exists.
                if path.exists() || fs::symlink_metadata(&path).is_ok() {
                    symlink(&victim, &link).unwrap();
                    fs::rename(&link, &path).unwrap();
                    while fs::symlink_metadata(&path).is_ok() && !is_over.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        for _ in 0..3000 {
            let _listener = listen(&path, Some(0o666));
            if mode() != 0o600 {
                break;
            }
            let _ = fs::remove_file(&path);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(mode(), 0o600, "the permissions of the target have changed");
}

/// The permissions are the requested ones, whatever the umask is.
#[test]
fn a_mode_is_exactly_what_was_asked_for() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    for mode in [0o777, 0o666, 0o660, 0o622, 0o600, 0o200] {
        let path = directory.file(&format!("{mode:o}"));
        let _listener = listen(&path, Some(mode)).unwrap();
        let file = fs::symlink_metadata(&path).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, mode);
    }
    let left: Vec<_> = fs::read_dir(&directory.0).unwrap().collect();
    assert_eq!(left.len(), 0, "{left:?}");
}

/// Reclaiming a path leaves no lock file behind.
#[test]
fn reclaiming_leaves_nothing_but_the_socket_file() {
    let _only = only_test();
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    leave_behind(&path);
    let listener = listen(&path, None).unwrap();
    let files: Vec<_> = fs::read_dir(&directory.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["s"]);
    listener.stop();
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 0);
}
