//! Idle connections that use shared polls. The first poll after a send by the library reports the
//! data, and no poll reports data that is not there.

use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stream_socket::simulated::control::{self as world, RawSocket};
use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status};

use super::simulated::connect_raw;
use super::system::Random;
use super::trace::{note, step};

/// A connection, and how many unread bytes each of its ends has.
struct Pair {
    ends: Vec<Connection>,
    waiting: [usize; 2],
    /// The second end, if it does not use the library.
    raw: Option<RawSocket>,
}

impl Pair {
    fn new(random: &mut Random) -> Pair {
        if random.once_in(3) {
            let (library, raw) = with_raw_end();
            return Pair {
                ends: vec![library],
                waiting: [0, 0],
                raw: Some(raw),
            };
        }
        let (one, other) = Connection::pair().expect("no fault is set");
        Pair {
            ends: vec![one, other],
            waiting: [0, 0],
            raw: None,
        }
    }

    /// The raw end sends, in pieces at whose ends reads stop.
    fn send_raw(&mut self, random: &mut Random) {
        let Some(raw) = &self.raw else {
            return;
        };
        for _ in 0..random.size(3) {
            if let Ok(count) = raw.send(&vec![7; random.size(32)]) {
                raw.mark();
                self.waiting[0] += count;
            }
        }
        // The library does not notice this send, so it may use an older shared poll for a moment.
        world::sleep(Duration::from_micros(4));
    }

    fn poll(&self, end: usize) -> bool {
        self.ends[end]
            .poll(world::now)
            .expect("the connection is open")
    }
}

/// Plays the program.
pub fn run(mut random: Random) {
    if random.once_in(4) {
        return between_threads(&mut random);
    }
    let mut pairs: Vec<Pair> = (0..random.size(12))
        .map(|_| Pair::new(&mut random))
        .collect();
    let rounds = random.size(60);
    for _ in 0..rounds {
        step();
        // Frames: each polls all connections, and a poller watches those that stay idle.
        for _ in 0..random.size(4) {
            for (index, pair) in pairs.iter().enumerate() {
                step();
                for end in 0..pair.ends.len() {
                    assert_eq!(pair.poll(end), pair.waiting[end] > 0, "pair {index}");
                }
            }
        }
        for _ in 0..random.size(8) {
            let index = random.below(pairs.len() as u64) as usize;
            let end = random.below(pairs[index].ends.len() as u64) as usize;
            act(&mut pairs[index], end, &mut random);
            if random.once_in(16) && pairs[index].raw.is_none() {
                close(&mut pairs[index], end, &mut random);
            }
        }
        if random.once_in(4) {
            world::sleep(Duration::from_nanos(random.size(10_000) as u64));
        }
    }
}

/// Uses one end, and may poll the one that this affects.
fn act(pair: &mut Pair, end: usize, random: &mut Random) {
    step();
    let other = 1 - end;
    match random.below(4) {
        0 => {
            let mut out = vec![MaybeUninit::uninit(); 1 << 16];
            let count = pair.ends[end]
                .try_read(&mut out)
                .expect("the connection is open");
            note(|| format!("{count} of {} are read", pair.waiting[end]));
            assert!(
                count > 0 || pair.waiting[end] == 0,
                "a read has missed unread bytes"
            );
            pair.waiting[end] -= count;
        }
        1 => {
            let available = pair.ends[end].available().expect("it is connected");
            let waiting = pair.waiting[end];
            // The bytes after a short receive may not be counted yet.
            let is_right = available <= waiting && (available > 0 || waiting == 0);
            assert!(is_right, "{available} available of {waiting}");
        }
        _ if pair.raw.is_some() => pair.send_raw(random),
        _ => {
            let data = vec![7; random.size(32)];
            let count = pair.ends[end]
                .try_write(&data)
                .expect("the connection is open");
            note(|| format!("{count} are sent"));
            pair.waiting[other] += count;
        }
    }
    let polled = if pair.raw.is_some() { end } else { other };
    if random.once_in(2) {
        let has_data = pair.poll(polled);
        let waiting = pair.waiting[polled];
        note(|| format!("{waiting} bytes are unread, and a poll returns {has_data}"));
        assert_eq!(
            has_data,
            waiting > 0,
            "a poll has to report exactly what is there"
        );
    }
}

/// A connection whose other end does not use the library.
fn with_raw_end() -> (Connection, RawSocket) {
    let (listener, path) = (Listener::new(), PathBuf::from("@raw"));
    listener
        .listen(&BindAddress::Unix(path.clone()), ListenOptions::new(1))
        .expect("the name is free");
    let raw = connect_raw(&Address::Unix(path)).expect("the listener listens");
    let library = listener.accept().expect("no fault is set");
    (library.expect("it has connected"), raw)
}

/// Closes one end, polls the other, and replaces the pair.
fn close(pair: &mut Pair, end: usize, random: &mut Random) {
    step();
    let other = 1 - end;
    note(|| "one is closed".into());
    pair.ends[end].disconnect();
    let has_data = pair.poll_closed(other);
    // If the closed end had unread bytes, it has reset the connection after what it had sent.
    if pair.waiting[other] == 0 {
        assert!(!has_data);
        let status = pair.ends[other].status();
        assert_ne!(status, Status::Connected, "a poll has missed the end");
    }
    if random.once_in(2) {
        pair.ends[other].disconnect();
    }
    *pair = Pair::new(random);
}

impl Pair {
    fn poll_closed(&self, end: usize) -> bool {
        self.ends[end].poll(world::now).unwrap_or(false)
    }
}

/// One thread sends, and then signals the other thread through an atomic.
fn between_threads(random: &mut Random) {
    let (one, other) = Connection::pair().expect("no fault is set");
    let idle: Vec<Pair> = (0..random.size(4)).map(|_| Pair::new(random)).collect();
    let sent = Arc::new(AtomicUsize::new(0));
    let signal = sent.clone();
    let mut own = Random::new(random.number());
    let count = random.size(100);
    let sender = world::spawn(move || {
        for number in 1..=count {
            step();
            while one.try_write(&[7]).expect("the connection is open") == 0 {
                world::sleep(Duration::from_micros(1));
            }
            signal.store(number, Ordering::SeqCst);
            world::sleep(Duration::from_nanos(own.size(20_000) as u64));
        }
        one
    });
    let mut received = 0;
    while received < count {
        step();
        for pair in &idle {
            assert!(!pair.poll(0), "nothing is there");
        }
        let sent = sent.load(Ordering::SeqCst);
        let has_data = other.poll(world::now).expect("the connection is open");
        assert!(
            has_data || received >= sent,
            "a poll has missed what was sent: {received} of {sent}"
        );
        if has_data {
            let mut out = [MaybeUninit::uninit(); 16];
            received += other.try_read(&mut out).expect("the connection is open");
        } else {
            world::sleep(Duration::from_nanos(random.size(5_000) as u64));
        }
    }
    drop(sender.join().expect("no thread panics"));
}
