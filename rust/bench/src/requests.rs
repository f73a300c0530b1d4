//! Clients of an HTTP server that keep their connections: each sends a request and waits for the
//! answer before it sends the next.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::network::Address;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// Returns how many requests per second a server answers. In each of `rounds`, each of `count`
/// connections sends one. The first request of each connection is not timed.
pub fn measure(address: &Address, count: usize, rounds: usize) -> io::Result<f64> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = address.connect_tcp()?;
        // An answer shows that the server has accepted it: no backlog is exceeded.
        client.write_all(REQUEST)?;
        receive(&mut client)?;
        clients.push(client);
    }
    let begin = Instant::now();
    for _ in 0..rounds {
        clients
            .iter_mut()
            .try_for_each(|it| it.write_all(REQUEST))?;
        clients.iter_mut().try_for_each(receive)?;
    }
    Ok((count * rounds) as f64 / begin.elapsed().as_secs_f64())
}

/// Receives an answer without a body.
fn receive(client: &mut TcpStream) -> io::Result<()> {
    let mut answer = [0; 1024];
    let mut length = 0;
    while !answer[..length].ends_with(END) {
        match client.read(&mut answer[length..])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => length += count,
        }
    }
    match answer.starts_with(b"HTTP/1.1 200 ") {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidData, "another status")),
    }
}
