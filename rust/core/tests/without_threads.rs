//! A process that may start no thread: lookups and closes do without their threads.
#![cfg(target_os = "linux")]

#[path = "support/hanging_resolver.rs"]
mod hanging_resolver;
mod support;

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use hanging_resolver::*;
use stream_socket::Status;
use support::*;

/// How the process below ends where it may start threads nevertheless.
const NOT_PERMITTED: i32 = 77;

/// More than the kernel takes at once.
const MUCH: usize = 11 << 20;

/// Has this process, which becomes another user's if it is root's, start no more threads. False if
/// it still can.
fn forbid_threads() -> bool {
    const NOBODY: u32 = 65534;
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: The kernel reads the structure only, and the C library changes the user for all
    // threads (setresuid(2)).
    unsafe {
        libc::setrlimit(libc::RLIMIT_NPROC, &none);
        if libc::geteuid() == 0 {
            libc::setresuid(NOBODY, NOBODY, NOBODY);
        }
    }
    std::thread::Builder::new().spawn(|| ()).is_err()
}

/// The process without threads.
#[test]
fn the_process_without_threads() {
    if argument().is_none() {
        return;
    }
    if !forbid_threads() {
        std::process::exit(NOT_PERMITTED);
    }
    // The asking thread looks the name up itself.
    RESOLVER.lock().unwrap().1 = true;
    let server = Server::new(AddressFamily::Ipv4);
    let port = server.listener.local_port();
    for host in ["one.hangs", "another.hangs"] {
        let client = ask(host, port);
        assert_eq!(
            client.status(),
            Status::Connecting,
            "the end is left to polls"
        );
        until_status(&client, Status::Connected).unwrap();
        assert_eq!(waiting(), 0);
        drop(server.accept());
    }
    let unknown = ask("a name that is none", port);
    let error = until("the end", || unknown.poll(Instant::now).err());
    assert!(error.to_string().contains("resolve"), "{error}");
    // Nobody sees to a close later, and its peer is told so.
    let (client, mut peer) = connection_to_raw_peer();
    client.set_queue_limit(MUCH);
    client.write_fully(&pattern(MUCH)).unwrap();
    client.disconnect();
    peer.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut received = Vec::new();
    let end = peer.read_to_end(&mut received).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    assert!(!received.is_empty());
    assert_eq!(same_bytes(&received, &pattern(MUCH)), received.len());
    // One with nothing left has sent all of it.
    let (client, mut peer) = connection_to_raw_peer();
    client.write_fully(b"last words").unwrap();
    client.disconnect();
    received.clear();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received, b"last words");
}

#[test]
fn lookups_and_closes_take_no_thread() {
    const TEST: &str = "lookups_and_closes_take_no_thread";
    if !can_start_itself(TEST) {
        return;
    }
    let child = spawn_test("the_process_without_threads", "threads");
    let output = child.wait_with_output().unwrap();
    match output.status.code() {
        Some(NOT_PERMITTED) => skipped(TEST, "the number of threads cannot be limited"),
        code => assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&output.stderr)),
    }
}
