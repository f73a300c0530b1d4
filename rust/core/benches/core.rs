//! What the calls of the core cost, without Godot: `cargo bench -p stream-socket`.

use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status, Target};

/// How many calls are timed between two preparations. Their data fits into the system's buffers.
const CHUNK: u64 = 1000;

const MESSAGE: [u8; 16] = [0; 16];
const BLOCK: usize = 64 * 1024;

fn polling(criterion: &mut Criterion) {
    let (near, far) = pair();
    criterion.bench_function("status", |bencher| bencher.iter(|| near.status()));
    criterion.bench_function("poll, idle", |bencher| {
        bencher.iter(|| near.poll(Instant::now));
    });
    let crowd: Vec<_> = (0..1000).map(|_| pair()).collect();
    criterion.bench_function("poll of 1000 idle connections", |bencher| {
        bencher.iter(|| crowd.iter().for_each(|(near, _)| poll(near)));
    });
    far.write_fully(&MESSAGE).unwrap();
    while near.available() != Some(MESSAGE.len()) {}
    criterion.bench_function("available, with data waiting", |bencher| {
        bencher.iter(|| near.available());
    });
}

fn small_transfers(criterion: &mut Criterion) {
    let (near, far) = pair();
    criterion.bench_function("read_exact of 16 bytes that have arrived", |bencher| {
        bencher.iter_custom(|calls| {
            in_chunks(calls, |calls| {
                (0..calls).for_each(|_| far.write_fully(&MESSAGE).unwrap());
                timed(|| (0..calls).for_each(|_| read_message(&near)))
            })
        });
    });
    for (name, coalesces) in [("", false), (", coalesced by 16", true)] {
        near.set_coalesces(coalesces);
        criterion.bench_function(&format!("write_all of 16 bytes{name}"), |bencher| {
            bencher.iter_custom(|calls| {
                in_chunks(calls, |calls| {
                    let time = timed(|| write_messages(&near, calls));
                    (0..calls).for_each(|_| read_message(&far));
                    time
                })
            });
        });
    }
}

fn blocks(criterion: &mut Criterion) {
    let (near, far) = pair();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut block = vec![MaybeUninit::uninit(); BLOCK];
            while far.read_fully(&mut block).is_ok() {
                far.write_fully(&[0; BLOCK]).unwrap();
            }
        });
        criterion.bench_function("64 KiB there and back", |bencher| {
            let mut block = vec![MaybeUninit::uninit(); BLOCK];
            bencher.iter(|| {
                near.write_fully(&[0; BLOCK]).unwrap();
                near.read_fully(&mut block).unwrap();
            });
        });
        near.disconnect();
    });
}

fn connecting(criterion: &mut Criterion) {
    let listener = listening();
    criterion.bench_function("connect and accept", |bencher| {
        bencher.iter_custom(|calls| {
            in_chunks(calls, |calls| {
                // Kept until the clock has stopped.
                let mut pairs = Vec::new();
                timed(|| pairs.extend((0..calls).map(|_| connect(&listener))))
            })
        });
    });
}

fn pair() -> (Connection, Connection) {
    connect(&listening())
}

fn listening() -> Listener {
    let listener = Listener::new();
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    listener
        .listen(&BindAddress::Inet(address), ListenOptions::new(128))
        .unwrap();
    listener
}

/// A new connection: its client, and what the listener has accepted.
fn connect(listener: &Listener) -> (Connection, Connection) {
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listener.local_port());
    let client = Connection::new();
    client
        .connect(
            Target::Address(Address::Inet(address)),
            None,
            Instant::now(),
        )
        .unwrap();
    while client.status() == Status::Connecting {
        poll(&client);
    }
    loop {
        if let Some(served) = listener.accept().unwrap() {
            return (client, served);
        }
    }
}

fn poll(connection: &Connection) {
    connection.poll(Instant::now).unwrap();
}

fn read_message(connection: &Connection) {
    connection
        .read_fully(&mut [MaybeUninit::uninit(); MESSAGE.len()])
        .unwrap();
}

/// With a flush after 16 messages, which sends what has been coalesced, if anything has.
fn write_messages(connection: &Connection, count: u64) {
    for number in 1..=count {
        connection.write_fully(&MESSAGE).unwrap();
        if number % 16 == 0 || number == count {
            connection.flush_queue().unwrap();
        }
    }
}

/// The time that `run` reports for all `calls`, of which it makes at most [`CHUNK`] at a time.
fn in_chunks(calls: u64, mut run: impl FnMut(u64) -> Duration) -> Duration {
    let whole: Duration = (0..calls / CHUNK).map(|_| run(CHUNK)).sum();
    whole + run(calls % CHUNK)
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// 1000 connections have 2000 descriptors, more than a process usually may have without asking.
fn with_descriptors() -> Criterion {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.map(|hard| hard.min(5000));
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
    Criterion::default()
}

criterion_group! {
    name = core;
    config = with_descriptors();
    targets = polling, small_transfers, blocks, connecting
}
criterion_main!(core);
