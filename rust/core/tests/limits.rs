//! Time limits, half-close, queues, closing: what a user can ask for beyond the defaults.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use stream_socket::{
    ConnectEnd, Connection, DisconnectCause, Event, ListenOptions, ReadError, Status, Target,
    WriteError,
};
use support::*;

for_each_family!(
    a_read_limit_leaves_the_connection_as_it_was,
    a_write_limit_tells_how_much_was_sent,
    a_count_is_read_once_it_is_there,
    a_line_is_read_once_it_is_whole,
    all_that_was_counted_is_read_at_once,
    a_line_that_cannot_come_is_an_error,
    half_a_line_does_not_keep_a_connection,
    everything_available_is_received,
    half_open_connections_go_on_in_the_other_direction,
    shutting_down_both_sides_ends_the_connection,
    a_queue_takes_all_or_nothing_and_keeps_the_order,
    data_is_queued_while_connecting,
    a_graceful_close_sends_the_queue,
    coalesced_writes_go_out_together,
    notices_tell_what_happened_in_order,
);

const SHORT: Option<Duration> = Some(Duration::from_millis(20));

fn a_read_limit_leaves_the_connection_as_it_was(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_read_timeout(SHORT);
    accepted.write_fully(b"abcdefghij").unwrap();
    until_available(&client, 10);
    // A number is not torn.
    assert_eq!(read(&client, 8).unwrap(), b"abcdefgh");
    let mut out = [std::mem::MaybeUninit::uninit(); 4];
    let stream_socket::ReadFailure {
        error,
        received: filled,
        ..
    } = client.read_fully_or_nothing(&mut out).unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { .. }), "{error}");
    assert_eq!(filled, 0);
    assert_eq!(client.status(), Status::Connected);
    accepted.write_fully(b"kl").unwrap();
    assert_eq!(read(&client, 4).unwrap(), b"ijkl");
    // Otherwise what has come is handed over.
    accepted.write_fully(b"abc").unwrap();
    let mut out = [std::mem::MaybeUninit::uninit(); 100];
    let stream_socket::ReadFailure {
        error,
        received: filled,
        ..
    } = client.read_fully(&mut out).unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { .. }), "{error}");
    assert_eq!(filled, 3);
    accepted.write_fully(b"d").unwrap();
    assert_eq!(read(&client, 1).unwrap(), b"d");
}

fn a_write_limit_tells_how_much_was_sent(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_write_timeout(SHORT);
    let data = pattern(64 << 20);
    let stream_socket::WriteFailure {
        error,
        accepted: sent,
        ..
    } = client.write_fully(&data).unwrap_err();
    let WriteError::TimedOut { .. } = error else {
        panic!("{error}")
    };
    assert_eq!(client.status(), Status::Connected);
    client.set_write_timeout(None);
    std::thread::scope(|scope| {
        scope.spawn(|| client.write_fully(&data[sent..]).unwrap());
        assert!(read(&accepted, data.len()).unwrap() == data);
    });
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

/// What a poll has brought in is less than what is there by now.
fn all_that_was_counted_is_read_at_once(family: AddressFamily) {
    let read_all = |client: &Connection| client.try_read_with(usize::MAX, <[u8]>::len);
    let read_some = |client: &Connection| {
        let mut bytes = [std::mem::MaybeUninit::uninit(); 8192];
        client.try_read(&mut bytes)
    };
    type Way = fn(&Connection) -> Result<usize, ReadError>;
    let ways: [Way; 2] = [read_all, read_some];
    for way in ways {
        let (client, accepted) = pair(family);
        accepted.write_fully(&[1; 18]).unwrap();
        until("a part", || {
            client.poll(Instant::now).unwrap();
            client.has_unread().then_some(())
        });
        accepted.write_fully(&[2; 5000]).unwrap();
        until_available(&client, 5018);
        assert_eq!(way(&client).unwrap(), 5018);
    }
}

fn a_line_that_cannot_come_is_an_error(family: AddressFamily) {
    let (client, accepted) = pair(family);
    accepted.write_fully(&pattern(20_000)).unwrap();
    until_available(&client, 20_000);
    let never = b"not in the pattern";
    let found = client.read_until(never, 19_999, <[u8]>::len);
    let error = found.unwrap_err();
    assert!(matches!(error, ReadError::TooLong { limit: 19_999, .. }));
    let said = "\"not in the pattern\" is not in the first 19999 bytes";
    assert!(error.to_string().ends_with(said), "{error}");
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

/// A reader of lines that has met the end within one, and then polled, has no use for what is left.
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

/// More than any buffer of the system holds.
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
        let mut asked = 0;
        let much = until("all of it", || {
            asked += 1;
            count(MUCH).unwrap()
        });
        assert!(much == data[..MUCH]);
        assert!(asked > 1, "it does not come at once");
    });
    let error = until("the end", || count(6).err());
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    assert_eq!(client.status(), Status::Connected);
    assert_eq!(count(5).unwrap(), Some(data[MUCH..].to_vec()));
    assert!(matches!(count(1), Err(ReadError::EndOfStream)));
    assert_eq!(client.status(), Status::None);
}

