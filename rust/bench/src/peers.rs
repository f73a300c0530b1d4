//! Many connections whose other ends are in Godot.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// Listens, prints the port, then obeys the lines of the standard input and answers each with `done`. Connections are accepted when it is told to, so that Godot knows how many wait: the system drops what
/// exceeds its queue, and the other side tries again a second later.
pub fn run() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let mut peers = Vec::new();
    let mut next = 0;
    for line in io::stdin().lines() {
        let line = line?;
        match *line.split(' ').collect::<Vec<_>>() {
            ["accept", count] => {
                for _ in 0..number(count)? {
                    peers.push(accept(&listener)?);
                }
            }
            ["send", count, size] => {
                let message = vec![0; number(size)?];
                for _ in 0..number(count)? {
                    let peer: &mut TcpStream = &mut peers[next];
                    peer.write_all(&message)?;
                    next = (next + 1) % peers.len();
                }
            }
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, line)),
        }
        println!("done");
    }
    Ok(())
}

/// Without Nagle's algorithm (RFC 896), which would hold a message back until the one before is acknowledged.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (peer, _) = listener.accept()?;
    peer.set_nodelay(true)?;
    Ok(peer)
}

fn number(text: &str) -> io::Result<usize> {
    text.parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
