//! Godots that were built otherwise, as the extension sees them.
//!
//! Godot loads this library in place of the extension's, which lies beside it, and hands it on with a `get_proc_address`
//! that answers as the other Godot would. Each entry symbol is such a Godot. `cargo xtask test` has a Godot load them all
//! (`rust/xtask/src/other_godots.rs`).

#![cfg(unix)]

mod builds;
mod functions;
mod levels;
mod names;
mod real;

use std::ffi::c_void;

use builds::Build;

/// What Godot answers to the name of a function.
type GetProcAddress = unsafe extern "C" fn(*const std::ffi::c_char) -> Option<Function>;
type Function = unsafe extern "C" fn();
/// Whatever the library only hands on.
type Pointer = *mut c_void;
type Entry = unsafe extern "C" fn(GetProcAddress, Pointer, Pointer) -> u8;

/// Defines entry symbols: the Godot that each is.
macro_rules! entries {
    ($($entry:ident: $build:expr;)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $entry(
            get_proc_address: GetProcAddress,
            library: Pointer,
            init: Pointer,
        ) -> u8 {
            // SAFETY: Godot calls it with what is the entry's of a library.
            unsafe { real::load(&$build, get_proc_address, library, init) }
        }
    )*};
}

entries! {
    as_it_is: builds::AS_IT_IS;
    without_3d: builds::WITHOUT_3D;
    without_peers: builds::WITHOUT_PEERS;
    without_has_connections: builds::WITHOUT_HAS_CONNECTIONS;
    without_deprecated: builds::WITHOUT_DEPRECATED;
    of_4_3: builds::OF_4_3;
    of_double_precision: builds::OF_DOUBLE_PRECISION;
}
