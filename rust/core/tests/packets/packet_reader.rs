//! Packets in a stream: cut anywhere, of any length, and with other reads between them.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::packets::{Framing, LengthField, PacketReader, Width};
use stream_socket::{Connection, DisconnectCause, Event, ReadError, Status, WriteError};

use crate::support::*;

for_each_family!(
    every_cut_of_a_stream_gives_the_same_packets,
    a_packet_beyond_all_buffers_comes_out_whole,
    a_thousand_packets_are_counted_and_read,
    a_truncated_packet_is_an_error_and_stays_readable,
    a_packet_that_is_too_long_is_an_error_after_the_earlier_packets,
    other_reads_between_packets_do_no_harm,
    the_framing_may_change_between_packets,
    packets_of_several_threads_do_not_mix,
    a_packet_that_was_cut_by_a_timeout_ends_the_connection,
    a_packet_of_an_ended_connection_does_not_affect_the_next_one,
    a_packet_that_has_arrived_in_part_is_described,
    the_progress_of_a_packet_is_that_of_its_bytes,
    the_progress_is_that_of_the_first_incomplete_packet,
    the_progress_is_unknown_while_a_thread_reads_the_stream,
);

const LIMIT: usize = 1 << 20;

fn length(width: Width) -> Framing {
    Framing::Length(LengthField {
        width,
        big_endian: false,
        includes_itself: false,
    })
}

fn lines() -> Framing {
    Framing::Delimiter(b"\n".to_vec())
}

/// For each framing a stream of three packets, written by hand.
fn streams() -> Vec<(Framing, Vec<u8>)> {
    vec![
        (
            length(Width::Bytes(2)),
            b"\x03\0one\0\0\x05\0three".to_vec(),
        ),
        (length(Width::Varint), b"\x03one\x00\x05three".to_vec()),
        (
            Framing::Delimiter(b"\r\n".to_vec()),
            b"one\r\n\r\nthree\r\n".to_vec(),
        ),
        (
            Framing::ContentLength,
            b"Content-Length: 3\r\n\r\noneContent-Type: x\r\ncontent-length:0\r\n\r\n\
              Content-Length: 5\r\n\r\nthree"
                .to_vec(),
        ),
    ]
}

fn next(reader: &mut PacketReader, connection: &Connection) -> Option<Vec<u8>> {
    reader.read(connection, <[u8]>::to_vec).unwrap()
}

fn until_next(reader: &mut PacketReader, connection: &Connection) -> Vec<u8> {
    until("a packet", || next(reader, connection))
}

fn send(mut peer: &socket2::Socket, bytes: &[u8]) {
    peer.write_all(bytes).unwrap();
}

fn every_cut_of_a_stream_gives_the_same_packets(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    for (framing, stream) in streams() {
        for first in 0..=stream.len() {
            let mut reader = PacketReader::new(framing.clone(), LIMIT);
            let mut packets = Vec::new();
            for piece in [&stream[..first], &stream[first..]] {
                send(&peer, piece);
                if !piece.is_empty() {
                    until_available(&connection, 1);
                }
                packets.extend(std::iter::from_fn(|| next(&mut reader, &connection)));
            }
            while packets.len() < 3 {
                packets.push(until_next(&mut reader, &connection));
            }
            assert_eq!(packets, [&b"one"[..], b"", b"three"], "{framing:?} {first}");
            assert_eq!(connection.available(), Some(0));
        }
    }
}

fn a_packet_beyond_all_buffers_comes_out_whole(family: AddressFamily) {
    let packet = pattern(11 << 20);
    for framing in [
        length(Width::Bytes(4)),
        Framing::Delimiter(b"the end".to_vec()),
        Framing::ContentLength,
    ] {
        let (sender, connection) = pair(family);
        let mut reader = PacketReader::new(framing.clone(), packet.len());
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2 {
                    sender
                        .write_packet(&framing, packet.len(), &packet)
                        .unwrap();
                }
            });
            for _ in 0..2 {
                let received = until_next(&mut reader, &connection);
                assert_eq!(same_bytes(&received, &packet), packet.len(), "{framing:?}");
                assert_eq!(received.len(), packet.len());
            }
        });
    }
}

