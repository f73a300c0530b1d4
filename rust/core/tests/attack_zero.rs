//! `zero` zeroes whatever memory it is given.
#![cfg(target_os = "linux")]

use std::mem::MaybeUninit;
use std::sync::Mutex;

const SIZE: usize = 4 << 20;

static BYTES: Mutex<[MaybeUninit<u8>; SIZE]> = Mutex::new([MaybeUninit::new(7); SIZE]);

/// Memory of a static with a value: its pages come from the program's file.
#[test]
fn a_static_is_zeroed() {
    let mut bytes = BYTES.lock().unwrap();
    stream_socket::zero(&mut bytes[..]);
    // SAFETY: It was made with a value.
    let left = bytes
        .iter()
        .filter(|byte| unsafe { byte.assume_init() } != 0)
        .count();
    assert_eq!(left, 0, "bytes are not zero");
}
