//! What connections allocate.

use std::time::Instant;

use stream_socket::Connection;

use super::{allocations, bytes};
use crate::support::*;

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

#[test]
fn an_idle_frame_allocates_nothing() {
    let (one, _other) = local_pair();
    make_idle(&one);
    let count = allocations(|| {
        for _ in 0..100 {
            assert!(!poll(&one));
            assert_eq!(one.available(), Some(0));
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn small_transfers_allocate_nothing() {
    let (one, other) = local_pair();
    let exchange = || {
        other.write_fully(&[7; 8]).unwrap();
        assert!(poll(&one));
        assert_eq!(one.available(), Some(8));
        let mut number = [std::mem::MaybeUninit::uninit(); 4];
        assert!(one.read_fully(&mut number).is_ok());
        assert!(one.read_fully(&mut number).is_ok());
    };
    exchange();
    assert_eq!(allocations(|| (0..100).for_each(|_| exchange())), 0);
}

#[test]
fn coalesced_writes_allocate_nothing() {
    let (one, other) = local_pair();
    make_idle(&one);
    one.set_coalesces(true);
    let mut received = [std::mem::MaybeUninit::uninit(); 64];
    let mut exchange = || {
        (0..16).for_each(|_| one.write_fully(&[7; 4]).unwrap());
        poll(&one);
        assert!(other.read_fully(&mut received).is_ok());
    };
    exchange();
    assert_eq!(allocations(|| (0..100).for_each(|_| exchange())), 0);
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    const COUNT: usize = 100;
    // Allocates the set of watched sockets, which all connections share.
    let (first, _other) = local_pair();
    make_idle(&first);
    let (fresh, pairs) = bytes(|| {
        let mut pairs = Vec::with_capacity(COUNT);
        pairs.extend((0..COUNT).map(|_| local_pair()));
        pairs
    });
    let size = fresh / (2 * COUNT as isize);
    // On Windows each socket has a list of the sets that contain it.
    let limit = if cfg!(windows) { 660 } else { 510 };
    assert!(size < limit, "{size} bytes for a connection");
    let (exchanged, ()) = bytes(|| {
        for (one, other) in &pairs {
            other.write_fully(&[7; 100]).unwrap();
            assert!(poll(one));
            assert_eq!(read(one, 100).unwrap().len(), 100);
            make_idle(one);
        }
    });
    // Only their places in the set are left.
    let left = exchanged / COUNT as isize;
    let limit = if cfg!(windows) { 400 } else { 100 };
    assert!(left < limit, "{left} bytes for an idle connection");
    println!("{size} bytes for a connection, {left} more while it is watched");
}

/// A connection is one allocation, apart from its share of a block of readiness words, and what few
/// connections need.
#[test]
fn a_connection_costs_few_allocations() {
    const COUNT: usize = 1000;
    const PAIRS: usize = 100;
    const MAX_ALLOCATIONS: usize = 8;
    let unconnected = allocations(|| {
        let all: Vec<_> = (0..COUNT).map(|_| Connection::new()).collect();
        assert_eq!(all.len(), COUNT);
    });
    assert!(unconnected < COUNT / 20, "{unconnected} for {COUNT}");
    let server = Server::new(AddressFamily::Ipv4);
    let connect = || (connected(&server.address), server.accept());
    // Allocates what connections share.
    drop(connect());
    let mut pairs = Vec::with_capacity(PAIRS);
    let (held, ()) = bytes(|| {
        let count = allocations(|| pairs.extend((0..PAIRS).map(|_| connect()))) / PAIRS;
        assert!(
            count <= MAX_ALLOCATIONS,
            "{count} allocations for a connect and an accept"
        );
        for (client, served) in &pairs {
            pending_events(client);
            pending_events(served);
        }
        println!("{count} allocations for a connect and an accept");
    });
    let beside = held / (2 * PAIRS as isize);
    assert!(beside <= 16, "{beside} bytes beside a connection");
}

#[test]
fn a_buffer_is_as_large_as_what_is_unread() {
    let (one, other) = local_pair();
    for message in [10, 100, 1000] {
        other.write_fully(&vec![7; message]).unwrap();
        let (held, ()) = bytes(|| assert!(poll(&one)));
        assert!(held <= 2 * message as isize, "{held} bytes");
        read(&one, message).unwrap();
    }
}
