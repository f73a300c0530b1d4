//! Features that some systems lack. A test that needs one is skipped, and a line reports it.

use std::io::Write;

use socket2::{Domain, Socket, Type};

use super::processes::is_emulated;

/// Reports that `test` is skipped. It writes to standard error itself: the harness would show the
/// line for failed tests only.
pub fn skipped(test: &str, why: &str) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_fmt(format_args!("SKIPPED {test}: {why}\n"));
}

/// Whether the system has Unix domain sockets. If not, a line reports that `test` is skipped, or it
/// fails where the environment says that they are expected.
pub fn has_unix_sockets(test: &str) -> bool {
    let has = Socket::new(Domain::UNIX, Type::STREAM, None).is_ok()
        || std::env::var_os("EXPECT_UNIX_SOCKETS").is_some();
    if !has {
        skipped(test, "this system has no Unix domain sockets");
    }
    has
}

/// Whether this is Wine, which lacks some of what Windows has.
fn is_wine() -> bool {
    #[cfg(windows)]
    {
        use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
        // SAFETY: Both names are zero-terminated, and the library is in every process.
        let found = unsafe {
            let library = GetModuleHandleA(c"ntdll.dll".as_ptr().cast());
            GetProcAddress(library, c"wine_get_version".as_ptr().cast())
        };
        found.is_some()
    }
    #[cfg(not(windows))]
    false
}

/// Whether the system reports a reset as an error. Wine does not: its own query of the socket takes
/// the error, and the next receive returns an end. A line then reports that `test` is skipped.
pub fn reports_resets(test: &str) -> bool {
    if is_wine() {
        skipped(test, "Wine reports a reset as an end");
    }
    !is_wine()
}

/// Whether the number of keep-alive probes can be set. It cannot in Wine; a line then reports that
/// `test` is skipped.
pub fn counts_keep_alive(test: &str) -> bool {
    if is_wine() {
        skipped(test, "Wine has no TCP_KEEPCNT");
    }
    !is_wine()
}

/// Whether sockets are watched together, and not probed one by one.
pub fn is_watching() -> bool {
    std::env::var_os("STREAM_SOCKET_DIRECT").is_none()
}

/// Whether the system reports TCP's round-trip times. An emulator does not; a line then reports
/// that `test` is skipped.
pub fn reports_round_trips(test: &str) -> bool {
    let reports = cfg!(target_os = "linux") && !is_emulated();
    if !reports {
        skipped(test, "this system does not report round-trip times");
    }
    reports
}
