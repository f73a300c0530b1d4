//! How long 64 KiB take over a line of 64 KiB per second with 40 ms of delay.
//!
//! `cargo run -p stream-socket-relay --example slow_line`

use std::error::Error;
use std::time::{Duration, Instant};

use stream_socket::{Connection, ListenOptions, Listener, Target};
use stream_socket_relay::Relay;

const BYTES: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Listener::new();
    server.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;

    let mut relay = Relay::new(1);
    relay.set_target(
        server
            .local_address()
            .map(Target::from)
            .expect("it listens"),
        None,
    );
    relay.to_target.bandwidth = 64 * 1024;
    relay.to_target.delay = Duration::from_millis(40);
    relay.listen(&"127.0.0.1:0".parse()?)?;

    let client = Connection::new();
    let target = relay.local_address().map(Target::from).expect("it listens");
    client.connect(target, None, Instant::now())?;
    client.set_queue_limit(BYTES);
    client.write_fully(&[7; BYTES])?;

    let start = Instant::now();
    let mut accepted = None;
    let mut received = 0;
    // The relay takes the time from its caller. This clock runs ten times as fast as the real one.
    let mut now = start;
    while received < BYTES {
        std::thread::sleep(Duration::from_millis(1));
        now += Duration::from_millis(10);
        client.poll(Instant::now)?;
        relay.poll(now, |_| ())?;
        accepted = accepted.or(server.accept()?);
        if let Some(server) = &accepted {
            received += server.try_read_with(BYTES, <[u8]>::len)?;
        }
    }
    println!("{received} bytes took {:?} on the line", now - start);
    Ok(())
}
