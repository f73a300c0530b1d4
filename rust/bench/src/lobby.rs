//! The players of a lobby: many connections that each send a message 20 times a second, and read
//! what the server sends.

use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::network::Address;

/// How often a frame of the players begins.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Each player sends in one of this many frames: 20 times a second.
const TURNS: usize = 3;

/// How many players connect before the server has to greet them: as many as the backlog of the
/// engine's server holds.
const AT_ONCE: usize = 8;

/// Connects `count` players to a TCP server that sends to each of them soon, prints `ready`, and
/// plays until the server ends a connection. Each player sends messages of `size` bytes.
pub fn play(address: &Address, count: usize, size: usize) -> io::Result<()> {
    let mut players = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    while players.len() < count {
        let first = players.len();
        for _ in first..count.min(first + AT_ONCE) {
            players.push(address.connect_tcp()?);
        }
        for player in &mut players[first..] {
            if player.read(&mut buffer)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            player.set_nonblocking(true)?;
        }
    }
    println!("ready");
    let message = vec![0; size];
    let begin = Instant::now();
    for frame in 0_u32.. {
        for (number, player) in players.iter_mut().enumerate() {
            loop {
                match player.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // The server has ended, with data unread.
                    Err(_) => return Ok(()),
                }
            }
            if number % TURNS == frame as usize % TURNS && player.write_all(&message).is_err() {
                return Ok(());
            }
        }
        let next = begin + FRAME * (frame + 1);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}
