//! A process that can start no thread: lookups and closes do without one.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use stream_socket::Status;

use super::resolver::*;
use crate::support::*;

/// Prevents this process from starting threads. A process of root also changes its user, because
/// the limit does not apply to root. Returns false if it still can start threads.
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

/// The process that can start no thread.
#[test]
fn child_without_threads() {
    if argument().is_none() {
        return;
    }
    if !forbid_threads() {
        std::process::exit(NOT_PERMITTED);
    }
    // The connecting thread looks the name up itself.
    release();
    let server = Server::new(AddressFamily::Ipv4);
    let port = server.listener.local_port();
    for host in ["one.hangs", "another.hangs"] {
        let client = connect_to_name(host, port);
        assert_eq!(
            client.status(),
            Status::Connecting,
            "a poll finds the result"
        );
        until_status(&client, Status::Connected).unwrap();
        assert_eq!(hanging(), 0);
        drop(server.accept());
    }
    let unknown = connect_to_name("not a host name", port);
    let error = until("the end", || unknown.poll(Instant::now).err());
    assert!(error.to_string().contains("resolve"), "{error}");
    // No thread carries out a lingering close later, so the peer gets a reset.
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
    // A connection without a queue has sent everything.
    let (client, mut peer) = connection_to_raw_peer();
    client.write_fully(b"last words").unwrap();
    client.disconnect();
    received.clear();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received, b"last words");
}

#[test]
fn lookups_and_closes_work_without_threads() {
    let _only = only_lookups();
    const TEST: &str = "lookups_and_closes_work_without_threads";
    let child = "without_threads::child_without_threads";
    run_test(
        TEST,
        child,
        "threads",
        "the number of threads cannot be limited",
    );
}
