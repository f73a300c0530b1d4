//! Frames and messages. A receiver reads what a sender encodes, at every cut. The receiver refuses
//! a stream where a simple reader does, and a session behaves the same at every cut. `rust/fuzz`
//! searches for streams where they differ.

mod cut_sessions;
mod random;
mod simple_frames;

use random::Random;
use stream_socket_web::websocket::compression::{Agreed, Side};
use stream_socket_web::websocket::{
    Close, Event, FrameError, Message, Receiver, Role, Sender, SharedMessage,
};

/// The events in `bytes`, which come in `pieces`.
fn receive<'a>(
    receiver: &mut Receiver,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Event>, FrameError> {
    let mut events = Vec::new();
    for mut piece in pieces {
        while let Some(event) = receiver.receive(&mut piece)? {
            events.push(event);
        }
    }
    Ok(events)
}

fn text(text: &str) -> Event {
    Event::Message(Message {
        is_text: true,
        payload: text.into(),
    })
}

fn close(code: u16, reason: &str) -> Event {
    Event::Close(Some(Close {
        code,
        reason: reason.into(),
    }))
}

/// RFC 6455, section 5.7; RFC 7692, section 7.2.3.1.
#[test]
fn the_examples_of_the_rfc_at_every_cut() {
    let binary = |payload: Vec<u8>| {
        Event::Message(Message {
            is_text: false,
            payload,
        })
    };
    let client = Role::Client;
    let cases: [(Role, Vec<u8>, Vec<Event>); 8] = [
        (client, b"\x81\x05Hello".to_vec(), vec![text("Hello")]),
        (
            Role::Server,
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(),
            vec![text("Hello")],
        ),
        (
            client,
            b"\x01\x03Hel\x80\x02lo".to_vec(),
            vec![text("Hello")],
        ),
        (
            client,
            b"\x01\x03Hel\x89\x05Hello\x80\x02lo".to_vec(),
            vec![Event::Ping(b"Hello".to_vec()), text("Hello")],
        ),
        (
            Role::Server,
            b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(),
            vec![Event::Pong(b"Hello".to_vec())],
        ),
        (
            client,
            [b"\x82\x7e\x01\x00".to_vec(), vec![7; 256]].concat(),
            vec![binary(vec![7; 256])],
        ),
        (
            client,
            b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00".to_vec(),
            vec![text("Hello")],
        ),
        (
            client,
            b"\x88\x06\x03\xe8bye!\x81\x05Hello".to_vec(),
            vec![close(1000, "bye!")],
        ),
    ];
    for (role, bytes, events) in cases {
        for cut in 0..=bytes.len() {
            let mut receiver = Receiver::new(role, 1000, Some(Agreed::default()));
            let (head, tail) = bytes.split_at(cut);
            let received = receive(&mut receiver, [head, tail]);
            assert_eq!(received.as_ref(), Ok(&events), "{bytes:x?} cut at {cut}");
        }
    }
}

#[test]
fn control_frames_come_between_fragments() {
    let bytes = b"\x01\x01a\x89\x00\x00\x01b\x8a\x01x\x80\x01c\x88\x00";
    let mut receiver = Receiver::new(Role::Client, 3, None);
    let events = receive(&mut receiver, bytes.chunks(1)).unwrap();
    let expected = [
        Event::Ping(vec![]),
        Event::Pong(b"x".to_vec()),
        text("abc"),
        Event::Close(None),
    ];
    assert_eq!(events, expected);
}

#[test]
fn violations_name_what_is_wrong_and_their_close_code() {
    let cases: [(&[u8], u16, &str); 17] = [
        (b"\xa1", 1002, "reserved bit is set"),
        (b"\xc1", 1002, "reserved bit is set"),
        (b"\x83", 1002, "reserved opcode 3"),
        (b"\x81\x80", 1002, "server frame is masked"),
        (
            b"\x81\x7e\0\x01",
            1002,
            "length is not in its shortest form",
        ),
        (
            b"\x82\x7f\x80\0\0\0\0\0\0\0",
            1002,
            "length has its highest bit set",
        ),
        (b"\x89\x7e", 1002, "control frame exceeds 125 bytes"),
        (b"\x09", 1002, "control frame is fragmented"),
        (b"\x80\x00", 1002, "continuation frame without a message"),
        (
            b"\x01\x00\x01\x00",
            1002,
            "message begins within another message",
        ),
        (
            b"\x88\x01\x03",
            1002,
            "close frame of 1 byte is too short for a code",
        ),
        (b"\x88\x02\x03\xed", 1002, "invalid close code 1005"),
        (b"\x88\x03\x03\xe8\xff", 1007, "close reason is not UTF-8"),
        (b"\x81\x01\xff", 1007, "text message is not UTF-8"),
        (b"\x81\x01\xc3", 1007, "text message is not UTF-8"),
        (b"\x82\x0b", 1009, "message exceeds the limit of 10 bytes"),
        (
            b"\x02\x06aaaaaa\x80\x05",
            1009,
            "message exceeds the limit of 10 bytes",
        ),
    ];
    for (bytes, code, message) in cases {
        let mut receiver = Receiver::new(Role::Client, 10, None);
        let error = receive(&mut receiver, [bytes]).unwrap_err();
        assert_eq!(error.to_string(), message, "{bytes:x?}");
        assert_eq!(error.close_code(), code, "{bytes:x?}");
        let again = receive(&mut receiver, [&b"\x81\x00"[..]]);
        assert_eq!(again, Err(error), "nothing is read after a violation");
    }
    let mut server = Receiver::new(Role::Server, 10, None);
    let error = receive(&mut server, [&b"\x81\x00"[..]]).unwrap_err();
    assert_eq!(error.to_string(), "client frame is not masked");
}

