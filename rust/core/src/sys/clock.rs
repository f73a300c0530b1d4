//! The system's clock, and a cheaper tick counter for very short times. Such a time often decides
//! whether a system call can be avoided, and even reading the system's clock costs several times as
//! much as a tick counter.

use std::time::Instant;

/// Returns the current time.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The processor's time-stamp counter. It grows until the machine sleeps, and may restart then.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn ticks() -> u64 {
    // SAFETY: Every x86-64 processor has the time-stamp counter, and systems let programs read it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// 2 to 4 microseconds in ticks: time-stamp counters run at 2 to 4 GHz. A message through a pipe
/// takes longer.
#[cfg(target_arch = "x86_64")]
pub(crate) const SHARED_POLL_TICKS: u64 = 8_000;

/// Nanoseconds since the first call.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn ticks() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// 3 microseconds in ticks.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const SHARED_POLL_TICKS: u64 = 3_000;
