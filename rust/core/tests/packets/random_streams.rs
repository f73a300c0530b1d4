//! Random streams of packets, valid and damaged, in pieces. The reader finds the packets and the
//! end that a simpler reader finds. `rust/fuzz` searches for streams where the two differ.

use stream_socket::packets::{Framing, LengthField, Width};

use super::simple_packets;
use super::system::Random;

const STREAMS: u64 = 4000;

#[test]
fn packets_are_those_that_a_simple_reader_finds() {
    for seed in 0..STREAMS {
        let mut random = Random::new(seed);
        let framing = framing(&mut random);
        let limit = random.size(2000);
        let mut bytes = Vec::new();
        for _ in 0..random.size(20) {
            let packet: Vec<u8> = (1..random.size(limit * 2))
                .map(|_| random.below(256) as u8)
                .collect();
            match framing.frame(&packet, usize::MAX) {
                Ok(frame) if random.once_in(4) => bytes.extend(without_returns(&framing, frame)),
                Ok(frame) => bytes.extend(frame),
                Err(_) => bytes.extend(packet),
            }
        }
        match random.below(4) {
            0 => bytes.truncate(random.size(bytes.len().max(1))),
            1 if !bytes.is_empty() => {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            _ => {}
        }
        let pieces = [0; 3].map(|_: u8| random.size(255) as u8);
        let counts = random.once_in(2);
        simple_packets::check(&framing, limit, &pieces, counts, &bytes);
    }
}

/// `frame` with header lines that end in line feeds alone, as some programs write them.
fn without_returns(framing: &Framing, frame: Vec<u8>) -> Vec<u8> {
    let end = frame.windows(4).position(|window| window == b"\r\n\r\n");
    match (framing, end) {
        (Framing::ContentLength, Some(end)) => [&frame[..end], b"\n\n", &frame[end + 4..]].concat(),
        _ => frame,
    }
}

fn framing(random: &mut Random) -> Framing {
    match random.below(4) {
        0 => Framing::Delimiter(random.choose(&[&b"\n"[..], b"\0\0", b"aab"]).to_vec()),
        1 => Framing::ContentLength,
        kind => Framing::Length(LengthField {
            width: match kind {
                2 => Width::Varint,
                _ => Width::Bytes(random.choose(&[1, 2, 4, 8])),
            },
            big_endian: random.once_in(2),
            includes_itself: random.once_in(2),
        }),
    }
}
