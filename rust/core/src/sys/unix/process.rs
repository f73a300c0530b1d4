//! The process: its network interfaces, descriptors, library, forks and memory.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// The index of the network interface `name`, which may already be an index (if_nametoindex(3)).
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = name.parse() {
        return Some(index);
    }
    let name = CString::new(name).ok()?;
    // SAFETY: A `CString` is zero-terminated.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// How many descriptors the process may have open (getrlimit(2), RLIMIT_NOFILE). `None` without a
/// limit.
pub(crate) fn descriptor_limit() -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: getrlimit writes the structure and nothing else.
    let outcome = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    let is_limited = outcome == 0 && limit.rlim_cur != libc::RLIM_INFINITY;
    is_limited.then(|| usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
}

/// How many descriptor numbers are checked, of the highest and of the lowest.
const MAX_HIGH: usize = 4096;
const MAX_LOW: usize = 1024;

/// How many more descriptors the process may open, counted up to `enough`. Under a large limit only
/// some numbers are checked: first the highest, because the system assigns the lowest free number,
/// so the highest are used last; then the lowest, because a process that has used all may have
/// closed those that it had opened first. `None` without a limit.
pub(crate) fn count_free_descriptors(enough: usize) -> Option<usize> {
    let limit = descriptor_limit()?;
    let high = limit.saturating_sub(MAX_HIGH);
    let numbers = (high..limit).rev().chain(0..high.min(MAX_LOW));
    let is_free = |number: &usize| {
        libc::c_int::try_from(*number).is_ok_and(|number| {
            // SAFETY: F_GETFD changes nothing, and fails for a number that is not open (fcntl(2)).
            unsafe { libc::fcntl(number, libc::F_GETFD) == -1 }
        })
    };
    Some(numbers.filter(is_free).take(enough).count())
}

/// Whether `error` means that the process, or the system, has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// The number of processors of the machine that are online (sysconf(3)). Unlike
/// [`std::thread::available_parallelism`], it counts those that this process may not use.
pub(crate) fn count_processors() -> usize {
    // SAFETY: sysconf changes nothing and accepts any name.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(count).unwrap_or(1)
}

/// Prevents the unloading of this library (dlopen(3), RTLD_NODELETE). Does nothing in a program
/// that the library is linked into.
pub(crate) fn keep_library_mapped() {
    // SAFETY: dladdr writes to `info` only, and accepts any address. The name that it finds is
    // zero-terminated and lives as long as the library. Opening a library that is loaded already
    // runs none of its code.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let here = keep_library_mapped as *const ();
        if libc::dladdr(here.cast(), &mut info) != 0 && !info.dli_fname.is_null() {
            let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
            libc::dlopen(info.dli_fname, flags);
        }
    }
}

/// How many forks this process is away from the process of the first call. A child has none of its
/// parent's threads, and its copy of an epoll descriptor refers to the epoll set of its parent
/// (fork(2); epoll(7), question 2 and below).
pub(crate) fn process() -> u64 {
    static FORKS: AtomicU64 = AtomicU64::new(0);
    static COUNTING: Once = Once::new();
    extern "C" fn count() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    COUNTING.call_once(|| {
        // SAFETY: `count` only changes an atomic number, so it may run in the child of a threaded
        // process. The C library removes the handler when it unloads this library.
        unsafe { libc::pthread_atfork(None, None, Some(count)) };
    });
    FORKS.load(Ordering::Relaxed)
}

/// The least number of bytes for which the system is asked for zeroed pages.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MIN_BYTES_TO_UNMAP: usize = 1 << 20;

/// The size of the system's pages in bytes, a power of two.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn page_size() -> Option<usize> {
    // SAFETY: sysconf changes nothing and accepts any name (sysconf(3)).
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size)
        .ok()
        .filter(|size| size.is_power_of_two())
}

/// Zeroes `memory`. The system takes back the pages of a large buffer, and provides zeroed pages
/// when they are used (madvise(2), MADV_DONTNEED). So pages that were never used stay unused.
///
/// # Safety
/// The memory comes from an allocator, or is smaller than a mebibyte. Pages that map a file would
/// get the content of the file instead of zeros.
pub unsafe fn zero(memory: &mut [MaybeUninit<u8>]) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if memory.len() >= MIN_BYTES_TO_UNMAP
        && let Some(page) = page_size()
    {
        let (head, rest) =
            memory.split_at_mut(memory.as_ptr().align_offset(page).min(memory.len()));
        let (pages, tail) = rest.split_at_mut(rest.len() / page * page);
        // SAFETY: The exclusive borrow covers all of these pages. The caller guarantees that they
        // come from an allocator, so they are private and anonymous, and read as zeros afterwards.
        let outcome =
            unsafe { libc::madvise(pages.as_mut_ptr().cast(), pages.len(), libc::MADV_DONTNEED) };
        if outcome == 0 {
            head.fill(MaybeUninit::new(0));
            tail.fill(MaybeUninit::new(0));
            return;
        }
    }
    memory.fill(MaybeUninit::new(0));
}

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tests {
    use std::thread::{self, available_parallelism};

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::*;

    #[test]
    fn processors_that_a_thread_may_not_use_count() {
        let of_all = count_processors();
        let pinned = thread::spawn(|| {
            let usable = sched_getaffinity(None).unwrap();
            let first = (0..CpuSet::MAX_CPU).find(|&cpu| usable.is_set(cpu));
            let mut one = CpuSet::new();
            one.set(first.unwrap());
            sched_setaffinity(None, &one).unwrap();
            assert_eq!(available_parallelism().unwrap().get(), 1);
            count_processors()
        });
        assert_eq!(pinned.join().unwrap(), of_all);
    }
}
