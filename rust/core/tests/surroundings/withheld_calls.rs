//! A sandbox that withholds system calls, as containers and browsers do. The library uses another
//! call, or does without one that is not essential.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use stream_socket::{
    Address, BindAddress, Connection, ListenOptions, Listener, ReadError, os_code,
};

use crate::support::*;

const ENOSYS: u32 = libc::ENOSYS as u32;

const EPERM: u32 = libc::EPERM as u32;

/// Makes `call` fail with `error` in this thread, and in those that it starts (seccomp(2)).
fn withhold(call: libc::c_long, error: u32) {
    let statement = |code: u32, value: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k: value,
    };
    let mut is_other = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, call as u32);
    is_other.jf = 1;
    let mut filter = [
        // The number of the call is the first word.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        is_other,
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | error),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: The kernel reads the program, which lives until the call returns.
    let outcome = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    if outcome != 0 {
        std::process::exit(NOT_PERMITTED);
    }
}

/// The process that lacks a system call.
#[test]
fn child_in_a_sandbox() {
    match argument().as_deref() {
        None => {}
        Some("accept4") => {
            withhold(libc::SYS_accept4, EPERM);
            accept();
        }
        Some("accept4 at all") => {
            withhold(libc::SYS_accept4, ENOSYS);
            accept();
        }
        Some("ppoll") => {
            withhold(libc::SYS_ppoll, ENOSYS);
            wait();
        }
        Some("setsockopt") => {
            withhold(libc::SYS_setsockopt, EPERM);
            do_without_options();
        }
        Some(other) => panic!("{other}"),
    }
}

fn accept() {
    for family in [
        AddressFamily::Ipv4,
        AddressFamily::Ipv6,
        AddressFamily::Unix,
    ] {
        let server = Server::new(family);
        assert!(server.listener.accept().unwrap().is_none());
        let clients = [connected(&server.address), connected(&server.address)];
        for client in clients {
            let accepted = server.accept();
            if family != AddressFamily::Unix {
                let seen = accepted.peer_address().unwrap();
                assert_eq!(seen, Address::Inet(client.local_address().unwrap()));
            }
            // It does not block.
            assert_eq!(try_read(&accepted, 5).unwrap(), b"");
            write(&client, b"hello").unwrap();
            assert_eq!(read(&accepted, 5).unwrap(), b"hello");
            assert_all_closed_on_exec();
        }
    }
}

/// Asserts that a program started by this process would inherit none of its sockets.
fn assert_all_closed_on_exec() {
    let mut count = 0;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let path = entry.unwrap().path();
        let is_socket = std::fs::read_link(&path).is_ok_and(|target| {
            let target = target.to_string_lossy();
            target.starts_with("socket:")
        });
        if is_socket {
            let number = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            // SAFETY: The call only reads a value.
            let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
            count += 1;
        }
    }
    assert!(count >= 3, "a listener and a pair");
}

fn wait() {
    let (client, server) = pair(AddressFamily::Ipv4);
    let limit = Duration::from_millis(120);
    client.set_read_timeout(Some(limit));
    let start = Instant::now();
    let outcome = read(&client, 1);
    assert!(matches!(outcome, Err(ReadError::TimedOut { .. })));
    assert!(start.elapsed() >= limit);
    client.set_read_timeout(None);
    std::thread::scope(|scope| {
        let reader = asleep(scope, || read(&client, 5).unwrap());
        write(&server, b"hello").unwrap();
        assert_eq!(reader.join().unwrap(), b"hello");
        // Another thread's disconnect ends a wait.
        let reader = asleep(scope, || read(&client, 5));
        client.disconnect();
        reader.join().unwrap().unwrap_err();
    });
}

fn do_without_options() {
    let any = BindAddress::Any { port: 0 };
    let all_v6 = "[::]:0".parse().unwrap();
    let listener = Listener::new();
    // A request for all IPv6 addresses must not include IPv4.
    let error = listener.listen(&all_v6, ListenOptions::new(5)).unwrap_err();
    assert_eq!(os_code(&error), Some(libc::EPERM), "{error}");
    listener.listen(&any, ListenOptions::new(5)).unwrap();
    for host in ["127.0.0.1", "::1"] {
        TcpStream::connect((host, listener.local_port())).unwrap();
        until("a client", || listener.accept().unwrap());
    }
    let bound = Connection::new();
    bound.bind(&any).unwrap();
    for family in [
        AddressFamily::Ipv4,
        AddressFamily::Ipv6,
        AddressFamily::Unix,
    ] {
        let server = Server::new(family);
        let client = connected(&server.address);
        let accepted = server.accept();
        write(&client, b"hello").unwrap();
        assert_eq!(read(&accepted, 5).unwrap(), b"hello");
        // An option that the program sets is an error, and is not kept.
        if family != AddressFamily::Unix {
            let outcome = client.set_options(|options| options.no_delay = true);
            assert_eq!(os_code(&outcome.unwrap_err()), Some(libc::EPERM));
            assert!(!client.options().no_delay);
        }
    }
    // The peer gets an error, since it was not sent everything.
    let (client, peer) = pair(AddressFamily::Ipv4);
    write(&client, b"hello").unwrap();
    assert_eq!(read(&peer, 5).unwrap(), b"hello");
    client.abort();
    let end = read(&peer, 1).unwrap_err();
    assert!(matches!(end, ReadError::Socket { .. }), "{end}");
}

/// Runs the process above, which lacks `call`.
fn run(test: &str, call: &str) {
    let child = "withheld_calls::child_in_a_sandbox";
    run_test(
        test,
        child,
        call,
        "this process may not filter its system calls",
    );
}

#[test]
fn accepting_works_without_accept4() {
    run("accepting_works_without_accept4", "accept4");
    run("accepting_works_without_accept4", "accept4 at all");
}

#[test]
fn waiting_works_without_ppoll() {
    run("waiting_works_without_ppoll", "ppoll");
}

#[test]
fn connections_work_without_default_options() {
    run("connections_work_without_default_options", "setsockopt");
}
