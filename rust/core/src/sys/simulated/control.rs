//! What a test has of the world: it makes one, sets what goes wrong in it, plays peers that do what no library does, and
//! counts what is left at the end.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use shuttle::{Config, MaxSteps, Runner};

use super::address::SocketAddress;
pub use super::calls::Calls;
use super::faults::Regime;
pub use super::faults::{Fault, Faults, Figures};
use super::id::RESOLVER;
pub use super::random::Random;
use super::scheduler::SeededScheduler;
use super::socket::Socket;
pub use super::sync::thread::JoinHandle;
use super::{clock, play, waiting, world};
use crate::address::Address;
use crate::sys::{AddressFamily, Connect, Interests};

/// So many points where another thread may go on are more than a program needs.
const MAX_STEPS: usize = 20_000_000;

/// Runs `program` in the world of `seed`. It panics if the program does, if threads wait for each other, or if the program
/// does not end.
pub fn run(seed: u64, program: impl Fn() + Send + Sync + 'static) -> Figures {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    config
        .ungraceful_shutdown_config
        .immediately_return_on_panic = true;
    world::begin(seed);
    let runner = Runner::new(SeededScheduler::new(seed), config);
    runner.run(move || {
        let player = shuttle::thread::spawn(play::play);
        program();
        world::with(|world| {
            world.is_over = true;
            world.figures.nanoseconds = world.time;
            world.figures.fingerprint = world.random.number();
        });
        player.join().expect("the world ends without a panic");
    });
    world::end().unwrap_or_default()
}

/// Starts a thread of the program.
pub fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    shuttle::thread::spawn(body)
}

/// The present.
pub fn now() -> Instant {
    clock::now()
}

/// Nanoseconds since the world began, without moving the clock.
pub fn nanoseconds() -> u64 {
    world::with(|world| world.time)
}

/// Lets time pass.
pub fn sleep(time: Duration) {
    waiting::sleep(time);
}

/// Lets another thread go on.
pub fn pause() {
    waiting::pause();
}

/// Sets how often `fault` happens from now on: once in so many times, 0 for never.
pub fn set_fault(fault: Fault, once_in: u64) {
    world::with(|world| world.faults.set(fault, once_in));
}

/// No fault happens any more.
pub fn clear_faults() {
    world::with(|world| world.faults = Faults::default());
}

/// Has the resolver know `host`.
pub fn add_host(host: &str, addresses: &[IpAddr]) {
    world::with(|world| {
        world
            .hosts
            .addresses
            .insert(host.into(), addresses.to_vec())
    });
}

/// Whether lookups hang from now on, until they may go on.
pub fn hang_lookups(hang: bool) {
    world::with(|world| {
        world.hosts.hang = hang;
        world.wake(RESOLVER);
    });
}

/// From now on the program is a child of the process that it was.
pub fn fork() {
    world::with(|world| world.forks += 1);
}

/// Puts a file at `path`; that of a socket is one that nobody serves.
pub fn create_file(path: &Path, is_socket: bool) -> io::Result<()> {
    world::with(|world| world.files.create(path, is_socket).map(drop))
}

/// From now on nothing takes long, and buffers are large: for programs that count.
pub fn make_plain() {
    world::with(|world| world.regime = Regime::plain());
}

/// The calls of the system that were made so far.
pub fn calls() -> Calls {
    world::with(|world| world.calls)
}

/// How often a lock was taken that may have to be waited for.
pub fn locks() -> u64 {
    world::with(|world| world.locks)
}

/// How large the buffers of the world are at most.
pub fn buffer_size() -> usize {
    world::with(|world| world.regime.buffer)
}

/// How long bytes are on their way at most.
pub fn latency() -> Duration {
    Duration::from_nanos(world::with(|world| world.regime.latency))
}

/// What is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Open {
    /// Sockets, those included that wait to be accepted.
    pub sockets: usize,
    /// Pollers.
    pub pollers: usize,
    /// Interrupter-up calls.
    pub wakes: usize,
    /// Threads of the library.
    pub threads: usize,
    /// Files.
    pub files: usize,
}

/// Counts what is open.
pub fn open() -> Open {
    world::with(|world| Open {
        sockets: world.network.sockets.len(),
        pollers: world.pollers.len(),
        wakes: world.wakes.len(),
        threads: world.threads,
        files: world.files.count(),
    })
}

/// A socket of somebody who does not use the library. Dropping it closes it.
#[derive(Debug)]
pub struct Raw(Socket);

impl Raw {
    /// A socket that listens at `address`.
    pub fn listen(address: &Address, backlog: i32) -> io::Result<Raw> {
        let socket = unspoiled(|| Socket::new(address.family()))?;
        socket.bind(&address.socket_address(address.family())?)?;
        socket.listen(backlog)?;
        Ok(Raw(socket))
    }

    /// The oldest connection that waits.
    pub fn accept(&self) -> io::Result<Raw> {
        unspoiled(|| self.0.accept()).map(|(socket, _)| Raw(socket))
    }

    /// Connects, and waits for that.
    pub fn connect(address: &Address) -> io::Result<Raw> {
        let socket = unspoiled(|| Socket::new(address.family()))?;
        let address: SocketAddress = address.socket_address(address.family())?;
        while socket.connect(&address)? != Connect::Done {
            socket.wait(Interests::WRITABLE, Some(Duration::from_millis(10)), None)?;
        }
        Ok(Raw(socket))
    }

    /// Two that are connected, over a Unix domain socket.
    pub fn pair() -> io::Result<(Raw, Raw)> {
        unspoiled(Socket::pair).map(|(one, other)| (Raw(one), Raw(other)))
    }

    /// Where it is bound to.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_address()
    }

    /// Sends of `data` what the kernel takes now.
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        unspoiled(|| self.0.send(data))
    }

    /// Reads at the other end stop behind what was sent so far, as at urgent data.
    pub fn mark(&self) {
        world::with(|world| world.mark(self.0.0));
    }

    /// Receives at most `limit` bytes of what is there. An empty answer is the end of the stream.
    pub fn receive(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![MaybeUninit::uninit(); limit];
        self.0
            .receive(&mut buffer)
            .map(|received| received.to_vec())
    }

    /// Waits until something can be received, at most `limit`.
    pub fn wait_readable(&self, limit: Duration) {
        let _ = self.0.wait(Interests::READABLE, Some(limit), None);
    }

    /// Waits until something can be sent, at most `limit`.
    pub fn wait_writable(&self, limit: Duration) {
        let _ = self.0.wait(Interests::WRITABLE, Some(limit), None);
    }

    /// Ends the stream from this side.
    pub fn shut_down_writing(&self) -> io::Result<()> {
        self.0.shut_down_writing()
    }

    /// Closes it with a reset.
    pub fn reset(self) {
        let _ = self.0.reset_when_closed();
    }

    /// The kind of its address.
    pub fn is_unix(&self) -> bool {
        world::with(|world| world.socket(self.0.0).family == AddressFamily::Unix)
    }
}

/// Calls `body` with no faults: they are for the library.
fn unspoiled<R>(body: impl FnOnce() -> R) -> R {
    // Another thread may go on in between and is spared too, which does no harm.
    let faults = world::with(|world| std::mem::take(&mut world.faults));
    let result = body();
    world::with(|world| world.faults = faults);
    result
}
