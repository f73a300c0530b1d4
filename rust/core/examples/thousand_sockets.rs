//! A thousand connections in one group: a poll costs what the busy ones cost.
//!
//! `cargo run --release -p stream-socket --example thousand_sockets`

use std::error::Error;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, Visit};

const CONNECTIONS: usize = 1000;
const POLLS: u32 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    allow_descriptors();
    let group = Group::new();
    let mut near = Vec::new();
    let mut far = Vec::new();
    for _ in 0..CONNECTIONS {
        let (one, other) = Connection::pair()?;
        // The first member has the key 0, the next one 1, and so on.
        assert_eq!(group.add(&one), near.len());
        near.push(one);
        far.push(other);
    }
    for busy in [0, 1, 10] {
        let mut received = 0;
        let mut time = Duration::ZERO;
        for round in 0..POLLS as usize {
            for index in 0..busy {
                far[(round + index * 7) % CONNECTIONS].write_fully(b"ping")?;
            }
            let start = Instant::now();
            group.poll(Some(Duration::ZERO), |key| {
                match near[key].poll(Instant::now) {
                    Ok(true) => {
                        received += near[key].try_read_with(1024, <[u8]>::len).unwrap_or(0);
                        Visit::Ready
                    }
                    _ => Visit::Idle,
                }
            });
            time += start.elapsed();
        }
        let each = time / POLLS;
        println!("{busy:2} busy of {CONNECTIONS}: {each:?} per poll, {received} bytes received");
    }
    Ok(())
}

/// Two descriptors for each connection are more than many systems allow at first.
fn allow_descriptors() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let limit = Rlimit {
            current: maximum,
            maximum,
        };
        setrlimit(Resource::Nofile, limit).expect("the maximum is allowed");
    }
}
