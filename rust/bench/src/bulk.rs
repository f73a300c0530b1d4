//! Blocks of 64 KiB in one direction.

use std::io;
use std::time::Instant;

use crate::network::{self, Address, Kind, Stream};

/// Bytes in a block.
const BLOCK: usize = 64 * 1024;

/// Bytes received per second; the far end sends one block more.
pub fn receive(kind: Kind, blocks: usize) -> io::Result<f64> {
    let mut stream = network::accept(kind)?;
    // After the first block the other process is known to run.
    receive_blocks(&mut *stream, 1)?;
    let begin = Instant::now();
    receive_blocks(&mut *stream, blocks)?;
    Ok(bytes_per_second(blocks, begin))
}

/// Bytes per second from the first that is sent until the other process has received the last.
pub fn send(kind: Kind, blocks: usize) -> io::Result<f64> {
    let mut stream = network::accept(kind)?;
    let begin = Instant::now();
    send_blocks(&mut *stream, blocks)?;
    stream.read_exact(&mut [0])?;
    Ok(bytes_per_second(blocks, begin))
}

/// The far end of [`receive`].
pub fn source(address: &Address, blocks: usize) -> io::Result<()> {
    let mut stream = address.connect()?;
    send_blocks(&mut *stream, blocks)?;
    // The other side closes first, so that this one holds no port in TIME_WAIT.
    stream.read(&mut [0]).map(drop)
}

/// The far end of [`send`].
pub fn sink(address: &Address, blocks: usize) -> io::Result<()> {
    let mut stream = address.connect()?;
    receive_blocks(&mut *stream, blocks)?;
    stream.write_all(&[1])?;
    stream.read(&mut [0]).map(drop)
}

fn receive_blocks(stream: &mut dyn Stream, blocks: usize) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    (0..blocks).try_for_each(|_| stream.read_exact(&mut block))
}

fn send_blocks(stream: &mut dyn Stream, blocks: usize) -> io::Result<()> {
    let block = vec![0; BLOCK];
    (0..blocks).try_for_each(|_| stream.write_all(&block))
}

fn bytes_per_second(blocks: usize, begin: Instant) -> f64 {
    (blocks * BLOCK) as f64 / begin.elapsed().as_secs_f64()
}
