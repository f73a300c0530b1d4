//! Small messages that are sent back, one at a time.

use std::io;
use std::time::{Duration, Instant};

use crate::network::{self, Address, Kind};

/// Bytes in a message.
const MESSAGE: usize = 32;

/// The median and the 99th percentile, in microseconds.
pub fn measure(kind: Kind, trips: usize) -> io::Result<(f64, f64)> {
    let mut stream = network::accept(kind)?;
    let mut message = [0; MESSAGE];
    let mut times = Vec::with_capacity(trips);
    // The first trip waits until the other process runs, and does not count.
    for _ in 0..=trips {
        let begin = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        times.push(begin.elapsed());
    }
    times.remove(0);
    times.sort_unstable();
    Ok((percentile(&times, 50), percentile(&times, 99)))
}

/// The far end: sends back all data, until the end of the stream.
pub fn echo(address: &Address) -> io::Result<()> {
    let mut stream = address.connect()?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            size => stream.write_all(&buffer[..size])?,
        }
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(index)
        .map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
