//! Idle connections share their probes of the kernel. A poll still sees everything sent before it.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use stream_socket::{Connection, Status};

use crate::support::*;

for_each_family!(
    idle_connections_are_watched,
    data_sent_before_a_round_of_polls_is_seen_by_it,
    data_of_another_thread_is_seen_by_the_next_poll,
    an_end_is_seen,
    an_end_with_the_last_data_is_seen,
    an_end_after_a_short_read_is_seen,
    a_reset_is_seen,
    no_order_of_calls_loses_or_invents_a_byte,
    an_idle_connection_can_connect_again,
);

/// How many pairs are polled in a round.
const PAIRS: usize = 40;

fn pairs(family: AddressFamily, count: usize) -> Vec<(Connection, Connection)> {
    let server = Server::new(family);
    let pair = |_| {
        let client = connected(&server.address);
        (client, server.accept())
    };
    let pairs: Vec<_> = (0..count).map(pair).collect();
    pairs.iter().for_each(|(client, _)| make_idle(client));
    pairs
}

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

/// Polls until there is something to read. Over a Unix domain socket data arrives at once
/// (unix(7)), over TCP after a while.
fn until_seen(family: AddressFamily, connection: &Connection) {
    if family == AddressFamily::Unix {
        assert!(poll(connection), "the data was sent before");
    } else {
        until("the data that was sent", || poll(connection).then_some(()));
    }
}

/// A pseudo-random number (Knuth's linear congruential generator).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

fn idle_connections_are_watched(family: AddressFamily) {
    let pairs = pairs(family, PAIRS);
    #[cfg(target_os = "linux")]
    if is_watching() {
        // Other tests of this program watch connections too.
        assert!(watched_sockets() >= PAIRS);
    }
    drop(pairs);
}

fn data_sent_before_a_round_of_polls_is_seen_by_it(family: AddressFamily) {
    let pairs = pairs(family, PAIRS);
    let mut random = Random(1);
    for round in 0..300 {
        let busy: Vec<bool> = pairs.iter().map(|_| random.below(4) == 0).collect();
        // In every other round everything is sent before the polls, otherwise between them.
        let sends_first = round % 2 == 0;
        let send = |index: usize| {
            if busy[index] {
                pairs[index].1.write_fully(b"x").unwrap();
            }
        };
        if sends_first {
            (0..PAIRS).for_each(send);
        }
        for (index, (client, _)) in pairs.iter().enumerate() {
            if !sends_first {
                send(index);
            }
            if busy[index] {
                until_seen(family, client);
                assert_eq!(client.available(), Some(1));
                assert_eq!(read(client, 1).unwrap(), b"x");
            } else {
                assert!(!poll(client), "nothing was sent");
                assert_eq!(client.available(), Some(0));
            }
        }
    }
}

fn data_of_another_thread_is_seen_by_the_next_poll(family: AddressFamily) {
    const THREADS: usize = 3;
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (clients, servers): (Vec<_>, Vec<_>) = pairs(family, PAIRS).into_iter().unzip();
            let (announce, announced) = mpsc::channel();
            scope.spawn(move || {
                let mut random = Random(seed as u64);
                for _ in 0..1000 {
                    let index = random.below(PAIRS);
                    servers[index].write_fully(b"x").unwrap();
                    announce.send(index).unwrap();
                }
                // Keeps the connections open until the other end has read everything.
                servers
            });
            scope.spawn(move || {
                let mut read_bytes = [0; PAIRS];
                let mut sent = [0; PAIRS];
                for index in announced {
                    sent[index] += 1;
                    // More may have arrived than was announced.
                    while read_bytes[index] < sent[index] {
                        until_seen(family, &clients[index]);
                        read_bytes[index] += try_read(&clients[index], 64).unwrap().len();
                    }
                    for client in &clients {
                        poll(client);
                    }
                }
            });
        }
    });
}

