//! Many WebSocket clients (RFC 6455) of a server in Godot. They do only what the benchmarks need:
//! each message is one frame of a known length.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::network::Address;

/// The key of all frames. RFC 6455 requires an unpredictable key, to protect proxies. There are no
/// proxies here.
const MASKING_KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// The first byte of a frame that is a whole message of bytes.
const WHOLE_BINARY: u8 = 0x82;

/// The mark of a masked frame, in the second byte.
const MASKED: u8 = 0x80;

/// Executes the lines of the standard input and answers each with `done`. The server has to poll
/// until it has the result of an order, and may then wait for the answer.
pub fn run(address: &Address) -> io::Result<()> {
    let mut clients = Vec::new();
    for line in io::stdin().lines() {
        let line = line?;
        match *line.split(' ').collect::<Vec<_>>() {
            ["connect", count] => {
                for _ in 0..number(count)? {
                    clients.push(connect(address)?);
                }
            }
            ["send", count, size] => {
                let frame = masked_frame(number(size)?);
                for _ in 0..number(count)? {
                    clients.iter_mut().try_for_each(|it| it.write_all(&frame))?;
                }
            }
            ["receive", count, size] => {
                let mut buffer = Vec::new();
                for _ in 0..number(count)? {
                    for client in &mut clients {
                        receive(client, number(size)?, &mut buffer)?;
                    }
                }
            }
            _ => return Err(io::Error::new(ErrorKind::InvalidInput, line)),
        }
        println!("done");
    }
    Ok(())
}

/// Returns how many messages of `size` bytes per second a server sends back. In each of `rounds`,
/// each of `count` clients sends one and waits for it. One round before them is not timed.
pub fn measure(address: &Address, count: usize, rounds: usize, size: usize) -> io::Result<f64> {
    let connected = (0..count).map(|_| connect(address));
    let mut clients = connected.collect::<io::Result<Vec<_>>>()?;
    let (frame, mut buffer) = (masked_frame(size), Vec::new());
    let mut round = || {
        clients.iter_mut().try_for_each(|it| it.write_all(&frame))?;
        clients
            .iter_mut()
            .try_for_each(|it| receive(it, size, &mut buffer))
    };
    round()?;
    let begin = Instant::now();
    for _ in 0..rounds {
        round()?;
    }
    Ok((count * rounds) as f64 / begin.elapsed().as_secs_f64())
}

/// Connects a client and makes its handshake. The answer is not checked beyond its status.
fn connect(address: &Address) -> io::Result<TcpStream> {
    let mut client = address.connect_tcp()?;
    client.write_all(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    // Byte by byte, since what follows belongs to the first frame.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    match head.starts_with(b"HTTP/1.1 101 ") {
        true => Ok(client),
        false => Err(io::Error::new(ErrorKind::InvalidData, "no WebSocket")),
    }
}

/// Receives a message of `size` bytes into `buffer`.
fn receive(client: &mut TcpStream, size: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    let head = head(size, 0);
    buffer.resize(head.len() + size, 0);
    client.read_exact(buffer)?;
    match buffer.starts_with(&head) {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidData, "another frame")),
    }
}

/// A frame with `size` zeros, as a client sends it.
fn masked_frame(size: usize) -> Vec<u8> {
    let mut frame = head(size, MASKED);
    frame.extend(MASKING_KEY);
    // Zeros become the key.
    frame.extend(MASKING_KEY.iter().cycle().take(size));
    frame
}

/// The head of a frame with `size` bytes, without a masking key (RFC 6455, section 5.2).
fn head(size: usize, mask: u8) -> Vec<u8> {
    let mut head = vec![WHOLE_BINARY];
    if let Some(length) = u8::try_from(size).ok().filter(|&length| length < 126) {
        head.push(mask | length);
    } else if let Ok(length) = u16::try_from(size) {
        head.push(mask | 126);
        head.extend(length.to_be_bytes());
    } else {
        head.push(mask | 127);
        head.extend((size as u64).to_be_bytes());
    }
    head
}

fn number(text: &str) -> io::Result<usize> {
    text.parse()
        .map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6455, section 5.7: an unmasked message of 256 bytes, and one of 64 KiB.
    #[test]
    fn a_head_has_the_shortest_length_field() {
        assert_eq!(head(5, MASKED), [0x82, 0x85]);
        assert_eq!(head(125, 0), [0x82, 0x7d]);
        assert_eq!(head(256, 0), [0x82, 0x7e, 0x01, 0x00]);
        assert_eq!(head(65536, 0), [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
