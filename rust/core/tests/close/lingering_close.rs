//! The unsent data of a closed connection is sent in the background, within a time limit, and no
//! call waits for it.

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::Socket;
use stream_socket::{Connection, Options};

use crate::support::*;

for_each_family!(
    a_peer_that_keeps_sending_receives_everything,
    a_peer_that_sends_first_and_reads_later_receives_everything,
    a_peer_that_keeps_sending_receives_everything_from_a_half_open_connection,
    stalled_lingering_closes_delay_no_other,
    a_lingering_close_within_the_time_of_its_linger_is_whole,
    closing_does_not_wait_for_the_peer,
    a_time_limit_beyond_the_range_of_the_clock_works,
);

fn linger(connection: &Connection, time: Duration) {
    connection
        .set_options(|options| options.linger = Some(time))
        .unwrap();
}

/// Reads from `peer` to the end while another thread sends there without a pause. Returns what was
/// read, and how the sending ended.
fn read_while_sending(
    peer: &Socket,
    before: impl FnOnce(),
) -> ((Vec<u8>, std::io::Result<()>), std::io::Result<()>) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut peer = peer;
            let block = pattern(64 << 10);
            while !is_over.load(Ordering::Relaxed) {
                peer.write_all(&block)?;
            }
            Ok(())
        });
        before();
        let received = read_to_end(peer);
        is_over.store(true, Ordering::Relaxed);
        (received, sender.join().unwrap())
    })
}

fn a_peer_that_keeps_sending_receives_everything(family: AddressFamily) {
    let data = pattern(MUCH);
    // By dropping the object, and by a disconnect.
    for leave in [drop as fn(Connection), |connection| connection.disconnect()] {
        let (connection, peer) = queued(family, &data);
        let (received, sent) = read_while_sending(&peer, || {
            until_available(&connection, 1);
            leave(connection);
        });
        assert_whole(received, &data);
        sent.expect("the data that the peer sends is discarded");
    }
}

/// When the connection is closed, more is unread than can be discarded at once.
fn a_peer_that_sends_first_and_reads_later_receives_everything(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    let data = pattern(200_000);
    connection.try_write(&data[..100]).unwrap();
    thread::scope(|scope| {
        let sender = scope.spawn(|| peer.write_all(&pattern(MUCH)));
        until_available(&connection, 100_000);
        connection.disconnect();
        sender
            .join()
            .unwrap()
            .expect("the data that the peer sends is discarded");
    });
    assert_whole(read_to_end(&peer), &data[..100]);
}

/// This side ends its stream last. The peer continues to send for a while.
fn a_peer_that_keeps_sending_receives_everything_from_a_half_open_connection(
    family: AddressFamily,
) {
    let data = pattern(MUCH);
    let (connection, peer) = queued(family, &data);
    let (received, sent) = read_while_sending(&peer, || {
        connection.shut_down_writing().unwrap();
        connection.disconnect();
    });
    assert_whole(received, &data);
    sent.expect("the data that the peer sends is discarded");
}

fn stalled_lingering_closes_delay_no_other(family: AddressFamily) {
    let data = pattern(MUCH);
    let stalled: Vec<Socket> = (0..20)
        .map(|_| {
            let (connection, peer) = queued(family, &data);
            connection.disconnect();
            peer
        })
        .collect();
    for _ in 0..3 {
        let (connection, peer) = queued(family, &data);
        connection.disconnect();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_whole(read_to_end(&peer), &data);
    }
    // A stalled peer that begins to read gets everything too.
    assert_whole(read_to_end(&stalled[10]), &data);
    // The other peers are dropped, and their unsent data with them.
}

/// Data that is unsent at the deadline is lost. A clean end would hide the loss.
#[test]
fn a_lingering_close_that_runs_out_of_time_ends_in_a_reset() {
    let limits: [fn(&Connection); 2] = [
        |connection| connection.set_write_timeout(Some(Duration::from_millis(200))),
        |connection| linger(connection, Duration::from_millis(200)),
    ];
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        for set_limit in limits {
            let (connection, peer) = queued(family, &pattern(MUCH));
            set_limit(&connection);
            let start = Instant::now();
            connection.disconnect();
            let is_over = is_hung_up(&peer, PATIENCE);
            let time = start.elapsed();
            let (received, outcome) = read_to_end(&peer);
            assert!(
                is_over,
                "still open after {} bytes: {outcome:?}",
                received.len()
            );
            let error = outcome.expect_err("a part was not sent");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert!(received.len() < MUCH);
            assert!(time >= Duration::from_millis(150), "{time:?}");
        }
    }
}

/// The time limit covers the whole lingering close: a peer that reads a byte now and then does not
/// extend it.
#[test]
fn a_slow_reader_does_not_prolong_a_lingering_close() {
    let (connection, mut peer) = queued(AddressFamily::Ipv4, &pattern(MUCH));
    connection.set_write_timeout(Some(Duration::from_millis(300)));
    connection.disconnect();
    let mut one = [0];
    let end = Instant::now() + PATIENCE;
    while !is_hung_up(&peer, Duration::from_millis(1)) {
        assert!(Instant::now() < end, "the lingering close takes too long");
        peer.read_exact(&mut one).unwrap();
    }
    let (_, outcome) = read_to_end(&peer);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_linger_of_zero_resets() {
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        let (connection, peer) = queued(family, &pattern(MUCH));
        linger(&connection, Duration::ZERO);
        connection.disconnect();
        assert!(is_hung_up(&peer, PATIENCE));
        let (received, outcome) = read_to_end(&peer);
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert!(received.len() < MUCH);
    }
}

