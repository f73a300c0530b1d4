//! One connection object that connects, disconnects and connects again, while other threads read,
//! write and poll it. No byte of one generation is ever seen in another, and all that a generation
//! has accepted arrives in it.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stream_socket::simulated::control as world;
use stream_socket::{Address, Connection, Group, Listener, ReadError, Status, Target, Visit};

use super::exchange::listen;
use super::library::PATIENT;
use super::library_reads::{initialised, split};
use super::simulated::Simulated;
use super::state_machine::StateMachine;
use super::stream::Stream;
use super::system::{Random, System};
use super::tags::Tags;
use super::trace::{note, step};

const ORDER: Ordering = Ordering::SeqCst;

/// The object, and what its threads share.
struct Client {
    connection: Connection,
    group: Group,
    key: usize,
    /// The number of the newest generation. It grows before the connect.
    generation: AtomicUsize,
    is_over: AtomicBool,
    /// All that the object has sent, in any generation.
    stream: Stream,
    /// The offsets in `stream` at which writes have ended.
    boundaries: Mutex<Vec<u64>>,
    /// What the server has received in each generation.
    received: Mutex<Vec<Vec<u8>>>,
    /// No connection is aborted, and no connect is cancelled.
    is_exact: bool,
}

/// Plays the program.
pub fn run(mut random: Random) {
    let (listener, address) = listen::<Simulated>(random.once_in(2), &mut random);
    let connection = Connection::new();
    connection.set_queue_limit(random.choose(&[0, 0, 64, 1 << 20]));
    connection.set_coalesces(random.once_in(3));
    connection.set_allow_half_open(random.once_in(2));
    connection.set_write_timeout(Some(PATIENT));
    connection.set_read_timeout(Some(Simulated::patience(&mut random)));
    let group = Group::new();
    let key = group.add(&connection);
    let client = Arc::new(Client {
        connection,
        group,
        key,
        generation: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        stream: Stream::new("client to server", random.number()),
        boundaries: Mutex::new(vec![0]),
        received: Mutex::default(),
        is_exact: random.once_in(2),
    });
    note(|| format!("one object, exact {}", client.is_exact));
    let mut threads = Vec::new();
    let mut own = Random::new(random.number());
    let serving = client.clone();
    threads.push(world::spawn(move || serving.serve(&listener, &mut own)));
    for role in [Client::write, Client::read, Client::inspect] {
        let mut own = Random::new(random.number());
        let client = client.clone();
        threads.push(world::spawn(move || role(&client, &mut own)));
    }
    client.control(&address, &mut random);
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    client.check();
}

impl Client {
    fn goes_on(&self) -> bool {
        step();
        !self.is_over.load(ORDER)
    }

    /// Connects and disconnects.
    fn control(&self, address: &Address, random: &mut Random) {
        let count = random.size(8);
        for generation in 1..=count {
            step();
            self.generation.store(generation, ORDER);
            note(|| format!("generation {generation}"));
            self.connection
                .connect(
                    Target::Address(address.clone()),
                    Some(Duration::from_secs(60)),
                    world::now(),
                )
                .expect("the object is free, and the listener listens");
            let gives_up = !self.is_exact && random.once_in(6);
            while !gives_up && self.connection.status() == Status::Connecting {
                self.connection
                    .poll(world::now)
                    .expect("the listener listens");
                world::sleep(Duration::from_micros(random.choose(&[1, 50, 1000])));
            }
            if !random.once_in(4) {
                world::sleep(Simulated::patience(random));
            }
            if !self.is_exact && random.once_in(4) {
                self.connection.abort();
            } else {
                self.connection.disconnect();
            }
            note(|| format!("generation {generation} is over"));
            if random.once_in(2) {
                world::sleep(Simulated::patience(random));
            }
        }
        self.is_over.store(true, ORDER);
        self.group.wake();
    }

    fn write(&self, random: &mut Random) {
        let mut budget = world::buffer_size() * 8;
        while self.goes_on() {
            let size = random.size(world::buffer_size() * 3).min(budget);
            let data = self.stream.offer(size);
            let (count, is_idle) = if random.once_in(2) {
                let outcome = self.connection.write_fully(&data);
                note(|| format!("it writes {size}: {outcome:?}"));
                let count = outcome
                    .as_ref()
                    .map_or_else(|failure| failure.accepted, |()| size);
                (count, outcome.is_err())
            } else {
                let outcome = self.connection.try_write(&data);
                note(|| format!("it writes what it can of {size}: {outcome:?}"));
                (outcome.unwrap_or(0), true)
            };
            self.stream.accept(count);
            budget -= count;
            let end = self.stream.state().accepted;
            self.boundaries.lock().unwrap().push(end);
            if random.once_in(8) {
                let outcome = self.connection.flush_queue();
                note(|| format!("it flushes: {outcome:?}"));
            }
            if is_idle || budget == 0 {
                world::sleep(Simulated::patience(random));
            }
        }
    }