fn a_thousand_packets_are_counted_and_read(family: AddressFamily) {
    let (sender, connection) = pair(family);
    let framing = length(Width::Bytes(4));
    let mut reader = PacketReader::new(framing.clone(), LIMIT);
    assert_eq!(reader.count(&connection).unwrap(), 0);
    // The system accepts some hundreds of them.
    sender.set_queue_limit(LIMIT);
    for number in 0..1000_u32 {
        let packet = number.to_le_bytes();
        sender.write_packet(&framing, LIMIT, &packet).unwrap();
    }
    until("all", || {
        sender.poll(Instant::now).unwrap();
        (reader.count(&connection).unwrap() == 1000).then_some(())
    });
    for number in 0..1000_u32 {
        let left = 1000 - number as usize;
        assert_eq!(reader.count(&connection).unwrap(), left);
        assert_eq!(
            next(&mut reader, &connection).unwrap(),
            number.to_le_bytes()
        );
    }
    assert_eq!(next(&mut reader, &connection), None);
}

fn a_truncated_packet_is_an_error_and_stays_readable(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    let mut reader = PacketReader::new(lines(), LIMIT);
    send(&peer, b"whole\nin part");
    drop(peer);
    assert_eq!(until_next(&mut reader, &connection), b"whole");
    until("the end", || {
        match reader.read(&connection, <[u8]>::to_vec) {
            Ok(None) => None,
            Ok(Some(packet)) => panic!("{packet:?}"),
            Err(error) => {
                assert!(matches!(error, ReadError::Truncated { .. }), "{error}");
                Some(())
            }
        }
    });
    assert!(matches!(
        reader.count(&connection),
        Err(ReadError::Truncated { .. })
    ));
    assert_eq!(read(&connection, 7).unwrap(), b"in part");
    assert!(matches!(
        reader.read(&connection, |_| ()),
        Err(ReadError::EndOfStream)
    ));
    assert_eq!(connection.status(), Status::None);
}

fn a_packet_that_is_too_long_is_an_error_after_the_earlier_packets(family: AddressFamily) {
    for (framing, stream) in [
        (
            length(Width::Bytes(4)),
            &b"\x02\0\0\0ok\xff\xff\xff\xff"[..],
        ),
        (lines(), b"ok\nfar too long, with no end in sight"),
        (
            Framing::ContentLength,
            b"Content-Length: 2\r\n\r\nokContent-Length: 4294967295\r\n\r\n",
        ),
    ] {
        let (connection, peer) = raw_peer(family);
        let mut reader = PacketReader::new(framing, 16);
        send(&peer, stream);
        until_available(&connection, stream.len());
        assert_eq!(reader.count(&connection).unwrap(), 1);
        assert_eq!(next(&mut reader, &connection).unwrap(), b"ok");
        for _ in 0..2 {
            let outcome = reader.read(&connection, |_| ());
            assert!(matches!(
                outcome,
                Err(ReadError::PacketTooLong { limit: 16, .. })
            ));
        }
        assert_eq!(connection.status(), Status::Connected);
        reader.set_limit(usize::MAX);
        assert_eq!(next(&mut reader, &connection), None, "another limit");
    }
}

fn other_reads_between_packets_do_no_harm(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    let mut reader = PacketReader::new(lines(), LIMIT);
    let much = pattern(100_000);
    send(&peer, b"one\ntwo\nrest\nraw");
    until_available(&connection, 16);
    assert_eq!(reader.count(&connection).unwrap(), 3);
    assert_eq!(next(&mut reader, &connection).unwrap(), b"one");
    assert_eq!(read(&connection, 6).unwrap(), b"two\nre");
    assert_eq!(reader.count(&connection).unwrap(), 1);
    assert_eq!(next(&mut reader, &connection).unwrap(), b"st");
    assert_eq!(reader.count(&connection).unwrap(), 0);
    // A large read empties the buffer and then bypasses it.
    thread::scope(|scope| {
        scope.spawn(|| send(&peer, &much));
        let received = read(&connection, 3 + much.len()).unwrap();
        assert_eq!(received[..3], *b"raw");
        assert_eq!(received[3..], much);
    });
    send(&peer, b"after\n");
    assert_eq!(until_next(&mut reader, &connection), b"after");
}

