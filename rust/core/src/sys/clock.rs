//! The clock, and one for very short times that costs less than the system's: the answers that it guards cost as much as
//! reading one.

use std::time::Instant;

/// The present.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A moment, as a number that grows until the machine sleeps.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn ticks() -> u64 {
    // SAFETY: Every x86-64 processor has a time-stamp counter, and systems let programs read it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// About 3 microseconds in ticks (2 to 4: time-stamp counters run at 2 to 4 GHz). A message through a pipe takes longer.
#[cfg(target_arch = "x86_64")]
pub(crate) const SHORT: u64 = 8_000;

/// A moment, in nanoseconds since some other one.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn ticks() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// 3 microseconds in ticks.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const SHORT: u64 = 3_000;
