//! The age of a kernel's answer counts from the request. A thread that loses its processor after
//! the request does not make the answer newer.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Sharing;
use crate::support::*;

/// Whether the message was sent. The sender sets it without the library's sockets.
static SENT: AtomicBool = AtomicBool::new(false);

static ROUND: AtomicU64 = AtomicU64::new(0);

/// The minimum number of rounds, however long they take.
const MIN_ROUNDS: u64 = 300;

/// The maximum number of rounds.
const MAX_ROUNDS: u64 = 3000;

/// Blocks the thread until the message was sent.
extern "C" fn pause(_: libc::c_int) {
    for _ in 0..200_000 {
        if SENT.load(Ordering::Acquire) {
            return;
        }
        std::hint::spin_loop();
    }
}

/// Runs `round` again and again while another thread interrupts it at a varying moment, sends a
/// byte, and lets it continue. Asserts that `round` never returns false.
///
/// There are as many rounds as fit into two seconds, and at least [`MIN_ROUNDS`] on a busy machine,
/// where the two threads take turns.
fn rounds(mut peer: impl FnMut(u64) -> std::fs::File, mut round: impl FnMut(u64) -> bool) {
    ROUND.store(0, Ordering::SeqCst);
    // SAFETY: The handler only reads an atomic flag.
    let me = unsafe {
        libc::signal(libc::SIGUSR1, pause as *const () as usize);
        libc::pthread_self()
    };
    let end = Instant::now() + Duration::from_secs(2);
    let (mut missed, mut number) = (0, 0);
    while number < MIN_ROUNDS || number < MAX_ROUNDS && Instant::now() < end {
        number += 1;
        SENT.store(false, Ordering::SeqCst);
        let mut peer = peer(number);
        thread::scope(|scope| {
            scope.spawn(move || {
                while ROUND.load(Ordering::Acquire) != number {
                    std::hint::spin_loop();
                }
                for _ in 0..number * 37 % 2000 {
                    std::hint::spin_loop();
                }
                // SAFETY: The thread outlives this one.
                unsafe { libc::pthread_kill(me, libc::SIGUSR1) };
                peer.write_all(b"x").unwrap();
                // Much longer than the sharing time.
                let sent = Instant::now();
                while sent.elapsed() < Duration::from_micros(60) {
                    std::hint::spin_loop();
                }
                SENT.store(true, Ordering::Release);
            });
            ROUND.store(number, Ordering::Release);
            missed += u64::from(!round(number));
        });
    }
    assert_eq!(
        missed, 0,
        "of {number} messages that had been sent were not seen"
    );
}

fn file(socket: &socket2::Socket) -> std::fs::File {
    std::fs::File::from(std::os::fd::OwnedFd::from(socket.try_clone().unwrap()))
}

/// The first answer of `ask`, or false after a long time.
fn first_answer(mut ask: impl FnMut() -> Option<bool>) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(answer) = ask() {
            return answer;
        }
    }
    false
}

/// `available` uses the answer of the poll just before it.
#[test]
fn a_delayed_poll_does_not_make_its_answer_fresher() {
    let _only = only_test();
    let current = std::cell::RefCell::new(None);
    rounds(
        |_| {
            let (connection, peer) = raw_peer(AddressFamily::Unix);
            let file = file(&peer);
            *current.borrow_mut() = Some((connection, peer));
            file
        },
        |_| {
            let current = current.borrow();
            let (connection, _) = current.as_ref().unwrap();
            let end = Instant::now() + PATIENCE;
            while Instant::now() < end {
                if connection.poll(Instant::now).unwrap() {
                    return true;
                }
                if SENT.load(Ordering::Acquire) {
                    // This thread knows that the message was sent.
                    return connection.available() == Some(1);
                }
            }
            true
        },
    );
}

/// A poll uses the shared poll that another connection has made.
#[test]
fn a_delayed_shared_poll_does_not_make_its_answer_fresher() {
    let _only = only_test();
    let (first, _first_peer) = raw_peer(AddressFamily::Unix);
    let (second, second_peer) = raw_peer(AddressFamily::Unix);
    for _ in 0..4 {
        make_idle(&first);
        make_idle(&second);
    }
    rounds(
        |_| file(&second_peer),
        |_| {
            let seen = first_answer(|| {
                let _ = first.poll(Instant::now).unwrap();
                let is_sent = SENT.load(Ordering::Acquire);
                is_sent.then(|| second.poll(Instant::now).unwrap())
            });
            until_available(&second, 1);
            read(&second, 1).unwrap();
            make_idle(&second);
            make_idle(&first);
            seen
        },
    );
}

/// The control: without sharing nothing is missed.
#[test]
fn without_sharing_nothing_is_missed() {
    let _only = only_test();
    let _sharing = Sharing::of(Duration::ZERO);
    let (second, second_peer) = raw_peer(AddressFamily::Unix);
    rounds(
        |_| file(&second_peer),
        |_| {
            let seen = first_answer(|| {
                if second.poll(Instant::now).unwrap() {
                    return Some(true);
                }
                let is_sent = SENT.load(Ordering::Acquire);
                is_sent.then(|| second.available() == Some(1))
            });
            until_available(&second, 1);
            read(&second, 1).unwrap();
            seen
        },
    );
}
