//! A group of connections and a listener, while other threads connect, send, close and wake the
//! group. No poll waits for something that has happened already: that would be a deadlock, which
//! the simulation reports.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use stream_socket::simulated::control as world;
use stream_socket::{Address, Connection, Group, Listener, Status, Target, Visit};

use super::exchange::listen;
use super::library::PATIENT;
use super::simulated::Simulated;
use super::system::{Random, System};
use super::trace::{note, step};

/// What the threads share.
struct Shared {
    group: Group,
    /// How many polls of the group have returned.
    polled: AtomicUsize,
    is_over: AtomicBool,
}

/// Plays the program.
pub fn run(mut random: Random) {
    let (listener, address) = listen::<Simulated>(random.once_in(2), &mut random);
    let shared = Arc::new(Shared {
        group: Group::new(),
        polled: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let clients = random.size(6);
    let mut threads = Vec::new();
    let mut expected = 0;
    for _ in 0..clients {
        let mut own = Random::new(random.number());
        let total = random.size(world::buffer_size() * 4);
        expected += total;
        let address = address.clone();
        threads.push(world::spawn(move || send(&address, total, &mut own)));
    }
    let wakers = random.below(3);
    for _ in 0..wakers {
        let mut own = Random::new(random.number());
        let shared = shared.clone();
        threads.push(world::spawn(move || wake(&shared, &mut own)));
    }
    let received = poll(&shared, &listener, clients, &mut random);
    assert_eq!(received, expected, "not all that was sent has arrived");
    // The threads that wake the group wait for a poll after each wake-up. No more polls follow.
    shared.is_over.store(true, Ordering::SeqCst);
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

/// Connects, sends `total` bytes and disconnects.
fn send(address: &Address, total: usize, random: &mut Random) {
    let client = Connection::new();
    client.set_write_timeout(Some(PATIENT));
    client.set_queue_limit(random.choose(&[0, 1 << 20]));
    client
        .connect(Target::Address(address.clone()), None, world::now())
        .expect("the listener listens");
    while client.status() == Status::Connecting {
        client.poll(world::now).expect("the listener listens");
        world::sleep(Duration::from_micros(random.choose(&[1, 100])));
    }
    let mut sent = 0;
    while sent < total {
        step();
        let size = random.size(4096).min(total - sent);
        client
            .write_fully(&vec![7; size])
            .expect("the other end reads");
        sent += size;
        if random.once_in(4) {
            world::sleep(Simulated::patience(random));
        }
    }
    client.disconnect();
}

/// Wakes the group, and waits until a poll has returned.
fn wake(shared: &Shared, random: &mut Random) {
    for _ in 0..random.size(20) {
        step();
        let before = shared.polled.load(Ordering::SeqCst);
        shared.group.wake();
        while shared.polled.load(Ordering::SeqCst) == before
            && !shared.is_over.load(Ordering::SeqCst)
        {
            world::sleep(Duration::from_micros(random.choose(&[1, 10, 100])));
        }
    }
}

/// Polls the group until all `clients` have connected and closed. Returns how many bytes they have
/// sent.
fn poll(shared: &Shared, listener: &Listener, clients: usize, random: &mut Random) -> usize {
    let group = &shared.group;
    let listening = group.add(listener);
    let mut members: BTreeMap<usize, Connection> = BTreeMap::new();
    let (mut received, mut accepted, mut closed) = (0, 0, 0);
    while closed < clients {
        step();
        let limit = match random.below(4) {
            0 => Some(Duration::ZERO),
            1 => Some(Simulated::patience(random)),
            _ => None,
        };
        group.poll(limit, |key| {
            step();
            if key == listening {
                return match listener.accept() {
                    Ok(Some(server)) => {
                        server.set_allow_half_open(random.once_in(2));
                        let key = group.add(&server);
                        note(|| format!("{key} is accepted"));
                        members.insert(key, server);
                        accepted += 1;
                        Visit::Ready
                    }
                    Ok(None) => Visit::Idle,
                    Err(_) => Visit::Pending,
                };
            }
            let Some(member) = members.get(&key) else {
                return Visit::Idle;
            };
            let _ = member.available();
            let has_data = member.poll(world::now).expect("the connection is open");
            let mut out = vec![MaybeUninit::uninit(); random.size(world::buffer_size() * 2)];
            let outcome = member.try_read(&mut out);
            note(|| format!("{key} reads: {outcome:?}"));
            match outcome {
                Ok(0) => {
                    assert!(
                        !has_data,
                        "{key}: a poll has reported data that is not there"
                    );
                    Visit::Idle
                }
                Ok(count) => {
                    received += count;
                    Visit::Ready
                }
                Err(_) => {
                    if let Some(member) = members.remove(&key) {
                        group.remove(key, &member);
                    }
                    closed += 1;
                    Visit::Ready
                }
            }
        });
        shared.polled.fetch_add(1, Ordering::SeqCst);
        // A member that is removed and added again gets a new key, and its unread data is reported.
        if random.once_in(8)
            && let Some((key, member)) = members.pop_first()
        {
            group.remove(key, &member);
            let key = group.add(&member);
            members.insert(key, member);
        }
    }
    assert_eq!(accepted, clients);
    group.remove(listening, listener);
    received
}
