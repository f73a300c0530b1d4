//! Any bytes, cut anywhere: the requests in them are the same, and so is why the rest is refused. A
//! connection answers the same, whether bodies are whole or taken as they arrive.

#![no_main]

#[path = "../../web/tests/cut_streams/mod.rs"]
mod cut_streams;

#[path = "../../web/tests/cut_uploads/mod.rs"]
mod cut_uploads;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    pieces: [u8; 3],
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    cut_streams::check(&input.bytes, &input.pieces);
    cut_uploads::check(&input.bytes, &input.pieces);
});