fn an_end_is_seen(family: AddressFamily) {
    for (client, server) in pairs(family, 3) {
        server.disconnect();
        until_status(&client, Status::None).unwrap();
    }
}

fn an_end_with_the_last_data_is_seen(family: AddressFamily) {
    for (client, server) in pairs(family, 3) {
        server.write_fully(b"last").unwrap();
        server.disconnect();
        until_available(&client, 4);
        assert_eq!(read(&client, 4).unwrap(), b"last");
        until_status(&client, Status::None).unwrap();
    }
}

fn an_end_after_a_short_read_is_seen(family: AddressFamily) {
    for (client, server) in pairs(family, 3) {
        server.write_fully(b"some").unwrap();
        until_seen(family, &client);
        assert_eq!(read(&client, 4).unwrap(), b"some");
        assert!(!poll(&client));
        server.disconnect();
        until_status(&client, Status::None).unwrap();
    }
}

fn a_reset_is_seen(family: AddressFamily) {
    if !reports_resets("a_reset_is_seen") {
        return;
    }
    for (client, server) in pairs(family, 3) {
        server.abort();
        let outcome = until("the reset", || {
            let outcome = client.poll(Instant::now);
            (client.status() != Status::Connected).then_some(outcome)
        });
        assert_eq!(outcome.is_err(), family != AddressFamily::Unix);
    }
}

/// Random calls on a few connections, compared with what was sent. Over a Unix domain socket the
/// answers are exact.
fn no_order_of_calls_loses_or_invents_a_byte(family: AddressFamily) {
    let pairs = pairs(family, 4);
    let mut random = Random(7);
    let mut sent = [0; 4];
    let mut received = [0; 4];
    let stream = pattern(1 << 20);
    let is_exact = family == AddressFamily::Unix;
    for _ in 0..20_000 {
        let index = random.below(4);
        let (client, server) = &pairs[index];
        let unread = sent[index] - received[index];
        let check = |bytes: &[u8], from: usize| {
            assert_eq!(bytes, &stream[from..from + bytes.len()]);
        };
        match random.below(6) {
            0 => {
                // Any family accepts this much at once.
                let room = 60_000 - unread.min(60_000);
                let max = [1, 10, 9000][random.below(3)].min(room);
                let count = random.below(max + 1);
                let count = count.min(stream.len() - sent[index]);
                server
                    .write_fully(&stream[sent[index]..sent[index] + count])
                    .unwrap();
                sent[index] += count;
            }
            1 | 2 => {
                let has_unread = poll(client);
                assert!(has_unread == (unread > 0) || !is_exact && !has_unread);
            }
            3 => {
                let available = client.available().unwrap();
                assert!(available == unread || !is_exact && available < unread);
            }
            4 => {
                let bytes = try_read(client, 1 + random.below(20_000)).unwrap();
                assert!(!is_exact || unread == 0 || !bytes.is_empty());
                check(&bytes, received[index]);
                received[index] += bytes.len();
            }
            _ => {
                let count = random.below(unread.min(5000) + 1);
                check(&read(client, count).unwrap(), received[index]);
                received[index] += count;
            }
        }
    }
    assert!(
        sent.iter().all(|&sent| sent > 100_000),
        "too few bytes were sent"
    );
    for (index, (client, server)) in pairs.iter().enumerate() {
        let rest = read(client, sent[index] - received[index]).unwrap();
        assert_eq!(rest, stream[received[index]..sent[index]]);
        server.disconnect();
        until_status(client, Status::None).unwrap();
    }
}

fn an_idle_connection_can_connect_again(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    for message in [b"1", b"2", b"3"] {
        connect(&client, &server.address);
        let accepted = server.accept();
        make_idle(&client);
        accepted.write_fully(message).unwrap();
        until_seen(family, &client);
        assert_eq!(read(&client, 1).unwrap(), message);
        client.disconnect();
    }
}