/// Fractions of a second count. Rounded to zero they would mean a reset.
fn a_lingering_close_within_the_time_of_its_linger_is_whole(family: AddressFamily) {
    let data = pattern(MUCH);
    // A busy machine may need longer for much data.
    let short = Duration::from_millis(900);
    for (length, time) in [(100, short), (100_000, short), (MUCH, PATIENCE + short)] {
        // A thread may be held up for longer, so one of several rounds has to succeed.
        let is_whole = (0..30).any(|_| {
            let (connection, peer) = raw_peer(family);
            connection.set_queue_limit(2 * MUCH);
            linger(&connection, time);
            connection.write_fully(&data[..length]).unwrap();
            connection.disconnect();
            let (received, end) = read_to_end(&peer);
            assert_eq!(same_bytes(&received, &data), received.len());
            end.is_ok() && received.len() == length
        });
        assert!(is_whole, "{length} bytes");
    }
}

fn closing_does_not_wait_for_the_peer(family: AddressFamily) {
    let data = pattern(MUCH);
    for leave in [drop as fn(Connection), |connection| connection.disconnect()] {
        let (connection, peer) = raw_peer(family);
        linger(&connection, PATIENCE * 2);
        // The system accepts a part, and nothing is queued.
        assert!(connection.try_write(&data).unwrap() < MUCH);
        let start = Instant::now();
        leave(connection);
        let time = start.elapsed();
        assert!(time < PATIENCE, "closing took {time:?}");
        let (received, outcome) = read_to_end(&peer);
        outcome.unwrap();
        assert_eq!(same_bytes(&received, &data), received.len());
    }
}

/// Once the peer has received everything, a lingering close waits only briefly for a peer that
/// sends nothing.
#[test]
fn a_silent_peer_keeps_no_descriptor() {
    let (connection, peer) = queued(AddressFamily::Ipv4, &pattern(MUCH));
    let stream = stream_of(&connection);
    assert_eq!(stream.descriptors().len(), 1);
    connection.disconnect();
    assert_whole(read_to_end(&peer), &pattern(MUCH));
    until("the end of the lingering close", || {
        stream.descriptors().is_empty().then_some(())
    });
}

/// The descriptor is closed as soon as both directions have ended.
#[test]
fn a_lingering_close_ends_with_the_peers_end() {
    // A thread may be held up for long, so one of several rounds has to be shorter than the silence
    // that ends a lingering close.
    let is_prompt = (0..5).any(|_| {
        let (connection, peer) = queued(AddressFamily::Ipv4, &pattern(MUCH));
        let stream = stream_of(&connection);
        connection.disconnect();
        let count = stream.descriptors().len();
        assert_eq!(count, 1, "the descriptor is open meanwhile");
        assert_whole(read_to_end(&peer), &pattern(MUCH));
        let start = Instant::now();
        drop(peer);
        until("the end of the lingering close", || {
            stream.descriptors().is_empty().then_some(())
        });
        start.elapsed() < Duration::from_secs(4)
    });
    assert!(is_prompt);
}

/// If the socket were closed, data from the peer would be answered with a reset, which destroys
/// data that the peer's system has not yet acknowledged. So silence does not end a lingering close
/// with unacknowledged data.
#[test]
#[cfg(target_os = "linux")]
fn silence_does_not_end_a_close_with_unacknowledged_data() {
    let (connection, mut peer) = raw_peer(AddressFamily::Ipv4);
    // More than the peer's system accepts unread, and less than this side's buffer.
    let data = pattern(2 << 20);
    connection
        .set_options(|options| {
            options.send_buffer_size = Some(4 << 20);
        })
        .unwrap();
    peer.set_recv_buffer_size(64 << 10).unwrap();
    connection.set_queue_limit(data.len());
    connection.write_fully(&data).unwrap();
    connection.disconnect();
    // Longer than the silence that ends a lingering close.
    thread::sleep(Duration::from_secs(6));
    // A closed socket would answer with a reset.
    peer.write_all(b"still here").unwrap();
    thread::sleep(Duration::from_millis(100));
    assert_whole(read_to_end(&peer), &data);
}

/// The queue is sent, whatever the limit.
fn a_time_limit_beyond_the_range_of_the_clock_works(family: AddressFamily) {
    let limit: [fn(&Connection); 2] = [
        |connection| connection.set_write_timeout(Some(Duration::MAX)),
        |connection| {
            let lingers = |options: &mut Options| options.linger = Some(Duration::MAX);
            connection.set_options(lingers).unwrap();
        },
    ];
    for limit in limit {
        let (connection, peer) = raw_peer(family);
        connection.set_queue_limit(MUCH);
        limit(&connection);
        connection.write_fully(&pattern(MUCH)).unwrap();
        connection.disconnect();
        assert_whole(read_to_end(&peer), &pattern(MUCH));
    }
}
