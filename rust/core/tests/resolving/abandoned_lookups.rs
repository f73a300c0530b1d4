//! Lookups that hang block no other lookup: one that no connection waits for does not count, and
//! there is a bound for all.

use std::time::{Duration, Instant};

use stream_socket::{ConnectError, Connection, PollError, Status, Target};

use super::resolver::*;
use crate::support::*;

/// How a connect to a name that does not hang ends. It takes a few seconds at most.
fn outcome(port: u16) -> Result<(), PollError> {
    let client = connect_to_name("127.0.0.1", port);
    let end = Instant::now() + PATIENCE;
    loop {
        client.poll(Instant::now)?;
        if client.status() == Status::Connected {
            return Ok(());
        }
        assert!(
            Instant::now() < end,
            "blocked by {} lookups that hang",
            hanging()
        );
        std::thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn abandoned_lookups_block_no_other_lookup() {
    let _only = only_lookups();
    let server = Server::new(AddressFamily::Ipv4);
    let port = server.listener.local_port();
    // Abandoned by a drop, by a disconnect and by a timeout: each time as many as run at once.
    let leaves: [fn(Connection); 3] = [
        drop,
        |client| client.disconnect(),
        |client| {
            client.disconnect();
            let host = "late.hangs".to_owned();
            let (start, limit) = (Instant::now(), Duration::from_secs(1));
            let target = Target::Name { host, port: 1 };
            client.connect(target, Some(limit), start).unwrap();
            poll_in_frames(&client, start, start + 2 * limit).unwrap_err();
        },
    ];
    for (round, leave) in leaves.into_iter().enumerate() {
        let clients: Vec<_> = (0..16)
            .map(|_| connect_to_name("gone.hangs", port))
            .collect();
        let expected = 16 * (round + 1);
        let end = Instant::now() + PATIENCE;
        while hanging() < expected {
            assert!(
                Instant::now() < end,
                "{} of {expected} lookups have begun: abandoned ones count",
                hanging()
            );
            std::thread::yield_now();
        }
        clients.into_iter().for_each(leave);
        outcome(port).unwrap();
    }

    // Their number is bounded, and a connect beyond the bound reports an error.
    let mut refusal = None;
    for _ in 0..1000 {
        let before = hanging();
        let client = connect_to_name("gone.hangs", port);
        let end = Instant::now() + PATIENCE;
        while hanging() == before && refusal.is_none() {
            refusal = client.poll(Instant::now).err();
            assert!(
                Instant::now() < end,
                "neither looked up nor refused after {before} lookups"
            );
            std::thread::yield_now();
        }
        if refusal.is_some() {
            assert_eq!(client.status(), Status::Error);
            break;
        }
    }
    let refusal = refusal.expect("a refusal");
    let reached = hanging();
    assert!((100..=300).contains(&reached), "{reached} lookups hang");
    let PollError::Connect(refused) = &refusal else {
        panic!("{refusal}");
    };
    let ConnectError::Resolve { host, source } = &**refused else {
        panic!("{refusal}")
    };
    assert_eq!(host, "gone.hangs");
    assert!(!source.to_string().is_empty());

    // Once they are answered, lookups work as before.
    release();
    until_none_hangs();
    let again = || outcome(port).ok();
    until("lookups are possible again", again);
}
