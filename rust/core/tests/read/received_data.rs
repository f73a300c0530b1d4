//! Data that was received is not lost, whatever else goes wrong.

use std::io::{ErrorKind, Write};
use std::time::Instant;

use stream_socket::{PollError, ReadError, Status, WriteError};

use crate::support::*;

#[test]
fn data_before_a_reset_is_handed_over_before_the_status_changes() {
    if !reports_resets("data_before_a_reset_is_handed_over_before_the_status_changes") {
        return;
    }
    for polls_before_reading in [0, 5] {
        let (client, mut peer) = connection_to_raw_peer();
        peer.write_all(b"precious").unwrap();
        until_available(&client, 8);
        reset(peer);
        for _ in 0..polls_before_reading {
            client.poll(Instant::now).unwrap();
            assert_eq!(client.status(), Status::Connected);
        }
        assert_eq!(read(&client, 8).unwrap(), b"precious");
        let error = until_status(&client, Status::Error).unwrap_err();
        assert!(
            matches!(error, PollError::Receive { ref source, .. } if source.kind() == ErrorKind::ConnectionReset)
        );
    }
}

#[test]
fn a_line_cut_off_by_a_reset_is_an_error_and_can_still_be_read() {
    if !reports_resets("a_line_cut_off_by_a_reset_is_an_error_and_can_still_be_read") {
        return;
    }
    let (client, mut peer) = connection_to_raw_peer();
    peer.write_all(b"half a li").unwrap();
    until_available(&client, 9);
    reset(peer);
    let error = until("the reset", || {
        client.read_until(b"\n", 100, <[u8]>::len).err()
    });
    assert!(matches!(error, ReadError::Socket { .. }), "{error}");
    assert_eq!(read(&client, 9).unwrap(), b"half a li");
}

#[test]
fn a_read_reports_a_reset() {
    if !reports_resets("a_read_reports_a_reset") {
        return;
    }
    let (client, peer) = connection_to_raw_peer();
    reset(peer);
    let error = read(&client, 1).unwrap_err();
    assert!(matches!(error, ReadError::Socket { .. }), "{error}");
    assert_eq!(client.status(), Status::None);
}

#[test]
fn data_before_a_failed_write_can_still_be_read() {
    let (client, mut peer) = connection_to_raw_peer();
    peer.write_all(&pattern(10_000)).unwrap();
    until_available(&client, 10_000);
    reset(peer);
    let error = until("a write fails", || write(&client, b"x").err());
    assert!(matches!(error, WriteError::Socket { .. }), "{error}");
    for _ in 0..2 {
        assert_eq!(client.status(), Status::Connected);
        client.poll(Instant::now).unwrap();
        assert!(client.write_fully(b"x").is_err());
    }
    assert!(read(&client, 10_000).unwrap() == pattern(10_000));
    let error = read(&client, 1).unwrap_err();
    assert!(
        matches!(error, ReadError::Socket { .. }),
        "the failure of the write is an error, not an end: {error}"
    );
    assert_eq!(client.status(), Status::None);
}

#[test]
fn a_failed_write_with_nothing_to_read_ends_the_connection() {
    let (client, peer) = connection_to_raw_peer();
    reset(peer);
    let error = until("a write fails", || write(&client, b"x").err());
    assert!(matches!(error, WriteError::Socket { .. }), "{error}");
    assert_eq!(client.status(), Status::None);
}

#[cfg(unix)]
#[test]
fn data_of_a_unix_peer_that_leaves_input_unread_is_handed_over() {
    use std::os::unix::net::UnixListener;

    use stream_socket::Address;

    let directory = TemporaryDirectory::new();
    let listener = UnixListener::bind(directory.file("s")).unwrap();
    let client = connected(&Address::Unix(directory.file("s")));
    let (mut peer, _) = listener.accept().unwrap();
    client.write_fully(b"unread").unwrap();
    peer.write_all(b"precious").unwrap();
    drop(peer);
    client.poll(Instant::now).unwrap();
    client.poll(Instant::now).unwrap();
    assert_eq!(read(&client, 8).unwrap(), b"precious");
    until_status(&client, Status::Error).unwrap_err();
}

/// A signal handler interrupts a wait in the kernel, and the wait must continue. The handler
/// belongs to the whole process, so no other test of this program uses the signal.
#[cfg(unix)]
#[test]
fn a_signal_does_not_interrupt_a_read() {
    use std::thread;
    extern "C" fn ignore(_: libc::c_int) {}
    // SAFETY: The handler does nothing; the structure is fully set before it is used.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = ignore as *const () as usize;
        // Without SA_RESTART.
        assert_eq!(
            libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()),
            0
        );
    }
    let (client, mut peer) = connection_to_raw_peer();
    thread::scope(|scope| {
        let (sender, id) = std::sync::mpsc::channel();
        let reader = scope.spawn(|| {
            // SAFETY: pthread_self has no preconditions.
            sender.send(unsafe { libc::pthread_self() }).unwrap();
            drop(sender);
            read(&client, 2)
        });
        let id = id.recv().unwrap();
        for _ in 0..200 {
            // SAFETY: The thread is alive: it waits for two bytes that have not been sent.
            assert_eq!(unsafe { libc::pthread_kill(id, libc::SIGUSR1) }, 0);
            thread::yield_now();
        }
        peer.write_all(b"a").unwrap();
        for _ in 0..200 {
            // SAFETY: The thread is alive: one byte is missing.
            assert_eq!(unsafe { libc::pthread_kill(id, libc::SIGUSR1) }, 0);
            thread::yield_now();
        }
        assert!(!reader.is_finished());
        peer.write_all(b"b").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), b"ab");
    });
    assert_eq!(client.status(), Status::Connected);
}
