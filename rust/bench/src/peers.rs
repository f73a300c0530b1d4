//! Many connections whose other ends are in Godot.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// Listens, prints the port, then executes the lines of the standard input and answers each with
/// `done`.
///
/// Connections are accepted on command, so that Godot bounds how many wait: the system drops those
/// that exceed its backlog, and they retry a second later. Godot answers each message with one of
/// its size, which is read before the next one is sent. Without an answer the system would delay
/// its acknowledgement, which slows down every receive.
pub fn run() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let mut peers = Vec::new();
    let mut unanswered = Vec::new();
    let mut next = 0;
    for line in io::stdin().lines() {
        let line = line?;
        match *line.split(' ').collect::<Vec<_>>() {
            ["accept", count] => {
                for _ in 0..number(count)? {
                    peers.push(accept(&listener)?);
                    unanswered.push(false);
                }
            }
            ["send", count, size] => {
                let mut message = vec![0; number(size)?];
                for _ in 0..number(count)? {
                    let peer: &mut TcpStream = &mut peers[next];
                    if std::mem::replace(&mut unanswered[next], true) {
                        peer.read_exact(&mut message)?;
                    }
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

/// Without Nagle's algorithm (RFC 896), which would hold a message back until the previous one is
/// acknowledged.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (peer, _) = listener.accept()?;
    peer.set_nodelay(true)?;
    Ok(peer)
}

fn number(text: &str) -> io::Result<usize> {
    text.parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
