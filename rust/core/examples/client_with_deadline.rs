//! Asks a server, and gives up at a deadline: the connect and the answer together take two seconds
//! at most.
//!
//! `cargo run -p stream-socket --example client_with_deadline -- [HOST:PORT]`. Without an address
//! it asks a server of its own that never answers.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, ListenOptions, Listener, Status, Target};

const LIMIT: Duration = Duration::from_millis(2000);

fn main() -> Result<(), Box<dyn Error>> {
    let silent = Listener::new();
    let target = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => {
            silent.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
            let address = silent.local_address().expect("it is listening");
            Target::from(address)
        }
    };
    let deadline = Instant::now() + LIMIT;
    match ask(target, deadline) {
        Ok(answer) => println!("answer: {answer:?}"),
        Err(error) => println!("no answer: {error}"),
    }
    Ok(())
}

/// The first line that the server sends back.
fn ask(target: Target, deadline: Instant) -> Result<String, Box<dyn Error>> {
    let connection = Connection::new();
    connection.connect(target, Some(LIMIT), Instant::now())?;
    while connection.status() == Status::Connecting {
        // A game would do this once a frame.
        connection.poll(Instant::now)?;
        thread::sleep(Duration::from_millis(1));
    }
    connection.write_fully(b"hello\n")?;
    let left = deadline.saturating_duration_since(Instant::now());
    connection.set_read_timeout(Some(left));
    let mut line = String::new();
    BufReader::new(&connection).read_line(&mut line)?;
    Ok(line)
}