/// Autobahn's cases 6.4.1 to 6.4.4.
#[test]
fn bad_text_is_refused_before_its_frame_is_complete() {
    let good = "κόσμε".as_bytes();
    let bytes = [b"\x81\x50", good, b"\xf4\x90"].concat();
    let mut receiver = Receiver::new(Role::Client, 1000, None);
    let before = receive(&mut receiver, [&bytes[..bytes.len() - 1]]);
    assert_eq!(before, Ok(vec![]));
    let after = receive(&mut receiver, [&b"\x90"[..]]);
    assert_eq!(after, Err(FrameError::Text));
}

#[test]
fn a_limit_may_change() {
    let mut receiver = Receiver::new(Role::Client, 10, None);
    assert_eq!(
        receive(&mut receiver, [&b"\x02\x0aaaaaaaaaaa"[..]]),
        Ok(vec![])
    );
    assert_eq!(receiver.partial_bytes(), 10);
    receiver.set_limit(11);
    assert_eq!(receive(&mut receiver, [&b"\x00\x01a"[..]]), Ok(vec![]));
    receiver.set_limit(5);
    let error = receive(&mut receiver, [&b"\x80\x01a"[..]]);
    assert_eq!(error, Err(FrameError::TooBig(5)));
}

#[test]
fn an_announced_length_allocates_no_memory() {
    let mut receiver = Receiver::new(Role::Client, usize::MAX, None);
    let header = b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffabc";
    // A reservation of that length would fail.
    assert_eq!(receive(&mut receiver, [&header[..]]), Ok(vec![]));
    assert_eq!(receiver.partial_bytes(), 3);
}

