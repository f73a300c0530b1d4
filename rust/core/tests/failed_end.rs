//! A write that fails after its stream was to be ended: the peer must not read a clean end behind a part of it.
#![cfg(target_os = "linux")]

mod support;

use std::thread;

use socket2::SockRef;
use support::*;

/// Sends of less than so many bytes fail.
const LEAST: usize = 24 << 20;
const MUCH: usize = 32 << 20;

fn filter_short_sends(least: usize) {
    let (load, jump, ge, give) = (
        (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16,
        (libc::BPF_RET | libc::BPF_K) as u16,
    );
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        step(load, 0, 0, 0),
        step(jump, 0, 3, libc::SYS_sendto as u32),
        step(load, 0, 0, 32),
        step(ge, 1, 0, least as u32),
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
}

/// How a peer that reads all sees the failure of a write that waits, in the middle, when the stream was
/// to be ended behind it or not.
fn outcome(ends: bool) -> std::io::Result<()> {
    let (connection, peer) = raw_peer(Family::Ipv4);
    SockRef::from(&connection.socket_handle().unwrap())
        .set_send_buffer_size(64 << 10)
        .unwrap();
    let data = pattern(MUCH);
    let (written, came) = thread::scope(|scope| {
        let writer = asleep(scope, || {
            filter_short_sends(LEAST);
            connection.write_all(&data)
        });
        if ends {
            connection.shut_down_writing().unwrap();
        }
        let came = read_to_end(&peer);
        (writer.join().unwrap(), came)
    });
    let (_, count) = written.unwrap_err();
    assert!(count < data.len() && came.0.len() <= count);
    came.1
}

#[test]
fn a_failed_write_is_told_by_a_reset() {
    outcome(false).unwrap_err();
}

#[test]
fn a_failed_write_is_no_clean_end() {
    outcome(true).unwrap_err();
}
