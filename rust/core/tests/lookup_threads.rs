//! Whoever waits behind as many lookups as there may be, all of them hanging, is told so.
//!
//! This program defines `getaddrinfo` itself, which takes the place of the C library's in it.
#![cfg(target_os = "linux")]

mod support;

use std::ffi::{CStr, c_char, c_int};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use stream_socket::{Connection, Status, Target};
use support::*;

/// How many questions wait for their answer, and whether they get it now.
static RESOLVER: Mutex<(usize, bool)> = Mutex::new((0, false));
static RELEASED: Condvar = Condvar::new();

type GetAddrInfo = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
) -> c_int;

/// Gives no answer to names that end in `.hangs` until they are released, and then 127.0.0.1.
///
/// # Safety
/// As for getaddrinfo(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: The real function is looked up by its name and has this type; the arguments are the caller's, or a
    // zero-terminated text.
    unsafe {
        let real = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        let real = std::mem::transmute::<*mut libc::c_void, GetAddrInfo>(real);
        let name = CStr::from_ptr(node).to_str().unwrap();
        if !name.ends_with(".hangs") {
            return real(node, service, hints, found);
        }
        let mut resolver = RESOLVER.lock().unwrap();
        resolver.0 += 1;
        while !resolver.1 {
            resolver = RELEASED.wait(resolver).unwrap();
        }
        resolver.0 -= 1;
        drop(resolver);
        real(c"127.0.0.1".as_ptr(), service, hints, found)
    }
}

fn waiting() -> usize {
    RESOLVER.lock().unwrap().0
}

fn ask(host: &str, port: u16) -> Connection {
    let client = Connection::new();
    let host = host.to_owned();
    let target = Target::Name { host, port };
    client.connect(target, None, Instant::now()).unwrap();
    client
}

#[test]
fn a_lookup_behind_many_that_hang_is_refused_once_nobody_waits_for_them() {
    let _only = only_test();
    RESOLVER.lock().unwrap().1 = false;
    // As many as there may be hang; of the last one the asker is still there.
    let mut last = None;
    for count in 1..=256 {
        last = Some(ask("gone.hangs", 1));
        until("asked", || (waiting() == count).then_some(()));
    }
    let waits = ask("waits.hangs", 1);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(waiting(), 256);
    drop(last);
    // Now all hang, and nobody waits for any of them. Who asks from now on is refused at once.
    assert_eq!(waits.status(), Status::Connecting);
    let end = Instant::now() + Duration::from_secs(3);
    while waits.poll(Instant::now).is_ok() {
        assert!(Instant::now() < end, "neither asked nor refused, for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
    RESOLVER.lock().unwrap().1 = true;
    RELEASED.notify_all();
    until("all have their answer", || (waiting() == 0).then_some(()));
}

/// The program's address space in bytes.
fn address_space() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
}

/// Threads that were there for lookups that hang leave nothing behind once they have ended.
#[test]
fn waves_of_hanging_lookups_do_not_add_up() {
    let _only = only_test();
    let mut sizes = Vec::new();
    for _ in 0..6 {
        RESOLVER.lock().unwrap().1 = false;
        for count in 1..=150 {
            drop({
                let asked = ask("gone.hangs", 1);
                until("asked", || (waiting() == count).then_some(()));
                asked
            });
        }
        RESOLVER.lock().unwrap().1 = true;
        RELEASED.notify_all();
        until("all have their answer", || (waiting() == 0).then_some(()));
        std::thread::sleep(Duration::from_millis(300));
        sizes.push(address_space() >> 20);
    }
    assert!(sizes[5] < sizes[1] + 300, "MiB after each wave: {sizes:?}");
}
