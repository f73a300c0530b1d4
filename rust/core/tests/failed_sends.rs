//! Once a send has failed nothing is sent any more: the peer gets no stream with a gap.
#![cfg(target_os = "linux")]

mod support;

use std::io::Write;
use std::thread;
use std::time::Instant;

use stream_socket::{Connection, Status, WriteError, os_code};
use support::*;

for_each_family!(
    a_failed_send_of_a_queue_leaves_no_gap,
    a_failed_flush_leaves_no_gap,
);

const MUCH: usize = 11 << 20;

/// Runs `body` on a thread whose sends fail (seccomp(2)), as they may without memory or by a filter of the network. The
/// socket is as it was: another thread could send.
fn with_failing_sends<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let body = move || {
            let sends = [libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_writev];
            let [first, second, third] = sends.map(|number| number as u32);
            let (load, jump, give) = (
                libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
                libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                libc::BPF_RET | libc::BPF_K,
            );
            let step = |code: u32, jt, jf, k| libc::sock_filter {
                code: code as u16,
                jt,
                jf,
                k,
            };
            let mut steps = [
                // The number of the system call comes first in what a filter sees.
                step(load, 0, 0, 0),
                step(jump, 2, 0, first),
                step(jump, 1, 0, second),
                step(jump, 0, 1, third),
                step(give, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EIO as u32),
                step(give, 0, 0, libc::SECCOMP_RET_ALLOW),
            ];
            let filter = libc::sock_fprog {
                len: steps.len() as u16,
                filter: steps.as_mut_ptr(),
            };
            // SAFETY: The filter is whole, and is copied; it holds for this thread alone.
            unsafe {
                assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
                let mode = libc::SECCOMP_MODE_FILTER;
                assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &filter), 0);
            }
            body()
        };
        scope.spawn(body).join().unwrap()
    })
}

/// A connection with something unread, and what of `data` the system has not taken queued.
fn stuffed(family: Family, data: &[u8]) -> (Connection, socket2::Socket) {
    let (connection, mut peer) = raw_peer(family);
    peer.write_all(b"unread").unwrap();
    until_available(&connection, 6);
    connection.set_queue_limit(4 * MUCH);
    connection.write_all(data).unwrap();
    assert!(connection.pending_bytes() > 0);
    (connection, peer)
}

/// Goes on writing, with a peer that reads. The peer has to get the start of `data`, and somebody has to be told.
fn assert_nothing_more_is_sent(connection: &Connection, peer: &socket2::Socket, data: &[u8]) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_to_end(peer));
        let mut told = 0;
        for _ in 0..20 {
            let error = write(connection, &pattern(100_000)).err();
            told += usize::from(error.is_some());
            if let Some(WriteError::Socket { source, .. }) = &error {
                assert_eq!(os_code(source), Some(libc::EIO));
            }
            let _ = connection.poll(Instant::now);
        }
        assert_eq!(connection.status(), Status::Connected);
        assert_eq!(read(connection, 6).unwrap(), b"unread");
        connection.disconnect();
        let (received, _) = reader.join().unwrap();
        let good = same_bytes(&received, data);
        assert_eq!(received.len(), good, "it goes on behind a gap");
        assert!(good < data.len());
        assert_eq!(told, 20, "writes that cannot be delivered are accepted");
    });
}

fn a_failed_send_of_a_queue_leaves_no_gap(family: Family) {
    let data = pattern(MUCH);
    let (connection, peer) = stuffed(family, &data);
    with_failing_sends(|| connection.poll(Instant::now).unwrap());
    assert_nothing_more_is_sent(&connection, &peer, &data);
}

fn a_failed_flush_leaves_no_gap(family: Family) {
    let data = pattern(MUCH);
    let (connection, peer) = stuffed(family, &data);
    let error = with_failing_sends(|| connection.flush()).unwrap_err();
    assert!(matches!(error, WriteError::Socket { .. }), "{error}");
    assert_nothing_more_is_sent(&connection, &peer, &data);
}
