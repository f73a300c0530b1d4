//! Godots that were built otherwise, as the extension sees them.
//!
//! Godot loads this library in place of the extension's library, which lies beside it. This library
//! loads that one with a `get_proc_address` that answers as the other Godot would. Each entry
//! symbol is such a Godot. `cargo xtask test` makes a Godot load them all
//! (`rust/xtask/src/other_godots.rs`).

#![cfg(unix)]

mod builds;
mod functions;
mod real;

/// Defines entry symbols: the Godot that each is.
macro_rules! entries {
    ($($entry:ident: $build:ident;)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $entry(
            get_proc_address: real::GetProcAddress,
            library: real::Pointer,
            init: real::Pointer,
        ) -> u8 {
            real::set(&builds::$build, get_proc_address);
            // SAFETY: Godot calls this as the entry of a library.
            unsafe { functions::load(library, init) }
        }
    )*};
}

entries! {
    as_it_is: AS_IT_IS;
    without_3d: WITHOUT_3D;
    without_peers: WITHOUT_PEERS;
    without_has_connections: WITHOUT_HAS_CONNECTIONS;
    without_deprecated: WITHOUT_DEPRECATED;
    of_4_3: OF_4_3;
    of_double_precision: OF_DOUBLE_PRECISION;
}
