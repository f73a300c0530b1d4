//! A packet is counted by the connection that accepts it, also while another thread connects the
//! same object again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stream_socket::packets::Framing;
use stream_socket::simulated::control as world;
use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status, Target};

/// The order of the threads differs from world to world.
const WORLDS: u64 = 300;

/// How often the object is connected again in each world.
const RECONNECTS: usize = 10;

const PACKET: &[u8] = b"packet";

#[test]
fn a_packet_is_counted_by_the_connection_that_accepts_it() {
    for seed in 0..WORLDS {
        world::run(seed, move || {
            world::prepare_for_counting();
            play(seed);
            stream_socket::process::shut_down();
        });
    }
}

fn play(seed: u64) {
    let (listener, path) = (Listener::new(), PathBuf::from("@counts"));
    listener
        .listen(
            &BindAddress::Unix(path.clone()),
            ListenOptions::new(RECONNECTS as i32 + 1),
        )
        .expect("the name is free");
    let address = Address::Unix(path);
    let connection = Arc::new(Connection::new());
    connect(&connection, &address);
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = world::spawn({
        let (connection, is_over) = (connection.clone(), is_over.clone());
        move || {
            while !is_over.load(Ordering::SeqCst) {
                // It fails while there is no connection.
                let _ = if seed.is_multiple_of(2) {
                    connection.write_packet(&framing(), PACKET.len(), PACKET)
                } else {
                    connection.enqueue_packet(&frame(), 1 << 20).map(drop)
                };
                world::pause();
            }
        }
    });
    for _ in 0..RECONNECTS {
        world::sleep(Duration::from_micros(1));
        connection.disconnect();
        connect(&connection, &address);
        let (counted, bytes) = counts(&connection);
        assert!(counted <= bytes, "seed {seed}: {counted} of {bytes} bytes");
    }
    is_over.store(true, Ordering::SeqCst);
    writer.join().expect("the writer does not panic");
    let (counted, bytes) = counts(&connection);
    assert_eq!(counted, bytes, "seed {seed}");
    connection.disconnect();
}

fn connect(connection: &Connection, address: &Address) {
    connection
        .connect(Target::Address(address.clone()), None, world::now())
        .expect("the listener listens");
    while connection.status() == Status::Connecting {
        connection.poll(world::now).expect("the listener listens");
    }
}

/// The bytes of the packets that were counted, and all bytes that were accepted.
fn counts(connection: &Connection) -> (u64, u64) {
    let shown = connection.statistics(world::now());
    (
        shown.packets_sent * frame().len() as u64,
        shown.sent + shown.queued as u64,
    )
}

fn framing() -> Framing {
    Framing::Delimiter(b"\n".to_vec())
}

fn frame() -> Vec<u8> {
    let frame = framing().frame(PACKET, PACKET.len());
    frame.expect("the packet has no delimiter in it")
}
