//! One exchange that keeps the promises whatever system call fails. This test has a program of its
//! own: it runs under strace's fault injection, which hits the calls of the whole process.
#![cfg(all(target_os = "linux", not(stream_socket_simulated)))]

mod support;

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, Status, Visit, WriteFailure};

use support::*;

const MUCH: usize = 3 << 20;

fn exchange(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    let mut reported = Vec::new();
    if let Err(error) = start_connect(&client, &server.address) {
        return println!("connect: {error}");
    }
    let begin = Instant::now();
    let accepted = loop {
        if let Err(error) = client.poll(Instant::now) {
            return println!("connecting: {error}");
        }
        match server.listener.accept() {
            Ok(Some(accepted)) => break accepted,
            Ok(None) => {}
            Err(error) => reported.push(format!("accept: {error}")),
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "no connection: {:?}",
            client.status()
        );
    };
    while client.status() == Status::Connecting {
        if let Err(error) = client.poll(Instant::now) {
            return println!("connecting: {error}");
        }
        assert!(begin.elapsed() < PATIENCE, "still connecting");
    }
    // The peer is a plain file, so that its calls are read(2) and write(2).
    let Some(handle) = accepted.socket_handle() else {
        panic!("no socket: {:?}", accepted.status())
    };
    let mut peer = std::fs::File::from(
        std::os::fd::AsFd::as_fd(&handle)
            .try_clone_to_owned()
            .unwrap(),
    );
    // It does not block.
    let group = Group::new();
    group.add(&client);
    let peer_thread = thread::spawn(move || {
        let mut received = Vec::new();
        let mut block = vec![0; 64 << 10];
        let mut reply = 0;
        let begin = Instant::now();
        loop {
            match peer.read(&mut block) {
                Ok(0) => return (received, Ok(())),
                Ok(count) => received.extend_from_slice(&block[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_micros(200))
                }
                Err(error) => return (received, Err(error.to_string())),
            }
            if received.len() >= MUCH && reply < 100_000 {
                match peer.write(&vec![9; 100_000 - reply]) {
                    Ok(count) => reply += count,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => return (received, Err(error.to_string())),
                }
            }
            if begin.elapsed() > PATIENCE {
                return (received, Err("no end".into()));
            }
        }
    });
    let data = pattern(MUCH + 100);
    client.set_queue_limit(2 * MUCH);
    let mut accepted_bytes = 0;
    match client.write_fully(&data[..MUCH]) {
        Ok(()) => accepted_bytes = MUCH,
        Err(WriteFailure {
            error,
            accepted: count,
            ..
        }) => {
            accepted_bytes += count;
            reported.push(format!("write: {error}"));
        }
    }
    let begin = Instant::now();
    while client.pending_bytes() > 0 && client.status() == Status::Connected {
        group.poll(Some(Duration::from_millis(50)), |_| {
            if let Err(error) = client.poll(Instant::now) {
                reported.push(format!("poll: {error}"));
            }
            Visit::Idle
        });
        assert!(
            begin.elapsed() < PATIENCE,
            "the queue is not sent: {} bytes are left",
            client.pending_bytes()
        );
    }
    client.set_read_timeout(Some(PATIENCE));
    let failed = !reported.is_empty();
    match read(&client, 100_000) {
        Ok(reply) => assert!(reply.iter().all(|&byte| byte == 9)),
        Err(error) => reported.push(format!("read: {error}")),
    }
    client.set_queue_limit(0);
    client.set_coalesces(true);
    if !failed && accepted_bytes == MUCH {
        match client.write_fully(&data[MUCH..]) {
            Ok(()) => accepted_bytes += 100,
            Err(WriteFailure {
                error,
                accepted: count,
                ..
            }) => {
                accepted_bytes += count;
                reported.push(format!("coalesce: {error}"));
            }
        }
        if let Err(error) = client.flush_queue() {
            reported.push(format!("flush: {error}"));
        }
    }
    client.disconnect();
    drop(handle);
    let (received, end) = peer_thread.join().unwrap();
    let good = same_bytes(&received, &data[..received.len().min(data.len())]);
    println!(
        "{family:?}: accepted {accepted_bytes}, received {}, end {end:?}, reported {reported:?}",
        received.len()
    );
    assert_eq!(good, received.len(), "a gap");
    if reported.is_empty() {
        assert!(
            received.len() == accepted_bytes || end.is_err(),
            "LOST: accepted {accepted_bytes}, received {}, end {end:?}",
            received.len()
        );
    }
    if end == Err("no end".into()) {
        panic!("NO END");
    }
}

#[test]
fn an_exchange_keeps_the_promises() {
    exchange(AddressFamily::Ipv4);
    exchange(AddressFamily::Unix);
}
