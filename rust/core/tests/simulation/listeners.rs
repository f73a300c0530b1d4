//! Programs in which a listener accepts, stops, and listens again, while descriptors are missing
//! now and then.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::time::Duration;

use stream_socket::simulated::control::{self as world, Fault, RawSocket};
use stream_socket::{
    Address, BindAddress, Connection, Group, ListenError, ListenOptions, Listener, Visit,
};

use super::simulated::connect_raw;
use super::system::Random;
use super::trace::{note, step};

/// Plays the program.
pub fn run(mut random: Random) {
    let listener = Listener::new();
    let group = Group::new();
    let key = group.add(&listener);
    for round in 0..random.size(4) {
        let is_unix = random.once_in(2);
        let (bind, backlog) = (bind_address(is_unix), random.size(8) as i32);
        note(|| format!("round {round} at {bind} with a backlog of {backlog}"));
        listener
            .listen(
                &bind,
                ListenOptions::new(backlog).with_mode(random.choose(&[None, Some(0o600)])),
            )
            .expect("the address is free");
        assert!(matches!(
            listener.listen(&bind, ListenOptions::new(5)),
            Err(ListenError::AlreadyListening { .. })
        ));
        let address = match bind {
            BindAddress::Unix(path) => Address::Unix(path),
            _ => Address::Inet(([127, 0, 0, 1], listener.local_port()).into()),
        };
        let mut round = Round {
            listener: &listener,
            group: &group,
            key,
            address,
            backlog: backlog as usize,
            waiting: VecDeque::new(),
            next: 0,
        };
        for _ in 0..random.size(60) {
            step();
            round.act(&mut random);
        }
        round.stop();
    }
    group.remove(key, &listener);
}

fn bind_address(is_unix: bool) -> BindAddress {
    if is_unix {
        BindAddress::Unix("/run/listener".into())
    } else {
        BindAddress::Inet(([127, 0, 0, 1], 0).into())
    }
}

/// One round, from a listen to the stop.
struct Round<'a> {
    listener: &'a Listener,
    group: &'a Group,
    key: usize,
    address: Address,
    backlog: usize,
    /// The clients that were not accepted yet, each with the number that it has sent.
    waiting: VecDeque<(RawSocket, u8)>,
    next: u8,
}

impl Round<'_> {
    fn act(&mut self, random: &mut Random) {
        match random.below(8) {
            0..=2 if self.waiting.len() <= self.backlog => self.connect(random),
            3 => {
                let fault = random.choose(&[Fault::NoDescriptor, Fault::NoMemory]);
                world::set_fault(fault, random.choose(&[0, 0, 2, 10]));
            }
            4 => self.check_available(),
            5 => {
                // An empty send has no effect on a client that waits.
                if let Some((client, _)) = self.waiting.front() {
                    let _ = client.send(&[]);
                }
            }
            _ => self.accept(),
        }
    }

    fn connect(&mut self, random: &mut Random) {
        let client = connect_raw(&self.address).expect("there is room");
        let _ = client.send(&[self.next]);
        note(|| format!("{} connects", self.next));
        self.waiting.push_back((client, self.next));
        self.next = self.next.wrapping_add(1);
        if random.once_in(2) {
            let mut is_notified = false;
            self.group.poll(Some(Duration::ZERO), |key| {
                is_notified |= key == self.key;
                Visit::Idle
            });
            assert!(is_notified, "the group has not reported a new client");
        }
    }

    fn check_available(&mut self) {
        match self.listener.is_connection_available() {
            Ok(is_available) => assert_eq!(is_available, !self.waiting.is_empty()),
            Err(error) => assert!(is_short(&error), "{error}"),
        }
    }

    fn accept(&mut self) {
        match self.listener.accept() {
            Ok(None) => assert!(self.waiting.is_empty(), "a client waits"),
            Ok(Some(server)) => {
                let (client, number) = self.waiting.pop_front().expect("a client waits");
                note(|| format!("{number} is accepted"));
                assert_eq!(read_byte(&server), number, "clients are accepted in order");
                drop(client);
            }
            Err(error) => assert!(is_short(&error), "{error}"),
        }
    }

    /// Stops the listener. The clients that wait see their connections end.
    fn stop(&mut self) {
        world::clear_faults();
        self.listener.stop();
        note(|| "it stops".into());
        for (client, number) in self.waiting.drain(..) {
            loop {
                step();
                match client.receive(16) {
                    Ok(bytes) if bytes.is_empty() => break,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        client.wait_readable(Duration::from_secs(10));
                    }
                    Ok(bytes) => panic!("{number} has received {bytes:?}"),
                    Err(_) => break,
                }
            }
        }
        connect_raw(&self.address).expect_err("no listener is left");
    }
}

fn is_short(error: &stream_socket::AcceptError) -> bool {
    matches!(
        error.source.raw_os_error(),
        Some(libc::EMFILE | libc::ENOMEM)
    )
}

fn read_byte(server: &Connection) -> u8 {
    let mut out = [MaybeUninit::new(0)];
    server.read_fully(&mut out).expect("a byte was sent");
    super::library_reads::initialised(&out)[0]
}