fn the_framing_may_change_between_packets(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    let mut reader = PacketReader::new(lines(), LIMIT);
    send(&peer, b"use lengths\n\x03\0a\nb\x01\0cback\n");
    until_available(&connection, 25);
    assert_eq!(reader.count(&connection).unwrap(), 3, "as lines");
    assert_eq!(next(&mut reader, &connection).unwrap(), b"use lengths");
    reader.set_framing(length(Width::Bytes(2)));
    assert_eq!(next(&mut reader, &connection).unwrap(), b"a\nb");
    assert_eq!(next(&mut reader, &connection).unwrap(), b"c");
    reader.set_framing(lines());
    assert_eq!(next(&mut reader, &connection).unwrap(), b"back");
}

fn packets_of_several_threads_do_not_mix(family: AddressFamily) {
    const THREADS: u8 = 4;
    const EACH: usize = 20;
    // Each packet is larger than a socket accepts at once.
    const SIZE: usize = 600_000;
    let (sender, connection) = pair(family);
    let framing = length(Width::Varint);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (sender, framing) = (&sender, &framing);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let packet = vec![number; SIZE];
                    sender.write_packet(framing, LIMIT, &packet).unwrap();
                }
            });
        }
        let mut reader = PacketReader::new(framing.clone(), LIMIT);
        let mut counts = [0; THREADS as usize];
        for _ in 0..EACH * usize::from(THREADS) {
            let packet = until_next(&mut reader, &connection);
            assert!(packet.len() == SIZE && packet.iter().all(|byte| *byte == packet[0]));
            counts[usize::from(packet[0])] += 1;
        }
        assert_eq!(counts, [EACH; THREADS as usize]);
    });
}

fn a_packet_that_was_cut_by_a_timeout_ends_the_connection(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    connection.set_write_timeout(Some(Duration::from_millis(50)));
    let framing = length(Width::Bytes(4));
    let packet = pattern(64 << 20);
    let written = connection.write_packet(&framing, packet.len(), &packet);
    assert!(matches!(
        written,
        Err(WriteError::TimedOut { sent: 1.., .. })
    ));
    assert_eq!(connection.status(), Status::None);
    let ended = connection.ended().expect("it has a reason");
    assert_eq!(ended.error.to_string(), written.unwrap_err().to_string());
    assert_eq!(
        pending_events(&connection).last(),
        Some(&Event::Disconnected(DisconnectCause::Stalled))
    );
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert!(received.len() < packet.len(), "and the peer sees the end");
    connection.poll(Instant::now).unwrap();
}

/// A call that writes to a connection notices its end only after the next connection has begun.
fn a_packet_of_an_ended_connection_does_not_affect_the_next_one(family: AddressFamily) {
    let server = Server::new(family);
    let framing = length(Width::Bytes(4));
    let packet = pattern(16 << 20);
    let connection = connected(&server.address);
    for _ in 0..20 {
        let peer = server.accept();
        thread::scope(|scope| {
            let writer = scope.spawn(|| connection.write_packet(&framing, packet.len(), &packet));
            until_available(&peer, 1);
            connection.disconnect();
            connect(&connection, &server.address);
            assert!(writer.join().unwrap().is_err());
        });
        assert_eq!(connection.status(), Status::Connected);
    }
}

fn a_packet_that_has_arrived_in_part_is_described(family: AddressFamily) {
    let (client, server) = pair(family);
    let mut reader = PacketReader::new(length(Width::Bytes(2)), LIMIT);
    assert_eq!(reader.incomplete(&server, 16), None, "nothing has arrived");
    write(&client, b"\x05").unwrap();
    until("a byte of the length", || {
        assert_eq!(reader.count(&server).unwrap(), 0);
        let packet = reader.incomplete(&server, 16)?;
        assert_eq!((packet.length, packet.arrived), (None, 1));
        Some(())
    });
    write(&client, b"\0one").unwrap();
    let before = until("a part of the packet", || {
        assert_eq!(reader.count(&server).unwrap(), 0);
        reader.incomplete(&server, 4).filter(|it| it.arrived == 5)
    });
    assert_eq!(before.length, Some(5));
    assert_eq!(before.first_bytes, b"\x05\0on");
    assert_eq!(before.received, 5);
    assert_eq!(reader.incomplete(&server, 4), Some(before), "nothing new");
    write(&client, b"!!\x01").unwrap();
    until("the packet", || {
        (reader.count(&server).unwrap() == 1).then_some(())
    });
    assert_eq!(reader.incomplete(&server, 16), None, "a packet is complete");
    assert!(reader.read(&server, |_| ()).unwrap().is_some());
    let next = until("the next packet", || {
        assert_eq!(reader.count(&server).unwrap(), 0);
        reader.incomplete(&server, 16)
    });
    assert_eq!((next.first_bytes, next.received), (b"\x01".to_vec(), 8));
    write(&client, b"\xff").unwrap();
    reader.set_limit(16);
    until("a length beyond the limit", || reader.count(&server).err());
    assert_eq!(reader.incomplete(&server, 16), None, "it is not a packet");
}

