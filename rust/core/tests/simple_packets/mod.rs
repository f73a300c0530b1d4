//! The simplest possible reader of packets, to compare the real one with.

use std::time::Instant;

use stream_socket::packets::{Framing, PacketReader, Width};
use stream_socket::{Connection, ReadError, Status};

/// How a stream of packets ends.
#[derive(Debug, PartialEq)]
enum End {
    Clean,
    Truncated,
    Bad,
}

/// Sends `bytes` in pieces whose sizes `pieces` lists, over and over. Compares the packets that a
/// [`PacketReader`] finds with those of the simple reader. Framing them again must restore the
/// bytes.
pub fn check(framing: &Framing, limit: usize, pieces: &[u8], counts: bool, bytes: &[u8]) {
    let (sender, receiver) = Connection::pair().expect("a pair can be made");
    let mut reader = PacketReader::new(framing.clone(), limit);
    let mut found = Vec::new();
    let mut rest = bytes;
    let mut sizes = pieces.iter().cycle();
    let end = loop {
        if let Some(end) = read(&mut reader, &receiver, counts, &mut found) {
            break end;
        }
        if rest.is_empty() {
            sender.disconnect();
            continue;
        }
        let size = usize::from(*sizes.next().expect("there is a size")) + 1;
        let (piece, others) = rest.split_at(size.min(rest.len()));
        sender.write_fully(piece).expect("the other end is open");
        rest = others;
    };
    let (expected, expected_end) = simple(framing, limit, bytes);
    assert_eq!((&found, &end), (&expected, &expected_end), "{framing:?}");
    let has_one_form = match framing {
        Framing::Length(field) => field.width != Width::Varint,
        Framing::Delimiter(_) => true,
        Framing::ContentLength => false,
        other => panic!("no model of {other:?}"),
    };
    if has_one_form {
        let framed = found
            .iter()
            .flat_map(|packet| framing.frame(packet, limit).expect("the packet fits"));
        assert!(
            bytes.starts_with(&framed.collect::<Vec<u8>>()),
            "{framing:?}"
        );
    }
}

/// Reads the packets that have arrived. Returns how the stream ends, if it does.
fn read(
    reader: &mut PacketReader,
    receiver: &Connection,
    counts: bool,
    found: &mut Vec<Vec<u8>>,
) -> Option<End> {
    loop {
        let counted = counts.then(|| reader.count(receiver));
        let outcome = reader.read(receiver, <[u8]>::to_vec);
        if let Some(Ok(counted)) = counted {
            assert_eq!(counted > 0, matches!(outcome, Ok(Some(_))), "{outcome:?}");
        }
        match outcome {
            Ok(Some(packet)) => found.push(packet),
            Ok(None) if receiver.status() == Status::Connected => {
                let _ = receiver.poll(Instant::now);
                return None;
            }
            Ok(None) | Err(ReadError::EndOfStream | ReadError::NotConnected) => {
                return Some(End::Clean);
            }
            Err(ReadError::Truncated { .. }) => return Some(End::Truncated),
            Err(ReadError::Malformed { .. } | ReadError::PacketTooLong { .. }) => {
                return Some(End::Bad);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// The packets of `bytes` and their end, found in the simplest way.
fn simple(framing: &Framing, limit: usize, bytes: &[u8]) -> (Vec<Vec<u8>>, End) {
    let mut packets = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Ok((head, body, tail)) = cut(framing, limit, rest) else {
            return (packets, End::Bad);
        };
        let (Some(head), Some(body)) = (head, body) else {
            return (packets, End::Truncated);
        };
        if body > limit as u64 {
            return (packets, End::Bad);
        }
        let total = head as u64 + body + tail as u64;
        if (rest.len() as u64) < total {
            return (packets, End::Truncated);
        }
        packets.push(rest[head..head + body as usize].to_vec());
        rest = &rest[total as usize..];
    }
    (packets, End::Clean)
}

type Lengths = (Option<usize>, Option<u64>, usize);

/// The lengths of the header, the body and the trailer of the first packet, as far as they are
/// known.
fn cut(framing: &Framing, limit: usize, rest: &[u8]) -> Result<Lengths, ()> {
    match framing {
        Framing::Length(field) => {
            let (value, own) = match field.width {
                Width::Bytes(width) => {
                    let Some(digits) = rest.get(..width) else {
                        return Ok((None, None, 0));
                    };
                    let mut digits = digits.to_vec();
                    if !field.big_endian {
                        digits.reverse();
                    }
                    let value = digits
                        .iter()
                        .fold(0_u64, |value, digit| value << 8 | u64::from(*digit));
                    (value, width)
                }
                Width::Varint => {
                    let mut value = 0_u128;
                    let mut own = 0;
                    loop {
                        let Some(digit) = rest.get(own) else {
                            return if own < 10 {
                                Ok((None, None, 0))
                            } else {
                                Err(())
                            };
                        };
                        if own == 10 {
                            return Err(());
                        }
                        value |= u128::from(digit & 0x7f) << (7 * own);
                        own += 1;
                        if value > u128::from(u64::MAX) {
                            return Err(());
                        }
                        if digit & 0x80 == 0 {
                            break;
                        }
                    }
                    (value as u64, own)
                }
                other => panic!("no model of {other:?}"),
            };
            let counted = if field.includes_itself { own as u64 } else { 0 };
            let body = value.checked_sub(counted).ok_or(())?;
            Ok((Some(own), Some(body), 0))
        }
        Framing::Delimiter(delimiter) => {
            let body = rest
                .windows(delimiter.len())
                .position(|window| window == delimiter);
            match body {
                Some(body) if body <= limit => Ok((Some(0), Some(body as u64), delimiter.len())),
                Some(_) => Err(()),
                None if rest.len() >= limit + delimiter.len() => Err(()),
                None => Ok((Some(0), None, 0)),
            }
        }
        Framing::ContentLength => {
            // An empty line, with a carriage return or without.
            let ends = [&b"\n\r\n"[..], b"\n\n"].map(|end| {
                let at = rest.windows(end.len()).position(|window| window == end)?;
                Some((at, at + end.len()))
            });
            let end = ends.into_iter().flatten().min();
            let Some((end, head)) = end.filter(|(_, head)| *head <= 8192) else {
                return if rest.len() >= 8192 {
                    Err(())
                } else {
                    Ok((None, None, 0))
                };
            };
            let mut length = None;
            for header in rest[..end].split(|byte| *byte == b'\n') {
                let Some(colon) = header.iter().position(|byte| *byte == b':') else {
                    continue;
                };
                if !header[..colon].eq_ignore_ascii_case(b"content-length") {
                    continue;
                }
                let value = header[colon + 1..].trim_ascii();
                if !value.iter().all(u8::is_ascii_digit) {
                    return Err(());
                }
                let value = String::from_utf8_lossy(value)
                    .parse::<u64>()
                    .map_err(drop)?;
                if length.is_some_and(|length| length != value) {
                    return Err(());
                }
                length = Some(value);
            }
            Ok((Some(head), Some(length.ok_or(())?), 0))
        }
        other => panic!("no model of {other:?}"),
    }
}
