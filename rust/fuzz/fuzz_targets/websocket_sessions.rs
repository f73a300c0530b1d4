//! Any bytes, cut anywhere, before or after the handshake, with or without compression: a session
//! finds the same messages in them, answers the same, and ends in the same way.

#![no_main]

#[path = "../../web/tests/cut_sessions/mod.rs"]
mod cut_sessions;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use stream_socket_web::websocket::Role;

#[derive(Arbitrary, Debug)]
struct Input {
    is_server: bool,
    is_opened: bool,
    is_compressing: bool,
    limit: u16,
    pieces: [u8; 3],
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let role = match input.is_server {
        true => Role::Server,
        false => Role::Client,
    };
    let session = cut_sessions::Input {
        role,
        is_opened: input.is_opened,
        is_compressing: input.is_compressing,
        limit: input.limit.into(),
        bytes: &input.bytes,
    };
    cut_sessions::check(session, &input.pieces);
});
