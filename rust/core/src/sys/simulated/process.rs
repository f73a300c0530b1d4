//! The process: its threads, its resolver, its memory, its forks.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::time::Duration;

use super::faults::{Fault, os_error};
use super::id::RESOLVER;
use super::sync::thread::{Builder, JoinHandle};
use super::waiting;
use super::world;

/// A thread of the library, counted while it lives.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        world::try_with(|world| world.threads -= 1);
    }
}

/// Starts a thread of the library's own.
pub(crate) fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    waiting::pause();
    world::with(|world| {
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

/// Asks the resolver, which takes its time.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let latency = world::with(|world| world.random.below(world.regime.latency * 4) + 1);
    waiting::sleep(Duration::from_nanos(latency));
    waiting::wait_until("the resolver", &[RESOLVER], None, |world| {
        (!world.hosts.hang).then_some(())
    });
    world::with(|world| match world.hosts.addresses.get(host) {
        Some(addresses) => Ok(addresses
            .iter()
            .map(|ip| SocketAddr::new(*ip, port))
            .collect()),
        None => Err(io::Error::other("the name is not known")),
    })
}

/// The number of a network interface.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    match name {
        "lo" => Some(1),
        _ => name.parse().ok(),
    }
}

pub(crate) fn keep_library_mapped() {}

/// The world has as many descriptors as are wanted. That one is refused now and then has other
/// reasons.
pub(crate) fn descriptor_limit() -> Option<usize> {
    None
}

/// See [`descriptor_limit`].
pub(crate) fn count_free_descriptors(_enough: usize) -> Option<usize> {
    None
}

/// Whether `error` says that the process has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMFILE)
}

/// Another number after each fork, and the same ones in each world: what is made of it follows from the seed.
pub(crate) fn process() -> u64 {
    world::try_with(|world| world.forks).unwrap_or(0) + 1
}

/// Another number in each world, and after each fork in it.
fn owner() -> u64 {
    world::try_with(|world| world.number << 8 | world.forks).unwrap_or(0)
}

/// Zeroes `memory`.
///
/// # Safety
/// None is needed here.
pub unsafe fn zero(memory: &mut [MaybeUninit<u8>]) {
    memory.fill(MaybeUninit::new(0));
}

thread_local! {
    /// The values of the statics, each with the process and the world that have it.
    static STATICS: RefCell<BTreeMap<usize, (u64, &'static dyn Any)>> = const { RefCell::new(BTreeMap::new()) };
}

/// A value for the whole process, made when it is first used. There are so many worlds that it would take long to look
/// through the values of all of them, so only that of the present one is kept.
#[derive(Debug)]
pub(crate) struct ProcessWide<T: 'static> {
    make: fn() -> T,
}

impl<T> ProcessWide<T> {
    pub(crate) const fn new(make: fn() -> T) -> ProcessWide<T> {
        ProcessWide { make }
    }

    /// This process's own.
    pub(crate) fn get(&'static self) -> &'static T {
        let (key, owner) = (std::ptr::from_ref(self) as usize, owner());
        let known = STATICS.with(|statics| statics.borrow().get(&key).copied());
        if let Some((known, value)) = known
            && known == owner
            && let Some(value) = value.downcast_ref()
        {
            return value;
        }
        let value: &'static T = Box::leak(Box::new((self.make)()));
        STATICS.with(|statics| statics.borrow_mut().insert(key, (owner, value)));
        value
    }
}
