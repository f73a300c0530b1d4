//! `plain`: the far ends of the benchmarks in Godot, and the same measurements on the standard
//! library's sockets, which are as fast as blocking sockets get. `cargo xtask bench` builds it, and
//! `godot-project/benchmarks` runs it.

mod bulk;
mod frames;
mod lobby;
mod network;
mod peers;
mod requests;
mod round_trips;
mod websockets;

use std::env;
use std::io;
use std::process::ExitCode;

use network::{Address, Kind};

const USAGE: &str = "\
Usage: plain COMMAND

Measures: prints an ADDRESS, waits for a far end, and prints JSON
  bulk receive|send tcp|unix BLOCKS   64 KiB blocks: bytes_per_second
  round-trips tcp|unix COUNT          messages of 32 bytes and back: p50_usec and p99_usec

Measures on its own
  frames COUNT SIZE FRAMES            receives SIZE bytes from each of COUNT connections: usec for a frame

Far ends, which connect to an ADDRESS (tcp:127.0.0.1:PORT or unix:PATH)
  source ADDRESS BLOCKS               sends blocks, then waits for the end
  sink ADDRESS BLOCKS                 receives blocks, then answers with a byte
  echo ADDRESS                        sends back whatever comes
  lobby ADDRESS COUNT SIZE            COUNT players, each of which sends SIZE bytes 20 times a second; prints `ready`

Many far ends, which are connected to
  peers                               prints its TCP port, then obeys its input: `accept K` accepts K connections,
                                      `send K SIZE` sends SIZE bytes to each of the next K

HTTP clients, which connect to an ADDRESS
  requests ADDRESS COUNT ROUNDS       COUNT connections send a request in each of ROUNDS; prints the requests per second

WebSocket clients, which connect to an ADDRESS
  websockets ADDRESS                  obeys its input: `connect K` connects K clients, `send K SIZE` sends K messages
                                      of SIZE bytes from each, `receive K SIZE` receives them at each
  echoes ADDRESS COUNT ROUNDS SIZE    COUNT clients send SIZE bytes in each of ROUNDS, and wait for them; prints the
                                      messages per second that come back";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// `None` if `args` is not a command.
fn run(args: &[&str]) -> Option<io::Result<()>> {
    let count = |text: &str| text.parse::<usize>().ok();
    Some(match *args {
        ["bulk", "receive", kind, blocks] => {
            print_speed(bulk::receive(Kind::parse(kind)?, count(blocks)?))
        }
        ["bulk", "send", kind, blocks] => {
            print_speed(bulk::send(Kind::parse(kind)?, count(blocks)?))
        }
        ["round-trips", kind, trips] => round_trips::measure(Kind::parse(kind)?, count(trips)?)
            .map(|(p50, p99)| {
                println!("{{\"p50_usec\": {p50}, \"p99_usec\": {p99}}}");
            }),
        ["frames", connections, size, frames] => {
            frames::measure(count(connections)?, count(size)?, count(frames)?)
                .map(|usec| println!("{{\"usec\": {usec}}}"))
        }
        ["source", address, blocks] => bulk::source(&Address::parse(address)?, count(blocks)?),
        ["sink", address, blocks] => bulk::sink(&Address::parse(address)?, count(blocks)?),
        ["echo", address] => round_trips::echo(&Address::parse(address)?),
        ["lobby", address, players, size] => {
            lobby::play(&Address::parse(address)?, count(players)?, count(size)?)
        }
        ["peers"] => peers::run(),
        ["requests", address, connections, rounds] => requests::measure(
            &Address::parse(address)?,
            count(connections)?,
            count(rounds)?,
        )
        .map(|rate| println!("{rate}")),
        ["echoes", address, clients, rounds, size] => websockets::measure(
            &Address::parse(address)?,
            count(clients)?,
            count(rounds)?,
            count(size)?,
        )
        .map(|rate| println!("{rate}")),
        ["websockets", address] => websockets::run(&Address::parse(address)?),
        _ => return None,
    })
}

fn print_speed(bytes_per_second: io::Result<f64>) -> io::Result<()> {
    bytes_per_second.map(|speed| println!("{{\"bytes_per_second\": {speed}}}"))
}
