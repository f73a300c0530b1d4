//! The process: its clock, threads, resolver, descriptors, memory and forks.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::blocking::{call, sleep, wait_until};
use super::faults::{Fault, os_error};
use super::sync::thread::{Builder, JoinHandle};
use super::wait_queue::RESOLVER;
use super::world;

/// When every world begins: an arbitrary moment, the same for all of them.
fn start_of_worlds() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// The current time of the simulated clock.
pub(crate) fn now() -> Instant {
    start_of_worlds() + Duration::from_nanos(ticks())
}

/// The nanoseconds since the world began. Each call advances the clock a little.
pub(crate) fn ticks() -> u64 {
    world::try_with(|world| {
        let step = world.random.below(world.parameters.clock_step) + 1;
        world.advance_to(world.time + step);
        world.time
    })
    .unwrap_or(0)
}

/// 3 microseconds in ticks.
pub(crate) const SHARED_POLL_TICKS: u64 = 3_000;

/// Counts a thread of the library while it is alive.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        world::try_with(|world| {
            debug_assert!(world.threads > 0, "a thread is counted once");
            world.threads -= 1;
        });
    }
}

/// Spawns a thread of the library.
pub(crate) fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    call(|world| {
        if world.fails(Fault::NoThread) {
            return Err(os_error(libc::EAGAIN));
        }
        world.threads += 1;
        Ok(())
    })?;
    let counted = Counted;
    Builder::new().name("stream-socket".into()).spawn(move || {
        let _counted = counted;
        body();
    })
}

/// Whether a reader may busy-wait. False where calls are counted.
pub(crate) fn has_several_cores() -> bool {
    world::with(|world| world.parameters.has_several_cores)
}

/// Looks up a host name, which takes some time of the world.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let latency = world::with(|world| world.random.below(world.parameters.latency * 4) + 1);
    sleep(Duration::from_nanos(latency));
    wait_until("the resolver", &[RESOLVER], None, |world| {
        (!world.hosts.hang).then_some(())
    });
    world::with(|world| match world.hosts.addresses.get(host) {
        Some(addresses) => Ok(addresses
            .iter()
            .map(|ip| SocketAddr::new(*ip, port))
            .collect()),
        None => Err(io::Error::other("unknown host")),
    })
}

/// The index of the network interface `name`, which may already be an index.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    match name {
        "lo" => Some(1),
        _ => name.parse().ok(),
    }
}

/// Does nothing: the library is linked into its test program.
pub(crate) fn keep_library_mapped() {}

/// `None`: there is no limit. EMFILE comes as a fault.
pub(crate) fn descriptor_limit() -> Option<usize> {
    None
}

/// See [`descriptor_limit`].
pub(crate) fn count_free_descriptors(_enough: usize) -> Option<usize> {
    None
}

/// Whether `error` means that the process has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMFILE)
}

/// Differs between a process and its child. The numbers are the same in each world, so what is
/// derived from them follows from the seed.
pub(crate) fn process() -> u64 {
    world::try_with(|world| world.forks).unwrap_or(0) + 1
}

/// Differs between worlds, and between a process and its child within one.
fn owner() -> u64 {
    world::try_with(|world| world.number << 8 | world.forks).unwrap_or(0)
}

/// Zeroes `memory`.
///
/// # Safety
/// Nothing is required here.
pub unsafe fn zero(memory: &mut [MaybeUninit<u8>]) {
    memory.fill(MaybeUninit::new(0));
}

thread_local! {
    /// Maps the address of a static to the owner of its newest value and to that value.
    static VALUES: RefCell<BTreeMap<usize, (u64, &'static dyn Any)>> =
        const { RefCell::new(BTreeMap::new()) };
}

/// A static of which each process of each world has its own value, made at its first use. Replaces
/// the type of the same name in `sync/process_wide.rs`. Only the newest value is kept: a test has
/// too many worlds to search the values of all of them.
#[derive(Debug)]
pub(crate) struct ProcessWide<T: 'static> {
    make: fn() -> T,
}

impl<T> ProcessWide<T> {
    pub(crate) const fn new(make: fn() -> T) -> ProcessWide<T> {
        ProcessWide { make }
    }

    /// The value of the current process.
    pub(crate) fn get(&'static self) -> &'static T {
        let (key, owner) = (std::ptr::from_ref(self) as usize, owner());
        let known = VALUES.with(|values| values.borrow().get(&key).copied());
        if let Some((known, value)) = known
            && known == owner
            && let Some(value) = value.downcast_ref()
        {
            return value;
        }
        let value: &'static T = Box::leak(Box::new((self.make)()));
        VALUES.with(|values| values.borrow_mut().insert(key, (owner, value)));
        value
    }
}
