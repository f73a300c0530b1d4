//! Blocking sockets of the standard library, TCP and Unix domain alike, and pairs of which the other end is in a process
//! of its own.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{self, Child, Command};

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

/// A connection to this program in another process, as Godot has it for its measurements.
pub struct Link {
    pub near: Stream,
    far: Child,
}

impl Link {
    /// Starts `plain COMMAND ADDRESS ARGUMENTS` and accepts its connection.
    pub fn open(kind: Kind, command: &str, arguments: &[String]) -> io::Result<Link> {
        let start = |address: String| {
            Command::new(env::current_exe()?)
                .args([command, &address])
                .args(arguments)
                .spawn()
        };
        match kind {
            Kind::Tcp => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                let far = start(format!("tcp:{}", listener.local_addr()?))?;
                let near = Stream::Tcp(listener.accept()?.0);
                Ok(Link { near, far })
            }
            Kind::Unix => {
                let path = env::temp_dir().join(format!("plain-{}", process::id()));
                let listener = UnixListener::bind(&path)?;
                let far = start(format!("unix:{}", path.display()))?;
                let near = listener.accept();
                fs::remove_file(&path)?;
                let near = Stream::Unix(near?.0);
                Ok(Link { near, far })
            }
        }
    }

    /// Ends the connection, and waits for the other process to end.
    pub fn close(mut self) -> io::Result<()> {
        drop(self.near);
        self.far.wait().map(drop)
    }
}
