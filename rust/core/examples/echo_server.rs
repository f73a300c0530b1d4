//! Echoes every byte back to its sender, for any number of clients on one thread.
//!
//! `cargo run -p stream-socket --example echo_server -- [ADDRESS]`, such as `127.0.0.1:4000` or
//! `unix:/tmp/echo`. Without an address it listens on a free port, serves one client of its own,
//! and ends.

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use stream_socket::{Address, BindAddress, Connection, Group, ListenOptions, Listener, Visit};

/// How many bytes one visit echoes, so that a fast client does not keep the others waiting.
const MAX_ECHO: usize = 64 * 1024;

/// How many bytes may be queued for a client that does not read. Beyond that the server stops
/// reading from it.
const QUEUE_LIMIT: usize = 256 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args().nth(1);
    let address: BindAddress = argument.as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let mut server = Server::listen(&address)?;
    println!("listening on {}", server.address());
    if argument.is_some() {
        loop {
            server.serve_once();
        }
    }
    let client = Connection::new();
    client.connect(server.address().into(), None, Instant::now())?;
    client.set_queue_limit(QUEUE_LIMIT);
    client.write_fully(b"hello\n")?;
    loop {
        client.poll(Instant::now)?;
        server.serve_once();
        if let Some(line) = client.read_until(b"\n", 1024, <[u8]>::to_vec)? {
            println!("echoed {:?}", String::from_utf8_lossy(&line));
            return Ok(());
        }
    }
}

struct Server {
    listener: Listener,
    /// The key of the listener in the group.
    key: usize,
    clients: HashMap<usize, Connection>,
    group: Group,
}

impl Server {
    fn listen(address: &BindAddress) -> Result<Server, Box<dyn Error>> {
        let listener = Listener::new();
        listener.listen(address, ListenOptions::default())?;
        let group = Group::new();
        let key = group.add(&listener);
        Ok(Server {
            listener,
            key,
            clients: HashMap::new(),
            group,
        })
    }

    fn address(&self) -> Address {
        self.listener.local_address().expect("it is listening")
    }

    /// Waits until a client connects or sends, for at most ten milliseconds.
    fn serve_once(&mut self) {
        let mut accepted = Vec::new();
        let mut gone = Vec::new();
        let limit = std::time::Duration::from_millis(10);
        self.group.poll(Some(limit), |key| {
            if key == self.key {
                return match self.listener.accept() {
                    Ok(Some(client)) => {
                        accepted.push(client);
                        Visit::Ready
                    }
                    _ => Visit::Idle,
                };
            }
            match self.clients.get(&key).map(echo) {
                Some(Some(visit)) => visit,
                _ => {
                    gone.push(key);
                    Visit::Idle
                }
            }
        });
        for client in accepted {
            client.set_queue_limit(QUEUE_LIMIT);
            self.clients.insert(self.group.add(&client), client);
        }
        for key in gone {
            if let Some(client) = self.clients.remove(&key) {
                self.group.remove(key, &client);
            }
        }
    }
}

/// Sends back what `client` has sent, as far as its queue has room. `None` if the client is gone.
fn echo(client: &Connection) -> Option<Visit> {
    let has_data = client.poll(Instant::now).ok()?;
    if client.status() != stream_socket::Status::Connected {
        return None;
    }
    let room = QUEUE_LIMIT - client.pending_bytes();
    if !has_data || room == 0 {
        return Some(Visit::Idle);
    }
    let received = client
        .try_read_with(room.min(MAX_ECHO), <[u8]>::to_vec)
        .ok()?;
    client.write_fully(&received).ok()?;
    Some(Visit::Ready)
}
