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

/// Where somebody listens.
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

    pub fn connect(&self) -> io::Result<Stream> {
        Ok(match self {
            Address::Tcp(address) => Stream::Tcp(TcpStream::connect(address)?),
            Address::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
        })
    }
}

/// A connected socket.
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(out),
            Stream::Unix(stream) => stream.read(out),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(data),
            Stream::Unix(stream) => stream.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A name that no process that was killed has left behind.
fn unique_name() -> String {
    let time = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("plain-{}-{time:x}", process::id())
}

/// Says on the standard output where to connect to, and takes the first that does.
pub fn accept(kind: Kind) -> io::Result<Stream> {
    match kind {
        Kind::Tcp => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            println!("tcp:{}", listener.local_addr()?);
            Ok(Stream::Tcp(listener.accept()?.0))
        }
        Kind::Unix => {
            let path = env::temp_dir().join(unique_name());
            let listener = UnixListener::bind(&path)?;
            println!("unix:{}", path.display());
            let accepted = listener.accept();
            fs::remove_file(&path)?;
            Ok(Stream::Unix(accepted?.0))
        }
    }
}
