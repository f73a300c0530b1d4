//! A chroot or a container in which /proc is not mounted.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use stream_socket::{Address, BindAddress, ListenOptions, Listener};

use crate::support::*;

/// Hides /proc from this process alone. Returns false where that is not permitted.
fn hide_proc() -> bool {
    // SAFETY: The calls change only this process's view of the file system, and their texts are
    // zero-terminated.
    unsafe {
        let user = if libc::geteuid() == 0 {
            0
        } else {
            libc::CLONE_NEWUSER
        };
        let nothing = c"none".as_ptr();
        let (root, proc, kind) = (c"/".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr());
        let private = libc::MS_REC | libc::MS_PRIVATE;
        libc::unshare(libc::CLONE_NEWNS | user) == 0
            && libc::mount(nothing, root, nothing, private, std::ptr::null()) == 0
            && libc::mount(nothing, proc, kind, 0, std::ptr::null()) == 0
    }
}

/// The process that sees no /proc.
#[test]
fn child_without_proc() {
    let Some(folder) = argument() else { return };
    // Only a process with one thread can enter a user namespace. The test harness has more threads,
    // so this forks a child with one thread. SAFETY: The child has one thread, makes calls that
    // need no other, and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        if !hide_proc() {
            // SAFETY: The call ends the child.
            unsafe { libc::_exit(NOT_PERMITTED) };
        }
        let outcome = std::panic::catch_unwind(|| listen_with_modes(&folder));
        // SAFETY: The call ends the child.
        unsafe { libc::_exit(i32::from(outcome.is_err())) };
    }
    let mut status = 0;
    // SAFETY: The call writes the status only.
    unsafe { libc::waitpid(child, &mut status, 0) };
    std::process::exit(libc::WEXITSTATUS(status));
}

fn listen_with_modes(folder: &str) {
    assert!(!std::path::Path::new("/proc/self").exists());
    for mode in [0o600, 0o200, 0o666, 0o777] {
        let path = std::path::Path::new(folder).join(format!("{mode:o}"));
        let listener = Listener::new();
        let listened = listener.listen(
            &BindAddress::Unix(path.clone()),
            ListenOptions::new(5).with_mode(mode),
        );
        match listened {
            Ok(()) => {
                let file = fs::symlink_metadata(&path).unwrap();
                assert_eq!(file.permissions().mode() & 0o777, mode);
                drop(connected(&Address::Unix(path)));
            }
            // Linux before 6.6 cannot restore permissions that the umask removes. The error names
            // what is missing.
            Err(error) => {
                assert!(error.to_string().contains("/proc"), "{mode:o}: {error}");
                assert!(!path.exists(), "no socket file is left");
                assert!(mode & 0o022 != 0, "{mode:o}: the umask takes nothing away");
            }
        }
    }
}

#[test]
fn a_socket_file_gets_its_mode_without_proc() {
    const TEST: &str = "a_socket_file_gets_its_mode_without_proc";
    let directory = TemporaryDirectory::new();
    let child = "without_proc::child_without_proc";
    let why = "this process may not mount file systems";
    run_test(TEST, child, directory.0.to_str().unwrap(), why);
}
