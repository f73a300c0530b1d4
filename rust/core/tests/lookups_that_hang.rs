//! Lookups that hang hold up nobody, however many there are: those whose askers are gone do not count, and there is a bound
//! for all. One test in a program of its own: lookups share their threads.
#![cfg(target_os = "linux")]

#[path = "support/hanging_resolver.rs"]
mod hanging_resolver;
mod support;

use std::time::{Duration, Instant};

use hanging_resolver::*;
use stream_socket::{ConnectError, Connection, PollError, Status, Target};
use support::*;

/// How a connect to a name that does not hang ends, within a few seconds.
fn outcome(port: u16) -> Result<(), PollError> {
    let client = ask("127.0.0.1", port);
    let end = Instant::now() + Duration::from_secs(3);
    loop {
        client.poll(Instant::now)?;
        if client.status() == Status::Connected {
            return Ok(());
        }
        assert!(Instant::now() < end, "held up by {} that hang", waiting());
        std::thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn lookups_whose_askers_are_gone_hold_up_nobody() {
    let server = Server::new(AddressFamily::Ipv4);
    let stream_socket::Address::Inet(address) = server.address else {
        unreachable!()
    };
    let port = address.port();
    // By the end of the object, by a disconnect, and by a time limit: always as many as may be asked at once.
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
        let clients: Vec<_> = (0..16).map(|_| ask("gone.hangs", port)).collect();
        let asked = 16 * (round + 1);
        let end = Instant::now() + Duration::from_secs(3);
        while waiting() < asked {
            assert!(
                Instant::now() < end,
                "{} of {asked} were asked: those gone count",
                waiting()
            );
            std::thread::yield_now();
        }
        clients.into_iter().for_each(leave);
        outcome(port).unwrap();
    }

    // They are not without bound, and whoever is refused for that is told so.
    let mut refusal = None;
    for _ in 0..1000 {
        let before = waiting();
        let client = ask("gone.hangs", port);
        let end = Instant::now() + Duration::from_secs(3);
        while waiting() == before && refusal.is_none() {
            refusal = client.poll(Instant::now).err();
            assert!(
                Instant::now() < end,
                "neither asked nor refused behind {before}"
            );
            std::thread::yield_now();
        }
        if refusal.is_some() {
            assert_eq!(client.status(), Status::Error);
            break;
        }
    }
    let refusal = refusal.expect("a refusal");
    let reached = waiting();
    assert!((100..=300).contains(&reached), "{reached} hang");
    let PollError::Connect(refused) = &refusal else {
        panic!("{refusal}");
    };
    let ConnectError::Resolve { host, source } = &**refused else {
        panic!("{refusal}")
    };
    assert_eq!(host, "gone.hangs");
    assert!(!source.to_string().is_empty());

    // Once they have their answers all is as it was.
    RESOLVER.lock().unwrap().1 = true;
    RELEASED.notify_all();
    until("their answers", || (waiting() == 0).then_some(()));
    let again = || outcome(port).ok();
    until("lookups are possible again", again);
}
