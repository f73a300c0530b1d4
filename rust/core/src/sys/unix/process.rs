//! The process: its memory, its forks.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of the network interface `name`, which may already be a number (if_nametoindex(3)).
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = name.parse() {
        return Some(index);
    }
    let name = CString::new(name).ok()?;
    // SAFETY: The name is zero-terminated.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// How many descriptors the process may have (getrlimit(2), RLIMIT_NOFILE). `None` without a limit.
pub(crate) fn descriptor_limit() -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: It writes the structure only.
    let outcome = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    let is_limited = outcome == 0 && limit.rlim_cur != libc::RLIM_INFINITY;
    is_limited.then(|| usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
}

/// So many numbers of descriptors are looked at.
const LOOKED_AT: usize = 4096;

/// How many more descriptors the process may open, counted up to `enough`. Of a large limit the
/// highest numbers are looked at: the system gives the lowest that is free, so they are taken last.
/// `None` without a limit.
pub(crate) fn count_free_descriptors(enough: usize) -> Option<usize> {
    let limit = descriptor_limit()?;
    let numbers = (limit.saturating_sub(LOOKED_AT)..limit).rev();
    let is_free = |number: &usize| {
        libc::c_int::try_from(*number).is_ok_and(|number| {
            // SAFETY: It only asks, and any number may be asked for (fcntl(2), F_GETFD).
            unsafe { libc::fcntl(number, libc::F_GETFD) == -1 }
        })
    };
    Some(numbers.filter(is_free).take(enough).count())
}

/// Whether `error` says that the process, or the system, has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Loads this library once more, never to be unloaded (dlopen(3), RTLD_NODELETE). In a program that it is linked
/// into there is nothing to keep.
pub(crate) fn keep_library_mapped() {
    // SAFETY: dladdr writes to `info` only; the address is that of a function of this library. The name it finds is
    // zero-terminated and lives as long as the library, and opening a library again runs none of its code.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let here = keep_library_mapped as *const ();
        if libc::dladdr(here.cast(), &mut info) != 0 && !info.dli_fname.is_null() {
            let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
            libc::dlopen(info.dli_fname, flags);
        }
    }
}

/// How many forks this process is away from the first one that asked. A child has none of its parent's threads, and what
/// it has of an epoll set is its parent's (fork(2); epoll(7), question 2 and below).
pub(crate) fn process() -> u64 {
    static FORKS: AtomicU64 = AtomicU64::new(0);
    static COUNTING: Once = Once::new();
    extern "C" fn count() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    COUNTING.call_once(|| {
        // SAFETY: `count` may be called in a child of whatever process: it changes one atomic number. It is forgotten when
        // the library is unloaded (pthread_atfork(3), and the C library's own bookkeeping).
        unsafe { libc::pthread_atfork(None, None, Some(count)) };
    });
    FORKS.load(Ordering::Relaxed)
}

/// From so many bytes on it is worth asking the system for zeroed pages.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MANY: usize = 1 << 20;

/// The size of the system's pages in bytes, a power of two.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn page_size() -> Option<usize> {
    // SAFETY: It only asks (sysconf(3)).
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size)
        .ok()
        .filter(|size| size.is_power_of_two())
}

/// Zeroes `memory`, to be handed to somebody who would use it uninitialised. Where that is much, the system takes its pages
/// back and gives zeroed ones when they are used (madvise(2), MADV_DONTNEED), so that memory which was never touched stays
/// untouched.
///
/// # Safety
/// The memory comes from an allocator, or is smaller than a mebibyte. Pages of a file would show the file's content instead.
pub unsafe fn zero(memory: &mut [MaybeUninit<u8>]) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if memory.len() >= MANY
        && let Some(page) = page_size()
    {
        let (head, rest) =
            memory.split_at_mut(memory.as_ptr().align_offset(page).min(memory.len()));
        let (pages, tail) = rest.split_at_mut(rest.len() / page * page);
        // SAFETY: The pages lie in one buffer that nobody else uses. An allocator gets its memory from the system as private
        // and anonymous, as the caller guarantees, and such pages read as zeros afterwards.
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
