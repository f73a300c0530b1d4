//! Calls of the engine that print errors for what untrusted clients send.

use std::sync::{Mutex, MutexGuard, PoisonError};

use godot::classes::Engine;
use godot::obj::Singleton;

/// How many calls are quiet, and whether errors were printed before the first of them. Without the
/// count, a thread could take the silence of another thread for the setting of a script.
static QUIET: Mutex<(u32, bool)> = Mutex::new((0, true));

/// While one of these exists, the engine prints no errors, not even those of other threads. So it
/// should exist only for a moment.
pub(super) struct Quiet(());

impl Quiet {
    pub(super) fn new() -> Quiet {
        let mut quiet = lock();
        if quiet.0 == 0 {
            let mut engine = Engine::singleton();
            quiet.1 = engine.is_printing_error_messages();
            engine.set_print_error_messages(false);
        }
        quiet.0 += 1;
        Quiet(())
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let mut quiet = lock();
        quiet.0 -= 1;
        if quiet.0 == 0 {
            Engine::singleton().set_print_error_messages(quiet.1);
        }
    }
}

fn lock() -> MutexGuard<'static, (u32, bool)> {
    QUIET.lock().unwrap_or_else(PoisonError::into_inner)
}
