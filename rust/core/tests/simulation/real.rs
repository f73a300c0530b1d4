//! The real system, on the loopback interface.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stream_socket::Address;

use super::system::{Peer, Random, System};

#[derive(Clone, Copy, Debug)]
pub struct Real;

/// A socket of the standard library.
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Peer for Stream {
    fn send(&self, data: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write(data),
            Stream::Unix(stream) => (&*stream).write(data),
        }
    }

    fn receive(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; limit];
        let count = match self {
            Stream::Tcp(stream) => (&*stream).read(&mut buffer),
            Stream::Unix(stream) => (&*stream).read(&mut buffer),
        }?;
        buffer.truncate(count);
        Ok(buffer)
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    fn reset(self) {
        if let Stream::Tcp(stream) = self {
            let socket = socket2::Socket::from(stream);
            socket
                .set_linger(Some(Duration::ZERO))
                .expect("a TCP socket has SO_LINGER");
        }
    }

    fn mark(&self) {}

    fn wait_readable(&self, limit: Duration) {
        std::thread::sleep(limit.min(Duration::from_micros(200)));
    }
}

impl System for Real {
    type Peer = Stream;
    const IS_SIMULATED: bool = false;

    fn now() -> Instant {
        Instant::now()
    }

    fn sleep(time: Duration) {
        std::thread::sleep(time);
    }

    fn connect(address: &Address) -> io::Result<Stream> {
        match address {
            Address::Inet(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                Ok(Stream::Tcp(stream))
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Ok(Stream::Unix(stream))
            }
        }
    }

    fn buffer_size() -> usize {
        1 << 20
    }

    fn patience(random: &mut Random) -> Duration {
        Duration::from_nanos(random.size(2_000_000) as u64)
    }

    fn fresh_path() -> std::path::PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let process = std::process::id();
        let name = format!("model-{process}-{:x}-{number}", time.as_nanos());
        std::env::temp_dir().join(name)
    }
}