fn everything_available_is_received(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let receive = |limit| client.try_read_with(limit, <[u8]>::to_vec).unwrap();
    assert_eq!(receive(usize::MAX), b"");
    accepted.write_fully(&pattern(50_000)).unwrap();
    until_available(&client, 50_000);
    assert!(receive(10) == pattern(10));
    assert_eq!(receive(0), b"");
    assert!(receive(usize::MAX) == pattern(50_000)[10..]);
}

fn half_open_connections_go_on_in_the_other_direction(family: AddressFamily) {
    let (client, accepted) = pair(family);
    accepted.set_allow_half_open(true);
    client.write_fully(b"question").unwrap();
    client.shut_down_writing().unwrap();
    assert!(matches!(write(&client, b"more"), Err(WriteError::ShutDown)));
    assert_eq!(client.status(), Status::Connected);
    assert_eq!(read(&accepted, 8).unwrap(), b"question");
    until("the end is noticed", || {
        accepted.poll(Instant::now).unwrap();
        accepted.is_read_closed().then_some(())
    });
    for _ in 0..3 {
        accepted.poll(Instant::now).unwrap();
        assert!(matches!(read(&accepted, 1), Err(ReadError::EndOfStream)));
        assert_eq!(accepted.status(), Status::Connected);
        assert_eq!(accepted.available(), Some(0));
    }
    accepted.write_fully(b"answer").unwrap();
    assert_eq!(read(&client, 6).unwrap(), b"answer");
    assert!(!client.is_read_closed());
    accepted.shut_down_writing().unwrap();
    assert_eq!(accepted.status(), Status::None);
    until_status(&client, Status::None).unwrap();
}

fn shutting_down_both_sides_ends_the_connection(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.shut_down_writing().unwrap();
    // Not half-open: the end is the end.
    until_status(&accepted, Status::None).unwrap();
    until_status(&client, Status::None).unwrap();
    assert!(matches!(
        client.shut_down_writing(),
        Err(WriteError::NotConnected)
    ));
}

/// Fills what the kernel takes, and returns how much that was.
fn fill(connection: &Connection, block: &[u8]) -> usize {
    let mut sent = 0;
    while connection.pending_bytes() == 0 {
        connection.write_fully(block).unwrap();
        sent += block.len();
    }
    sent
}

fn a_queue_takes_all_or_nothing_and_keeps_the_order(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_queue_limit(100_000);
    assert!(matches!(
        write(&client, &pattern(100_001)),
        Err(WriteError::TooLarge { .. })
    ));
    let block = pattern(1000);
    let mut sent = fill(&client, &block);
    while client.write_fully(&block).is_ok() {
        sent += block.len();
    }
    let pending = client.pending_bytes();
    assert!(pending > 99_000 && pending <= 100_000, "{pending}");
    assert!(matches!(
        write(&client, &block),
        Err(WriteError::Busy { limit: 100_000, .. })
    ));
    assert!(matches!(client.flush_queue(), Err(WriteError::Busy { .. })));
    assert_eq!(
        client.pending_bytes(),
        pending,
        "nothing of them was queued"
    );
    notices(&client);
    for _ in 0..sent / block.len() {
        let mut received = Vec::new();
        while received.len() < block.len() {
            client.poll(Instant::now).unwrap();
            received.extend(try_read(&accepted, block.len() - received.len()).unwrap());
        }
        assert!(received == block);
    }
    assert_eq!(client.pending_bytes(), 0);
    client.poll(Instant::now).unwrap();
    assert_eq!(notices(&client), [Event::Drained]);
    client.flush_queue().unwrap();
    assert_eq!(notices(&client), []);
}