fn progress(reader: &mut PacketReader, connection: &Connection) -> (usize, Option<usize>) {
    let incoming = reader.incoming(connection);
    (incoming.received, incoming.total)
}

fn the_progress_of_a_packet_is_that_of_its_bytes(family: AddressFamily) {
    for (framing, head) in [
        (length(Width::Bytes(4)), 4),
        (length(Width::Varint), 2),
        (Framing::ContentLength, 24),
        (lines(), 0),
    ] {
        let (sender, receiver) = pair(family);
        let mut reader = PacketReader::new(framing.clone(), LIMIT);
        assert_eq!(progress(&mut reader, &receiver), (0, None), "{framing:?}");
        let frame = framing.frame(&[b'x'; 1000], LIMIT).unwrap();
        let total = (head > 0).then_some(1000);
        let mut sent = 0;
        for end in [1, head + 1, head + 500, head + 999] {
            sender.write_fully(&frame[sent..end]).unwrap();
            sent = end;
            until_available(&receiver, end);
            // Only a poll or a read receives.
            assert!(reader.read(&receiver, <[u8]>::to_vec).unwrap().is_none());
            let total = total.filter(|_| end > head);
            let expected = (end.saturating_sub(head), total);
            assert_eq!(
                progress(&mut reader, &receiver),
                expected,
                "{framing:?} {end}"
            );
        }
        sender.write_fully(&frame[sent..]).unwrap();
        assert_eq!(
            until("the packet is complete", || next(&mut reader, &receiver)).len(),
            1000
        );
        assert_eq!(progress(&mut reader, &receiver), (0, None), "{framing:?}");
        sender.disconnect();
        receiver.disconnect();
        assert_eq!(progress(&mut reader, &receiver), (0, None), "{framing:?}");
    }
}

fn the_progress_is_that_of_the_first_incomplete_packet(family: AddressFamily) {
    let framing = length(Width::Bytes(1));
    let (sender, receiver) = pair(family);
    let mut reader = PacketReader::new(framing, LIMIT);
    sender.write_fully(b"\x03one\x03two\x05th").unwrap();
    until_available(&receiver, 11);
    assert_eq!(reader.count(&receiver).unwrap(), 2);
    for left in [2, 1, 0] {
        assert_eq!(progress(&mut reader, &receiver), (2, Some(5)), "{left}");
        assert_eq!(reader.count(&receiver).unwrap(), left);
        next(&mut reader, &receiver);
    }
    // Bytes that cannot be a packet are not counted as one. The next read returns the error.
    reader.set_limit(4);
    assert_eq!(progress(&mut reader, &receiver), (0, None));
    assert!(matches!(
        reader.read(&receiver, |_| ()),
        Err(ReadError::PacketTooLong { .. })
    ));
}

/// The bytes in the buffer belong to the thread.
fn the_progress_is_unknown_while_a_thread_reads_the_stream(family: AddressFamily) {
    let (sender, receiver) = pair(family);
    let mut reader = PacketReader::new(length(Width::Bytes(1)), LIMIT);
    sender.write_fully(b"\x05th").unwrap();
    until_available(&receiver, 3);
    assert!(next(&mut reader, &receiver).is_none());
    assert_eq!(progress(&mut reader, &receiver), (2, Some(5)));
    thread::scope(|scope| {
        let thread = asleep(scope, || read(&receiver, 4).unwrap());
        assert_eq!(progress(&mut reader, &receiver), (0, None));
        sender.write_fully(b"r").unwrap();
        assert_eq!(thread.join().unwrap(), b"\x05thr");
    });
    assert_eq!(progress(&mut reader, &receiver), (0, None));
}
