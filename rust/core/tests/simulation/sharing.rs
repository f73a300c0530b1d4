//! Idle connections that share what the kernel tells. Whatever this library's own sockets have caused is seen by the first
//! poll after it, and nothing is seen that is not there.

use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stream_socket::simulated::control::{self as world, Raw};
use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status};

use super::simulated::connect_raw;
use super::system::Random;
use super::trace::{note, step};

/// A connection, and how much lies there for each of its ends.
struct Pair {
    ends: Vec<Connection>,
    waiting: [usize; 2],
    /// In place of the second end: somebody who does not use the library.
    raw: Option<Raw>,
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

    /// Somebody else sends, in pieces between which reads stop.
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
        // The library knows nothing of it, so what it has been told before may be used for a moment.
        world::sleep(Duration::from_micros(4));
    }

    fn poll(&self, end: usize) -> bool {
        self.ends[end].poll(world::now).expect("it is sound")
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
        // A frame: all are looked at, and those that are idle for long are watched.
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

/// Does something to one end, and looks at the other.
fn act(pair: &mut Pair, end: usize, random: &mut Random) {
    step();
    let other = 1 - end;
    match random.below(4) {
        0 => {
            let mut out = vec![MaybeUninit::uninit(); 1 << 16];
            let count = pair.ends[end].try_read(&mut out).expect("it is sound");
            note(|| format!("{count} of {} are read", pair.waiting[end]));
            assert!(
                count > 0 || pair.waiting[end] == 0,
                "a read has not seen what lies there"
            );
            pair.waiting[end] -= count;
        }
        1 => {
            let available = pair.ends[end].available().expect("it is connected");
            let waiting = pair.waiting[end];
            // What lies behind a short read may not be counted for a moment.
            let is_right = available <= waiting && (available > 0 || waiting == 0);
            assert!(is_right, "{available} available of {waiting}");
        }
        _ if pair.raw.is_some() => pair.send_raw(random),
        _ => {
            let data = vec![7; random.size(32)];
            let count = pair.ends[end].try_write(&data).expect("it is sound");
            note(|| format!("{count} are sent"));
            pair.waiting[other] += count;
        }
    }
    let looks = if pair.raw.is_some() { end } else { other };
    if random.once_in(2) {
        let has_data = pair.poll(looks);
        let waiting = pair.waiting[looks];
        note(|| format!("{waiting} lie there, and a poll says {has_data}"));
        assert_eq!(has_data, waiting > 0, "a poll has not seen what is there");
    }
}

/// A connection with somebody who does not use the library.
fn with_raw_end() -> (Connection, Raw) {
    let (listener, path) = (Listener::new(), PathBuf::from("@raw"));
    listener
        .listen(&BindAddress::Unix(path.clone()), ListenOptions::new(1))
        .expect("the name is free");
    let raw = connect_raw(&Address::Unix(path)).expect("the listener listens");
    let library = listener.accept().expect("no fault is set");
    (library.expect("it has connected"), raw)
}

/// Closes one end, and looks at the other; makes another pair.
fn close(pair: &mut Pair, end: usize, random: &mut Random) {
    step();
    let other = 1 - end;
    note(|| "one is closed".into());
    pair.ends[end].disconnect();
    let has_data = pair.poll_closed(other);
    // Unread bytes at the end that is closed reset it, behind what it has sent.
    if pair.waiting[other] == 0 {
        assert!(!has_data);
        let status = pair.ends[other].status();
        assert_ne!(status, Status::Connected, "an end was not seen");
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

/// One thread sends, and tells the other in another way that it has.
fn between_threads(random: &mut Random) {
    let (one, other) = Connection::pair().expect("no fault is set");
    let idle: Vec<Pair> = (0..random.size(4)).map(|_| Pair::new(random)).collect();
    let sent = Arc::new(AtomicUsize::new(0));
    let told = sent.clone();
    let mut own = Random::new(random.number());
    let count = random.size(100);
    let sender = world::spawn(move || {
        for number in 1..=count {
            step();
            while one.try_write(&[7]).expect("it is sound") == 0 {
                world::sleep(Duration::from_micros(1));
            }
            told.store(number, Ordering::SeqCst);
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
        let has_data = other.poll(world::now).expect("it is sound");
        assert!(
            has_data || received >= sent,
            "a poll has not seen what was sent: {received} of {sent}"
        );
        if has_data {
            let mut out = [MaybeUninit::uninit(); 16];
            received += other.try_read(&mut out).expect("it is sound");
        } else {
            world::sleep(Duration::from_nanos(random.size(5_000) as u64));
        }
    }
    drop(sender.join().expect("no thread panics"));
}
