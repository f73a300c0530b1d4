//! The functions for tests: running a program in a world, injecting faults, peers that do not use
//! the library, and what is left open at the end.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use shuttle::{Config, MaxSteps, Runner};

use super::blocking;
pub use super::counters::{Calls, Summary};
use super::faults::Parameters;
pub use super::faults::{Fault, Faults};
pub use super::objects::SocketAddress;
pub use super::random::Random;
use super::scheduler::SeededScheduler;
use super::socket::Socket;
pub use super::sync::thread::JoinHandle;
use super::wait_queue::RESOLVER;
use super::{delivery, process, world};
use crate::sys::descriptors;
use crate::sys::types::{AddressFamily, Connect, Interests};

/// A program that passes this many points where threads may switch does not end.
const MAX_STEPS: usize = 20_000_000;

/// Runs `program` in the world of `seed`. Panics if the program panics, deadlocks or does not end.
pub fn run(seed: u64, program: impl Fn() + Send + Sync + 'static) -> Summary {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    config
        .ungraceful_shutdown_config
        .immediately_return_on_panic = true;
    world::begin(seed);
    descriptors::forget_reserve();
    let runner = Runner::new(SeededScheduler::new(seed), config);
    runner.run(move || {
        let playing = shuttle::thread::spawn(delivery::run_world);
        program();
        world::with(|world| {
            world.is_over = true;
            world.summary.nanoseconds = world.time;
            world.summary.fingerprint = world.random.number();
        });
        playing.join().expect("the world ends without a panic");
    });
    world::end().unwrap_or_default()
}

/// Spawns a thread of the program.
pub fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    shuttle::thread::spawn(body)
}

/// The current time of the simulated clock.
pub fn now() -> Instant {
    process::now()
}

/// Nanoseconds since the world began. Reading them does not advance the clock.
pub fn nanoseconds() -> u64 {
    world::with(|world| world.time)
}

/// Sleeps until `time` has passed on the simulated clock.
pub fn sleep(time: Duration) {
    blocking::sleep(time);
}

/// A point where another thread may run.
pub fn pause() {
    blocking::pause();
}

/// Sets how often `fault` happens from now on: once in how many calls on average. 0 is never.
pub fn set_fault(fault: Fault, once_in: u64) {
    world::with(|world| world.faults.set(fault, once_in));
}

/// Ends all faults.
pub fn clear_faults() {
    world::with(|world| world.faults = Faults::default());
}

/// Adds `host` to the names that the resolver knows.
pub fn add_host(host: &str, addresses: &[IpAddr]) {
    world::with(|world| {
        world
            .hosts
            .addresses
            .insert(host.into(), addresses.to_vec())
    });
}

/// Sets whether lookups hang. False lets hanging lookups continue.
pub fn hang_lookups(hang: bool) {
    world::with(|world| {
        world.hosts.hang = hang;
        world.wait_queue.wake_all(RESOLVER);
    });
}

/// Makes the program continue as the child of a fork. The parent does not continue.
pub fn fork() {
    world::with(|world| world.forks += 1);
}

/// Creates a file at `path`. If it `is_socket`, no socket is bound to it, as after a crash.
pub fn create_file(path: &Path, is_socket: bool) -> io::Result<()> {
    world::with(|world| world.files.create(path, is_socket).map(drop))
}

/// Sets the latency and the buffers so that programs can count calls: nothing takes long, and there
/// is room for everything that is sent.
pub fn prepare_for_counting() {
    world::with(|world| world.parameters = Parameters::for_counting());
}

/// The system calls of the library so far.
pub fn calls() -> Calls {
    world::with(|world| world.calls)
}

/// How often a thread has locked a mutex with a call that may block.
pub fn locks() -> u64 {
    world::with(|world| world.locks)
}

/// The largest size in bytes of a socket's buffers.
pub fn buffer_size() -> usize {
    world::with(|world| world.parameters.buffer_size)
}

