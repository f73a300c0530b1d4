//! Tests that run in a process of their own, or alone in this one.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::skipped;

/// Whether this program can be started once more. It cannot in an emulator; a line then reports
/// that `test` is skipped.
pub fn can_start_itself(test: &str) -> bool {
    let can = !is_emulated();
    if !can {
        skipped(test, "the emulator does not start programs");
    }
    can
}

/// Whether this program runs in an emulator, which starts it through a loader: the current
/// executable is then the loader.
pub(super) fn is_emulated() -> bool {
    let program = std::env::current_exe().unwrap();
    let name = std::env::args_os().next().map(PathBuf::from);
    name.is_none_or(|name| name.file_name() != program.file_name())
}

/// Runs the test `name` of this program, with the path of its module, in a process of its own. Its
/// standard input and standard error are pipes, and [`argument`] returns `argument` there.
pub fn spawn_test(name: &str, argument: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(ARGUMENT, argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The exit status of a child that is not permitted to give up a right or a resource, as the test
/// requires.
pub const NOT_PERMITTED: i32 = 77;

/// Runs the test `child` with `argument` in a process of its own, and asserts that it passes.
/// `test` is skipped where no process can be started, and for the reason `why` where the child ends
/// with [`NOT_PERMITTED`].
pub fn run_test(test: &str, child: &str, argument: &str, why: &str) {
    if !can_start_itself(test) {
        return;
    }
    let output = spawn_test(child, argument).wait_with_output().unwrap();
    match output.status.code() {
        Some(NOT_PERMITTED) => skipped(test, why),
        code => assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// The argument of [`spawn_test`], in the process that it has started.
pub fn argument() -> Option<String> {
    std::env::var(ARGUMENT).ok()
}

const ARGUMENT: &str = "STREAM_SOCKET_TEST_ARGUMENT";

/// While it lives no other test of this program that calls this function runs.
pub fn only_test() -> MutexGuard<'static, ()> {
    static ONLY: Mutex<()> = Mutex::new(());
    ONLY.lock().unwrap_or_else(PoisonError::into_inner)
}
