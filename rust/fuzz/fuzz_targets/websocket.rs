//! Any bytes, cut anywhere, at either end: the events in them are those that a simpler reader
//! finds, and so is how they end. With compression, no message exceeds the limit.

#![no_main]

#[path = "../../web/tests/simple_frames/mod.rs"]
mod simple_frames;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use stream_socket_web::websocket::compression::Agreed;
use stream_socket_web::websocket::{Event, Receiver, Role};

#[derive(Arbitrary, Debug)]
struct Input {
    is_server: bool,
    limit: u16,
    pieces: [u8; 3],
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let role = match input.is_server {
        true => Role::Server,
        false => Role::Client,
    };
    let limit = usize::from(input.limit);
    simple_frames::check(role, limit, &input.pieces, &input.bytes);

    let mut receiver = Receiver::new(role, limit, Some(Agreed::default()));
    for mut piece in input.bytes.chunks(usize::from(input.pieces[0]) + 1) {
        while let Ok(Some(event)) = receiver.receive(&mut piece) {
            if let Event::Message(message) = event {
                assert!(message.payload.len() <= limit);
            }
        }
        assert!(receiver.partial_bytes() <= limit + 1);
    }
});