/// The longest time that anything is in flight.
pub fn latency() -> Duration {
    Duration::from_nanos(world::with(|world| world.parameters.latency))
}

/// How many objects of the kernel are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenCounts {
    /// Sockets, including those that were not accepted yet.
    pub sockets: usize,
    /// Pollers.
    pub pollers: usize,
    /// Interrupters.
    pub interrupters: usize,
    /// Live threads of the library.
    pub threads: usize,
    /// Files.
    pub files: usize,
}

/// Counts the open objects.
pub fn count_open() -> OpenCounts {
    world::with(|world| OpenCounts {
        sockets: world.network.sockets.len(),
        pollers: world.pollers.len(),
        interrupters: world.interrupters.len(),
        threads: world.threads,
        files: world.files.count(),
    })
}

/// A socket that a test uses without the library. No fault is injected into its calls that create a
/// descriptor or send. Dropping it closes it.
#[derive(Debug)]
pub struct RawSocket(Socket);

impl RawSocket {
    /// Listens at `address`.
    pub fn listen(address: &SocketAddress, backlog: i32) -> io::Result<RawSocket> {
        let socket = without_faults(|| Socket::new(address.family()))?;
        socket.bind(address)?;
        socket.listen(backlog)?;
        Ok(RawSocket(socket))
    }

    /// Accepts the oldest connection in the queue.
    pub fn accept(&self) -> io::Result<RawSocket> {
        without_faults(|| self.0.accept()).map(|(socket, _)| RawSocket(socket))
    }

    /// Connects to `address`, and blocks until that is done.
    pub fn connect(address: &SocketAddress) -> io::Result<RawSocket> {
        let socket = without_faults(|| Socket::new(address.family()))?;
        while socket.connect(address)? != Connect::Done {
            socket.wait(Interests::WRITABLE, Some(Duration::from_millis(10)), None)?;
        }
        Ok(RawSocket(socket))
    }

    /// Two connected Unix domain sockets.
    pub fn pair() -> io::Result<(RawSocket, RawSocket)> {
        without_faults(Socket::pair).map(|(one, other)| (RawSocket(one), RawSocket(other)))
    }

    /// The internet address that it is bound to.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_address()
    }

    /// Sends as much of `data` as the kernel accepts.
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        without_faults(|| self.0.send(data))
    }

    /// Makes reads of the peer stop after the bytes that were sent so far, as at urgent data.
    pub fn mark(&self) {
        world::with(|world| world.mark(self.0.0));
    }

    /// Receives at most `limit` bytes. An empty result is the end of the stream.
    pub fn receive(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![MaybeUninit::uninit(); limit];
        self.0
            .receive(&mut buffer)
            .map(|received| received.to_vec())
    }

    /// Waits at most `limit` until the socket is readable.
    pub fn wait_readable(&self, limit: Duration) {
        let _ = self.0.wait(Interests::READABLE, Some(limit), None);
    }

    /// Waits at most `limit` until the socket is writable.
    pub fn wait_writable(&self, limit: Duration) {
        let _ = self.0.wait(Interests::WRITABLE, Some(limit), None);
    }

    /// Ends the sending direction.
    pub fn shut_down_writing(&self) -> io::Result<()> {
        self.0.shut_down_writing()
    }

    /// Closes the socket with a reset.
    pub fn reset(self) {
        let _ = self.0.reset_when_closed();
    }

    /// Whether this is a Unix domain socket.
    pub fn is_unix(&self) -> bool {
        world::with(|world| world.network.socket(self.0.0).family == AddressFamily::Unix)
    }
}

/// Calls `body` without faults, which are meant for the library.
fn without_faults<R>(body: impl FnOnce() -> R) -> R {
    // A thread that runs meanwhile is spared them as well, which does no harm.
    let faults = world::with(|world| std::mem::take(&mut world.faults));
    let result = body();
    world::with(|world| world.faults = faults);
    result
}