fn data_is_queued_while_connecting(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    client.set_queue_limit(1000);
    assert!(matches!(
        write(&client, b"x"),
        Err(WriteError::NotConnected)
    ));
    start_connect(&client, &server.address).unwrap();
    client.write_fully(b"early ").unwrap();
    assert_eq!(client.try_write(b"bird").unwrap(), 4);
    until_status(&client, Status::Connected).unwrap();
    assert_eq!(read(&server.accept(), 10).unwrap(), b"early bird");
    assert_eq!(client.pending_bytes(), 0);
}

fn a_graceful_close_sends_the_queue(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_queue_limit(1 << 20);
    let block = pattern(10_000);
    let sent = fill(&client, &block);
    client.disconnect();
    assert_eq!(client.status(), Status::None);
    assert_eq!(client.pending_bytes(), 0);
    for _ in 0..sent / block.len() {
        assert!(read(&accepted, block.len()).unwrap() == block);
    }
    assert!(matches!(read(&accepted, 1), Err(ReadError::EndOfStream)));
}

fn coalesced_writes_go_out_together(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_coalesces(true);
    let flushes: [fn(&Connection); 2] = [
        |client| client.flush_queue().unwrap(),
        |client| assert!(!client.poll(Instant::now).unwrap()),
    ];
    client.write_fully(b"first").unwrap();
    assert_eq!(client.pending_bytes(), 5);
    client.poll(Instant::now).unwrap();
    assert_eq!(read(&accepted, 5).unwrap(), b"first");
    for flush in flushes {
        client.write_fully(b"one ").unwrap();
        assert_eq!(client.try_write(b"two ").unwrap(), 4);
        client.write_fully(b"three").unwrap();
        assert_eq!(client.pending_bytes(), 13);
        assert_eq!(accepted.available(), Some(0));
        flush(&client);
        assert_eq!(client.pending_bytes(), 0);
        assert_eq!(read(&accepted, 13).unwrap(), b"one two three");
    }
    client.write_fully(&pattern(16 * 1024)).unwrap();
    assert_eq!(client.pending_bytes(), 0, "so much is not held back");
    assert!(read(&accepted, 16 * 1024).unwrap() == pattern(16 * 1024));
    client.write_fully(b"last").unwrap();
    client.disconnect();
    assert_eq!(read(&accepted, 4).unwrap(), b"last");
    assert_eq!(notices(&client).len(), 5);
}

fn notices_tell_what_happened_in_order(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    assert!(!client.has_events());
    connect(&client, &server.address);
    assert!(client.has_events());
    assert_eq!(
        notices(&client),
        [
            Event::StatusChanged(Status::Connecting),
            Event::StatusChanged(Status::Connected),
            Event::ConnectFinished(ConnectEnd::Connected)
        ]
    );
    assert!(!client.has_events());
    assert!(start_connect(&client, &server.address).is_err());
    assert!(!client.has_events());
    let accepted = server.accept();
    client.disconnect();
    let ended = |cause| {
        [
            Event::StatusChanged(Status::None),
            Event::Disconnected(cause),
        ]
    };
    assert_eq!(notices(&client), ended(DisconnectCause::Local));
    client.disconnect();
    assert!(!client.has_events());
    assert!(!accepted.has_events(), "it was connected from the start");
    until_status(&accepted, Status::None).unwrap();
    assert_eq!(notices(&accepted), ended(DisconnectCause::EndOfStream));
}

#[test]
fn closing_with_unread_input_resets_nobody() {
    for leave in [Connection::disconnect as fn(&Connection), |_| {}] {
        let (client, mut peer) = connection_to_raw_peer();
        peer.write_all(&pattern(100_000)).unwrap();
        until_available(&client, 1);
        client.write_fully(b"last words").unwrap();
        leave(&client);
        drop(client);
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"last words");
    }
}

