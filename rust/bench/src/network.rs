//! Blocking sockets of the standard library, TCP and Unix domain alike.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process;
use std::time::UNIX_EPOCH;

/// The two families of sockets.
#[derive(Clone, Copy)]
pub enum Kind {
    Tcp,
    Unix,
}

impl Kind {
    pub fn parse(text: &str) -> Option<Kind> {
        match text {
            "tcp" => Some(Kind::Tcp),
            "unix" => Some(Kind::Unix),
            _ => None,
        }
    }
}

/// The address of a listener.
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Reads `tcp:127.0.0.1:PORT` or `unix:PATH`.
    pub fn parse(text: &str) -> Option<Address> {
        match text.split_once(':')? {
            ("tcp", address) => Some(Address::Tcp(address.parse().ok()?)),
            ("unix", path) => Some(Address::Unix(path.into())),
            _ => None,
        }
    }

    /// Connects without Nagle's algorithm (RFC 896). Fails for a Unix domain socket.
    pub fn connect_tcp(&self) -> io::Result<TcpStream> {
        let Address::Tcp(address) = self else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Address::Tcp(address) => Box::new(TcpStream::connect(address)?),
            Address::Unix(path) => Box::new(UnixStream::connect(path)?),
        })
    }
}

/// A connected socket.
pub trait Stream: Read + Write {}

impl Stream for TcpStream {}
impl Stream for UnixStream {}

/// A name that is unique, also among processes that were killed.
fn unique_name() -> String {
    let time = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("plain-{}-{time:x}", process::id())
}

/// Prints the address of a new listener, and accepts the first connection.
pub fn accept(kind: Kind) -> io::Result<Box<dyn Stream>> {
    match kind {
        Kind::Tcp => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            println!("tcp:{}", listener.local_addr()?);
            Ok(Box::new(listener.accept()?.0))
        }
        Kind::Unix => {
            let path = env::temp_dir().join(unique_name());
            let listener = UnixListener::bind(&path)?;
            println!("unix:{}", path.display());
            let accepted = listener.accept();
            fs::remove_file(&path)?;
            Ok(Box::new(accepted?.0))
        }
    }
}
