//! The totals of the process. This test has a program of its own: the connections of other tests
//! would be counted too.

mod support;

use std::time::Instant;

use stream_socket::packets::{Framing, PacketReader};
use stream_socket::process::{Totals, count_traffic, totals};
use stream_socket::{Address, Status};
use stream_socket_relay::Relay;

use support::*;

/// The increase since `before`: connects, accepts, ends, failures, bytes received, bytes sent.
fn since(before: Totals) -> [u64; 6] {
    let now = totals();
    [
        now.connects - before.connects,
        now.accepts - before.accepts,
        now.ends - before.ends,
        now.failures - before.failures,
        now.received - before.received,
        now.sent - before.sent,
    ]
}

#[test]
fn all_connections_are_counted_together() {
    let server = Server::new(AddressFamily::Ipv4);
    let start = totals();
    assert_eq!((start.open(), start.received, start.sent), (0, 0, 0));
    let one = connected(&server.address);
    let served = server.accept();
    assert_eq!(since(start), [1, 1, 0, 0, 0, 0]);
    assert_eq!(totals().open(), 2);

    // Bytes are counted on request only.
    write(&one, &[7; 10]).unwrap();
    read(&served, 10).unwrap();
    assert_eq!(since(start), [1, 1, 0, 0, 0, 0]);
    count_traffic(true);
    write(&one, &[7; 20]).unwrap();
    assert_eq!(since(start)[5], 20);
    read(&served, 20).unwrap();
    assert_eq!(since(start)[4..], [20, 20]);
    // Several threads, and a queue.
    one.set_queue_limit(1 << 20);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| write(&one, &[7; 10]).unwrap()));
        }
        read(&served, 4000).unwrap();
    });
    assert_eq!(since(start)[4..], [4020, 4020]);
    // Packets are counted beside their bytes.
    one.set_queue_limit(0);
    let lines = Framing::Delimiter(b"\n".to_vec());
    let frame = lines.frame(b"posted", 100).unwrap();
    one.write_packet(&lines, 100, b"written").unwrap();
    one.enqueue_packet(&frame, 100).unwrap();
    one.try_flush();
    one.write_packet(&lines, 3, b"too long").unwrap_err();
    let mut reader = PacketReader::new(lines, 100);
    for packet in [&b"written"[..], b"posted"] {
        until("a packet", || {
            reader
                .read(&served, |read| assert_eq!(read, packet))
                .unwrap()
        });
    }
    assert_eq!((totals().packets_sent, totals().packets_received), (2, 2));
    assert_eq!(since(start)[4..], [4035, 4035]);
    // A lingering close is counted.
    one.set_queue_limit(64 << 20);
    write(&one, &pattern(32 << 20)).unwrap();
    assert!(one.pending_bytes() > 0);
    one.disconnect();
    assert_eq!(totals().open(), 1);
    read(&served, 32 << 20).unwrap();
    until_status(&served, Status::None).unwrap();
    assert_eq!(
        since(start),
        [1, 1, 2, 0, 4035 + (32 << 20), 4035 + (32 << 20)]
    );

    // Failures: of a connect, and of a connection.
    let (one, other) = (connected(&server.address), server.accept());
    assert_eq!(totals().open(), 2);
    other.abort();
    assert_eq!(since(start)[2..4], [3, 0]);
    if reports_resets("the failure of a connection") {
        until("the reset", || one.poll(Instant::now).err());
        assert_eq!(since(start)[2..4], [4, 1]);
    } else {
        one.disconnect();
    }
    let before = totals();
    server.listener.stop();
    start_connect(&one, &server.address).unwrap();
    until_status(&one, Status::Error).unwrap_err();
    assert_eq!(since(before), [0, 0, 0, 1, 0, 0]);
    // A cancelled connect is not a failure.
    let before = totals();
    start_connect(&one, &server.address).unwrap();
    one.disconnect();
    assert_eq!(since(before)[..4], [0, 0, 0, 0]);
    assert_eq!(totals().open(), 0);
    // A relay counts as network: only its two ends are counted.
    let server = Server::new(AddressFamily::Ipv4);
    let mut relay = Relay::new(0);
    relay.set_target(server.address.clone().into(), None);
    relay.listen(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let relayed = Address::Inet(([127, 0, 0, 1], relay.local_port()).into());
    let before = totals();
    let client = connected(&relayed);
    let mut forward = || relay.poll(Instant::now(), |_| ()).unwrap();
    let served = until("the link", || {
        forward();
        server.listener.accept().unwrap()
    });
    write(&client, &[7; 1000]).unwrap();
    until("the bytes", || {
        forward();
        served.read_count(1000, |_| ()).unwrap()
    });
    assert_eq!(since(before), [1, 1, 0, 0, 1000, 1000]);
    // Neither an unreachable target nor the end of a link is counted.
    server.listener.stop();
    let refused = connected(&relayed);
    until("the refusal", || {
        forward();
        let _ = refused.poll(Instant::now);
        (refused.status() != Status::Connected).then_some(())
    });
    drop(relay);
    let counts = since(before);
    let refusals = if reports_resets("the refusal as a failure") {
        1
    } else {
        0
    };
    assert_eq!(counts, [2, 1, 1, refusals, 1000, 1000]);
    assert_eq!(totals().open(), 2);
}