#[test]
fn abort_resets() {
    if !reports_resets("abort_resets") {
        return;
    }
    let (client, mut peer) = connection_to_raw_peer();
    client.abort();
    assert_eq!(client.status(), Status::None);
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_reset_ends_a_half_open_connection() {
    if !reports_resets("a_reset_ends_a_half_open_connection") {
        return;
    }
    let (client, peer) = connection_to_raw_peer();
    client.set_allow_half_open(true);
    peer.shutdown(Shutdown::Write).unwrap();
    until("the end is noticed", || {
        client.poll(Instant::now).unwrap();
        client.is_read_closed().then_some(())
    });
    reset(peer);
    until_status(&client, Status::Error).unwrap_err();
}

#[test]
fn a_failed_flush_of_a_poll_is_an_error() {
    let (client, peer) = connection_to_raw_peer();
    client.set_queue_limit(1 << 20);
    fill(&client, &pattern(100_000));
    reset(peer);
    until("the connection ends", || {
        let _ = client.poll(Instant::now);
        (client.status() != Status::Connected).then_some(())
    });
    assert_eq!(client.pending_bytes(), 0);
}

#[test]
fn options_hold_for_connections_to_come_and_for_the_one_there_is() {
    const NAME: &str = "options_hold_for_connections_to_come_and_for_the_one_there_is";
    if !counts_keep_alive(NAME) {
        return;
    }
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    for _ in 0..2 {
        client
            .set_options("set everything", |options| {
                options.no_delay = !options.no_delay;
                options.keep_alive = Some(stream_socket::KeepAlive {
                    idle: Duration::from_secs(60),
                    interval: Duration::from_secs(10),
                    count: 5,
                });
                if cfg!(target_os = "linux") {
                    options.user_timeout = Some(Duration::from_secs(20));
                }
                options.send_buffer_size = Some(100_000);
                options.receive_buffer_size = Some(100_000);
            })
            .unwrap();
        if client.status() == Status::None {
            connect(&client, &server.address);
        }
    }
    assert!(!client.options().no_delay);
    client.write_fully(b"x").unwrap();
    assert_eq!(read(&server.accept(), 1).unwrap(), b"x");
    if !has_unix_sockets(NAME) {
        return;
    }
    // A Unix domain socket ignores what only TCP has.
    let server = Server::new(AddressFamily::Unix);
    client.disconnect();
    connect(&client, &server.address);
}

/// What a platform does not have is refused, and makes no later connect fail.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[test]
fn an_option_that_is_not_there_is_refused() {
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    let error = client
        .set_options("set", |options| {
            options.user_timeout = Some(Duration::from_secs(20))
        })
        .unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::Unsupported);
    assert_eq!(client.options(), Default::default());
    connect(&client, &server.address);
}

#[cfg(unix)]
#[test]
fn a_pair_is_connected() {
    let (one, other) = Connection::pair().unwrap();
    one.write_fully(b"x").unwrap();
    assert_eq!(read(&other, 1).unwrap(), b"x");
    let credentials = one.peer_credentials().unwrap();
    assert_eq!(credentials.pid, i64::from(std::process::id()));
}

#[test]
#[cfg(target_os = "linux")]
fn abstract_names_make_no_file() {
    let name = unique_abstract_name();
    let listener = stream_socket::Listener::new();
    let address = stream_socket::BindAddress::Unix(name.clone());
    listener.listen(&address, ListenOptions::new(8)).unwrap();
    let again = stream_socket::Listener::new().listen(&address, ListenOptions::new(8));
    assert!(again.is_err(), "it is taken");
    assert!(!name.exists());
    let client = connected(&stream_socket::Address::Unix(name));
    let accepted = listener.accept().unwrap().expect("it waits");
    client.write_fully(b"x").unwrap();
    assert_eq!(read(&accepted, 1).unwrap(), b"x");
}

#[test]
#[cfg(unix)]
fn a_socket_file_gets_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let listener = stream_socket::Listener::new();
    let address = stream_socket::BindAddress::Unix(path.clone());
    listener
        .listen(&address, ListenOptions::new(8).with_mode(0o600))
        .unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_connect_without_a_limit_takes_as_long_as_it_takes() {
    let client = Connection::new();
    let address = refusing_address();
    client
        .connect(Target::Address(address), None, Instant::now())
        .unwrap();
    until_status(&client, Status::Error).unwrap_err();
}
