//! A thread that is blocked in one direction blocks no other call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, ReadError, Status, WriteError};

use crate::support::*;

for_each_family!(
    a_blocked_reader_blocks_no_other_call,
    a_blocked_writer_blocks_no_other_call,
    disconnect_wakes_two_blocked_readers,
    disconnect_ends_a_reader_that_gets_quick_answers,
    a_new_connection_is_not_disturbed_by_an_old_reader,
    threads_share_one_connection,
);

fn a_blocked_reader_blocks_no_other_call(family: AddressFamily) {
    let (client, accepted) = pair(family);
    thread::scope(|scope| {
        let reader = asleep(scope, || read(&client, 1));
        assert_eq!(client.status(), Status::Connected);
        client.poll(Instant::now).unwrap();
        assert_eq!(client.available(), Some(0));
        assert_eq!(try_read(&client, 1).unwrap(), b"");
        client.write_fully(b"the other direction").unwrap();
        assert_eq!(read(&accepted, 19).unwrap(), b"the other direction");
        client.disconnect();
        assert!(matches!(
            reader.join().unwrap(),
            Err(ReadError::Disconnected)
        ));
    });
    assert_eq!(client.status(), Status::None);
    until_status(&accepted, Status::None).unwrap();
}

fn a_blocked_writer_blocks_no_other_call(family: AddressFamily) {
    let (client, accepted) = pair(family);
    // More than any system accepts while the peer does not read.
    let data = pattern(64 << 20);
    thread::scope(|scope| {
        let writer = asleep(scope, || write(&client, &data));
        assert_eq!(client.status(), Status::Connected);
        client.poll(Instant::now).unwrap();
        assert_eq!(client.available(), Some(0));
        assert_eq!(client.try_write(b"x").unwrap(), 0);
        accepted.write_fully(b"the other direction").unwrap();
        assert_eq!(read(&client, 19).unwrap(), b"the other direction");
        client.disconnect();
        assert!(matches!(
            writer.join().unwrap(),
            Err(WriteError::Disconnected)
        ));
    });
    assert_eq!(client.status(), Status::None);
}

fn disconnect_wakes_two_blocked_readers(family: AddressFamily) {
    let (client, _accepted) = pair(family);
    thread::scope(|scope| {
        let readers = [
            asleep(scope, || read(&client, 1)),
            asleep(scope, || read(&client, 1)),
        ];
        client.disconnect();
        for reader in readers {
            assert!(matches!(
                reader.join().unwrap(),
                Err(ReadError::Disconnected)
            ));
        }
    });
}

/// A reader of quick answers busy-waits before it sleeps.
fn disconnect_ends_a_reader_that_gets_quick_answers(family: AddressFamily) {
    for round in 0..20 {
        let (client, accepted) = pair(family);
        let trips = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while let Ok(request) = read(&accepted, 4) {
                    if write(&accepted, &request).is_err() {
                        break;
                    }
                }
            });
            let reader = scope.spawn(|| {
                loop {
                    let number = trips.fetch_add(1, Ordering::Relaxed) as u32;
                    let request = number.to_be_bytes();
                    if write(&client, &request).is_err() {
                        return None;
                    }
                    match read(&client, 4) {
                        Ok(answer) => assert_eq!(answer, request),
                        Err(error) => return Some(error),
                    }
                }
            });
            until("there were trips", || {
                (trips.load(Ordering::Relaxed) > 50 + round).then_some(())
            });
            client.disconnect();
            let error = reader.join().unwrap();
            assert!(
                matches!(
                    error,
                    None | Some(ReadError::Disconnected | ReadError::NotConnected)
                ),
                "{error:?}"
            );
        });
    }
}

fn a_new_connection_is_not_disturbed_by_an_old_reader(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    for _ in 0..20 {
        connect(&client, &server.address);
        let _old = server.accept();
        thread::scope(|scope| {
            let reader = asleep(scope, || read(&client, 1));
            client.disconnect();
            // The reader may not have left its call yet.
            connect(&client, &server.address);
            let accepted = server.accept();
            accepted.write_fully(b"new").unwrap();
            assert!(matches!(
                reader.join().unwrap(),
                Err(ReadError::Disconnected)
            ));
            assert_eq!(read(&client, 3).unwrap(), b"new");
        });
        client.disconnect();
    }
}

/// Four threads make all calls on one connection while it connects and disconnects. No call hangs,
/// and a new connection works at the end.
fn threads_share_one_connection(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    let end = Instant::now() + Duration::from_millis(300);
    let call_everything = |client: &Connection| {
        let _ = client.poll(Instant::now);
        let _ = client.available();
        let _ = try_read(client, 100);
        let _ = client.try_write(b"abc");
        let _ = client.peer_address();
        let _ = client.local_address();
        let _ = client.pending_bytes();
        let _ = pending_events(client);
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while Instant::now() < end {
                    call_everything(&client);
                }
            });
        }
        scope.spawn(|| {
            while Instant::now() < end {
                let _ = start_connect(&client, &server.address);
                for _ in 0..20 {
                    call_everything(&client);
                }
                client.disconnect();
            }
        });
        scope.spawn(|| {
            while Instant::now() < end {
                if let Some(accepted) = server.listener.accept().unwrap() {
                    let _ = accepted.write_fully(b"hello");
                }
            }
        });
    });
    client.disconnect();
    while server.listener.accept().unwrap().is_some() {}
    connect(&client, &server.address);
    server.accept().write_fully(b"new").unwrap();
    assert_eq!(read(&client, 3).unwrap(), b"new");
}