    fn read(&self, random: &mut Random) {
        let mut tags = Tags::default();
        while self.goes_on() {
            let before = self.generation.load(ORDER);
            let mut out = vec![MaybeUninit::new(0xA5); random.size(40_000)];
            let (outcome, count) = match random.below(4) {
                0 => match self.connection.try_read(&mut out) {
                    Ok(count) => (Ok(()), count),
                    Err(error) => (Err(error), 0),
                },
                1 => {
                    let size = random.size(16).min(out.len());
                    split(
                        self.connection.read_fully_or_nothing(&mut out[..size]),
                        size,
                    )
                }
                _ => {
                    let size = random.size(out.len());
                    split(self.connection.read_fully(&mut out[..size]), size)
                }
            };
            note(|| format!("it reads {count}: {outcome:?}"));
            let generation = (self.generation.load(ORDER) == before).then_some(before);
            tags.take(initialised(&out[..count]), generation);
            if count == 0 && !matches!(outcome, Err(ReadError::TimedOut { .. })) {
                world::sleep(Simulated::patience(random));
            }
        }
    }

    fn inspect(&self, random: &mut Random) {
        // Another thread may have started a connect already.
        let mut machine = StateMachine::of(&Connection::new());
        while self.goes_on() {
            match random.below(6) {
                0 => world::sleep(Simulated::patience(random)),
                1 => drop(self.connection.available()),
                2 => {
                    self.connection.pending_bytes();
                }
                3 => self.group.poll(Some(Simulated::patience(random)), |key| {
                    assert_eq!(key, self.key);
                    let _ = self.connection.poll(world::now);
                    Visit::Idle
                }),
                _ => drop(self.connection.poll(world::now)),
            }
            while let Some(event) = self.connection.next_event() {
                note(|| format!("it: {event:?}"));
                machine.take("it", event);
            }
        }
        self.connection.disconnect();
        while let Some(event) = self.connection.next_event() {
            machine.take("it", event);
        }
        machine.finish("it");
    }

    /// Accepts connections, and serves each on a thread of its own.
    fn serve(self: &Arc<Self>, listener: &Listener, random: &mut Random) {
        let mut threads = Vec::new();
        loop {
            let is_over = self.is_over.load(ORDER);
            match listener.accept().expect("no fault keeps it from accepting") {
                Some(server) => {
                    let mut own = Random::new(random.number());
                    let client = self.clone();
                    let index = threads.len();
                    self.received.lock().unwrap().push(Vec::new());
                    threads.push(world::spawn(move || {
                        client.serve_connection(index, &server, &mut own);
                    }));
                }
                None if is_over => break,
                None => world::sleep(Duration::from_micros(random.choose(&[1, 50, 1000]))),
            }
        }
        for thread in threads {
            thread.join().expect("no thread panics");
        }
    }

    /// Sends bytes that are tagged with the generation, and records what arrives, until the end.
    fn serve_connection(&self, index: usize, server: &Connection, random: &mut Random) {
        let (mut sent, budget) = (0, random.size(world::buffer_size() * 8));
        server.set_allow_half_open(true);
        server.set_write_timeout(Some(PATIENT));
        let mut out = vec![MaybeUninit::new(0); 40_000];
        loop {
            step();
            let size = random.size(world::buffer_size()).min(budget - sent);
            if let Ok(count) = server.try_write(&Tags::bytes(index, sent, size)) {
                sent += count;
            }
            if random.once_in(64) {
                let _ = server.shut_down_writing();
            }
            match server.try_read(&mut out) {
                Ok(0) => world::sleep(Simulated::patience(random)),
                Ok(count) => {
                    let bytes = initialised(&out[..count]);
                    self.received.lock().unwrap()[index].extend_from_slice(bytes);
                }
                Err(error) => {
                    note(|| format!("the server's {index}: {error}"));
                    break;
                }
            }
        }
    }

    /// Checks that the generations have received, one after another, what the calls have sent.
    fn check(&self) {
        let (boundaries, accepted) = (
            self.boundaries.lock().unwrap().clone(),
            self.stream.state().accepted,
        );
        let mut start = 0;
        for (index, bytes) in self.received.lock().unwrap().iter().enumerate() {
            let fits = |at: u64| {
                let end = at + bytes.len() as u64;
                end <= accepted
                    && (at..end)
                        .zip(bytes)
                        .all(|(at, byte)| self.stream.byte(at) == *byte)
            };
            let found = boundaries
                .iter()
                .copied()
                .find(|at| *at >= start && fits(*at));
            let found = found.unwrap_or_else(|| {
                panic!(
                    "generation {index} has received what none of its calls has sent: \
                     {bytes:?} after {start}"
                )
            });
            if self.is_exact {
                assert_eq!(
                    found, start,
                    "what was accepted in generation {index} is lost"
                );
            }
            start = found + bytes.len() as u64;
            assert!(
                !self.is_exact || boundaries.contains(&start),
                "generation {index} has ended within a call"
            );
        }
        if self.is_exact {
            assert_eq!(start, accepted, "what was accepted last is lost");
        }
    }
}
