//! Lines and counted blocks are read once they are complete.

use std::time::Instant;

use stream_socket::{Connection, ReadError, Status};

use crate::support::*;

for_each_family!(
    a_count_is_read_once_it_is_there,
    a_line_is_read_once_it_is_whole,
    a_line_that_cannot_come_is_an_error,
    half_a_line_does_not_keep_a_connection,
);

/// More than any buffer of the system.
fn a_count_is_read_once_it_is_there(family: AddressFamily) {
    const MUCH: usize = 8 << 20;
    let (client, accepted) = pair(family);
    let count = |count| client.read_count(count, <[u8]>::to_vec);
    assert_eq!(count(0).unwrap(), Some(Vec::new()));
    assert_eq!(count(1).unwrap(), None);
    let data = pattern(MUCH + 5);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            accepted.write_fully(&data).unwrap();
            accepted.disconnect();
        });
        let mut calls = 0;
        let much = until("the whole block", || {
            calls += 1;
            count(MUCH).unwrap()
        });
        assert!(much == data[..MUCH]);
        assert!(calls > 1, "the block does not arrive at once");
    });
    let error = until("the end", || count(6).err());
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    assert_eq!(client.status(), Status::Connected);
    assert_eq!(count(5).unwrap(), Some(data[MUCH..].to_vec()));
    assert!(matches!(count(1), Err(ReadError::EndOfStream)));
    assert_eq!(client.status(), Status::None);
}

fn line(connection: &Connection, limit: usize) -> Result<Option<Vec<u8>>, ReadError> {
    connection.read_until(b"\n", limit, <[u8]>::to_vec)
}

fn a_line_is_read_once_it_is_whole(family: AddressFamily) {
    let (client, accepted) = pair(family);
    assert_eq!(line(&client, 100).unwrap(), None);
    accepted.write_fully(b"one").unwrap();
    until_available(&client, 3);
    assert_eq!(line(&client, 100).unwrap(), None);
    assert_eq!(client.available(), Some(3));
    accepted.write_fully(b" line\ntwo\nthr").unwrap();
    let first = until("a line", || line(&client, 100).unwrap());
    assert_eq!(first, b"one line\n");
    let second = until("a line", || line(&client, 100).unwrap());
    assert_eq!(second, b"two\n");
    assert_eq!(line(&client, 100).unwrap(), None);
    until_available(&client, 3);
    assert_eq!(read(&client, 3).unwrap(), b"thr");
}

fn a_line_that_cannot_come_is_an_error(family: AddressFamily) {
    let (client, accepted) = pair(family);
    accepted.write_fully(&pattern(20_000)).unwrap();
    until_available(&client, 20_000);
    let never = b"not in the pattern";
    let found = client.read_until(never, 19_999, <[u8]>::len);
    let error = found.unwrap_err();
    assert!(matches!(error, ReadError::TooLong { limit: 19_999, .. }));
    let message = "\"not in the pattern\" is not in the first 19999 bytes";
    assert!(error.to_string().ends_with(message), "{error}");
    assert_eq!(client.available(), Some(20_000), "nothing was read");
    accepted.disconnect();
    let error = until("the end", || {
        client.read_until(never, 20_001, <[u8]>::len).err()
    });
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    assert!(client.is_read_closed());
    client.poll(Instant::now).unwrap();
    assert_eq!(client.status(), Status::Connected);
    assert!(read(&client, 20_000).unwrap() == pattern(20_000));
    let error = client.read_until(never, 1, <[u8]>::len).unwrap_err();
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    assert_eq!(client.status(), Status::None);
}

/// A reader of lines that has found the end of the stream within a line, and polls again, has no
/// use for the rest.
fn half_a_line_does_not_keep_a_connection(family: AddressFamily) {
    for half_open in [false, true] {
        let (client, accepted) = pair(family);
        client.set_allow_half_open(half_open);
        accepted.write_fully(b"whole\nhalf").unwrap();
        accepted.disconnect();
        let mut lines = Vec::new();
        let mut polls = 0;
        while client.status() == Status::Connected && polls < 1000 {
            polls += 1;
            client.poll(Instant::now).unwrap();
            while let Ok(Some(line)) = client.read_until(b"\n", 100, <[u8]>::to_vec) {
                lines.push(line);
            }
        }
        assert_eq!(lines, [b"whole\n"]);
        assert_eq!(client.status() == Status::Connected, half_open);
    }
}
