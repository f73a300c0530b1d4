//! A clock for very short times that costs less than the system's: the answers it guards cost as much as reading one.

/// A moment, as a number that grows until the machine sleeps.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn ticks() -> u64 {
    // SAFETY: Every x86-64 processor has a time-stamp counter, and systems let programs read it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// 10 to 20 microseconds in ticks: time-stamp counters run at 2 to 4 GHz.
#[cfg(target_arch = "x86_64")]
pub(crate) const SHORT: u64 = 40_000;

/// A moment, in nanoseconds since some other one.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn ticks() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// 20 microseconds in ticks.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const SHORT: u64 = 20_000;