#[test]
fn random_messages_come_back() {
    for seed in 0..600_u64 {
        let mut random = Random(seed << 32);
        let side = |random: &mut Random| Side {
            no_context_takeover: random.below(2) == 0,
            max_window_bits: 8 + random.below(8) as u8,
        };
        let compression = (random.below(3) > 0).then(|| Agreed {
            client: side(&mut random),
            server: side(&mut random),
        });
        let (from, to) = match random.below(2) {
            0 => (Role::Client, Role::Server),
            _ => (Role::Server, Role::Client),
        };
        let mut sender = Sender::new(from, compression);
        let mut receiver = Receiver::new(to, 100_000, compression);
        sender.set_threshold(random.below(200));
        sender.set_max_frame(random.below(300));
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..random.below(12) {
            let length = match random.below(4) {
                0 => random.below(3),
                1 => random.below(200_000),
                _ => random.below(2000),
            };
            let length = length.min(100_000);
            match random.below(8) {
                0 => {
                    let payload = random.bytes(length.min(125));
                    sender.ping(&payload, &mut bytes);
                    expected.push(Event::Ping(payload));
                }
                1 => {
                    let payload = random.bytes(length.min(125));
                    sender.pong(&payload, &mut bytes);
                    expected.push(Event::Pong(payload));
                }
                2 => {
                    let payload = random.bytes(length);
                    sender.message(false, &payload, &mut bytes);
                    expected.push(Event::Message(Message {
                        is_text: false,
                        payload,
                    }));
                }
                _ => {
                    let words = ["a", "word", "é", "😀", "again "];
                    let mut payload = String::new();
                    while payload.len() < length / 2 {
                        payload += words[random.below(5)];
                    }
                    sender.message(true, payload.as_bytes(), &mut bytes);
                    expected.push(text(&payload));
                }
            }
        }
        if random.below(2) == 0 {
            sender.close(Some(4000), &"é".repeat(100), &mut bytes);
            // A reason is cut after a whole character.
            expected.push(close(4000, &"é".repeat(61)));
        }
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        let largest = [3, 200, 70_000][random.below(3)];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((1 + random.below(largest)).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        assert_eq!(receive(&mut receiver, pieces), Ok(expected), "seed {seed}");
    }
}

#[test]
fn a_shared_message_is_encoded_once_for_each_kind_of_receiver() {
    let agreed = |max_window_bits, no_context_takeover| {
        let side = Side {
            no_context_takeover,
            max_window_bits,
        };
        Some(Agreed {
            client: side,
            server: side,
        })
    };
    let kinds = [
        None,
        agreed(15, false),
        agreed(15, true),
        agreed(9, false),
        agreed(8, false),
    ];
    let ends = || kinds.into_iter().chain(kinds);
    let mut senders: Vec<_> = ends().map(|it| Sender::new(Role::Server, it)).collect();
    let mut receivers: Vec<_> = ends()
        .map(|it| Receiver::new(Role::Client, 100_000, it))
        .collect();
    let own = "what only one gets ".repeat(50);
    let all = "what all of them get ".repeat(50);
    // Messages before and after it refer to each other, but not to it.
    for round in 0..3 {
        let mut shared = SharedMessage::new(true, all.as_bytes());
        for (sender, receiver) in senders.iter_mut().zip(&mut receivers) {
            let mut bytes = Vec::new();
            sender.message(true, own.as_bytes(), &mut bytes);
            sender.shared_message(&mut shared, &mut bytes);
            sender.message(true, own.as_bytes(), &mut bytes);
            sender.message(true, all.as_bytes(), &mut bytes);
            let expected = vec![text(&own), text(&all), text(&own), text(&all)];
            assert_eq!(
                receive(receiver, [&bytes[..]]),
                Ok(expected),
                "round {round}"
            );
        }
    }
}

#[test]
fn damaged_streams_end_as_for_a_simple_reader() {
    for seed in 0..6000_u64 {
        let mut random = Random(seed << 32);
        let (from, to) = match random.below(2) {
            0 => (Role::Client, Role::Server),
            _ => (Role::Server, Role::Client),
        };
        let mut sender = Sender::new(from, None);
        sender.set_max_frame(random.below(20));
        let mut bytes = Vec::new();
        for _ in 0..1 + random.below(5) {
            let kind = random.below(6);
            // The simple reader checks the whole text for each byte, so long texts are slow.
            let longest = [if kind < 4 { 700 } else { 70_000 }, 30, 30][random.below(3)];
            let length = random.below(longest);
            let payload = match random.below(2) {
                0 => random.bytes(length),
                _ => "añ€😀".repeat(length / 10).into_bytes(),
            };
            match kind {
                0 => sender.ping(&payload, &mut bytes),
                1 => sender.close(Some(random.below(5000) as u16), "é", &mut bytes),
                kind => sender.message(kind < 4, &payload, &mut bytes),
            }
        }
        for _ in 0..random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
        let limit = [10, 100, 100_000][random.below(3)];
        let pieces = random.bytes(3);
        simple_frames::check(to, limit, &pieces, &bytes);
        let input = cut_sessions::Input {
            role: to,
            is_opened: random.below(10) > 0,
            is_compressing: random.below(2) == 0,
            limit,
            bytes: &bytes,
        };
        cut_sessions::check(input, &pieces);
    }
}

/// A message with two faults ends the connection with the first of them, wherever it is cut.
#[test]
fn the_first_fault_of_a_compressed_message_counts() {
    let compressed = |payload: &[u8]| {
        let mut bytes = Vec::new();
        let agreed = Agreed::default();
        Sender::new(Role::Server, Some(agreed)).message(true, payload, &mut bytes);
        bytes
    };
    // Not UTF-8, and then longer than the limit.
    let mut too_long = vec![b'x'; 50];
    too_long[10] = 0xff;
    // Longer than the limit, and then not UTF-8.
    let mut not_text = vec![b'x'; 50];
    not_text[40] = 0xff;
    for bytes in [
        // Not UTF-8, and then an invalid distance.
        vec![0x41, 0x0f, 0xda, 0x3e, 0x38, 0x35, 0x3f, 0x00],
        compressed(&too_long),
        compressed(&not_text),
    ] {
        for cut in 1..=bytes.len() as u8 {
            let input = cut_sessions::Input {
                role: Role::Client,
                is_opened: true,
                is_compressing: true,
                limit: 20,
                bytes: &bytes,
            };
            cut_sessions::check(input, &[cut]);
        }
    }
}
