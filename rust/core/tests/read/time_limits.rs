//! A read that times out leaves the connection as it was.

use std::time::Duration;

use stream_socket::{ReadError, ReadFailure, Status};

use crate::support::*;

for_each_family!(a_timed_out_read_leaves_the_connection_as_it_was,);

const SHORT: Option<Duration> = Some(Duration::from_millis(20));

fn a_timed_out_read_leaves_the_connection_as_it_was(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_read_timeout(SHORT);
    accepted.write_fully(b"abcdefghij").unwrap();
    until_available(&client, 10);
    // A number is read completely or not at all.
    assert_eq!(read(&client, 8).unwrap(), b"abcdefgh");
    let mut out = [std::mem::MaybeUninit::uninit(); 4];
    let ReadFailure {
        error,
        received: filled,
        ..
    } = client.read_fully_or_nothing(&mut out).unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { .. }), "{error}");
    assert_eq!(filled, 0);
    assert_eq!(client.status(), Status::Connected);
    accepted.write_fully(b"kl").unwrap();
    assert_eq!(read(&client, 4).unwrap(), b"ijkl");
    // A plain read returns what has arrived.
    accepted.write_fully(b"abc").unwrap();
    let mut out = [std::mem::MaybeUninit::uninit(); 100];
    let ReadFailure {
        error,
        received: filled,
        ..
    } = client.read_fully(&mut out).unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { .. }), "{error}");
    assert_eq!(filled, 3);
    accepted.write_fully(b"d").unwrap();
    assert_eq!(read(&client, 1).unwrap(), b"d");
}
